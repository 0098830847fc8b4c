//go:build unix

package servertest

import (
	"os"
	"syscall"
)

// attributes makes a process run as an account, and in a group of its own: a Ctrl-C is for the tests, and they end it.
func attributes(as *account, quit syscall.Signal) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if as != nil {
		attr.Credential = &syscall.Credential{Uid: uint32(as.uid), Gid: uint32(as.gid)}
	}
	endWithParent(attr, quit)
	return attr
}

func freeze(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }
