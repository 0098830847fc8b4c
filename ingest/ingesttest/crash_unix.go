//go:build unix

package ingesttest

import (
	"os"
	"syscall"
)

const canFreeze = true

// freeze stops a process, and thaw lets it go on.
func freeze(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

func thaw(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
