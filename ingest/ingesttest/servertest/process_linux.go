package servertest

import "syscall"

func endWithParent(attr *syscall.SysProcAttr, quit syscall.Signal) { attr.Pdeathsig = quit }
