//go:build unix && !linux

package servertest

import "syscall"

// endWithParent does nothing: these systems cannot end a process with the one that started it.
func endWithParent(*syscall.SysProcAttr, syscall.Signal) {}
