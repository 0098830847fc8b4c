package servertest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// An account is the user that a server runs as. Nil is the one that runs the tests.
type account struct{ uid, gid int }

// unprivileged gives the account of that name, or else nobody's, if root runs the tests: no server runs as root.
func unprivileged(name string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return nil, err
	}
	a := &account{}
	if a.uid, err = strconv.Atoi(u.Uid); err == nil {
		a.gid, err = strconv.Atoi(u.Gid)
	}
	return a, err
}

func (a *account) String() string {
	if a == nil {
		return "who runs the tests"
	}
	return "user " + strconv.Itoa(a.uid)
}

// own gives a file to the account.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// A process is a program that runs, or did.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	err   error         // then: how
}

// run starts a program as an account. It gets the signal quit when the process that runs the tests ends, on Linux.
func run(cmd *exec.Cmd, as *account, quit syscall.Signal) (*process, error) {
	cmd.SysProcAttr = attributes(as, quit)
	p := &process{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Linux sends the signal when the thread ends that started the program. So that thread waits for it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.ended)
		}
	}()
	return p, <-started
}

func (p *process) signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// kill kills the process and its children, and returns when none of them is left. The error is that of ps, or says that
// a process would not die.
func (p *process) kill(ps string) error {
	// A process that is stopped makes no more children, and does not notice that one has died. Neither does another process
	// get a child's number as long as nobody has waited for it.
	if err := freeze(p.cmd.Process); errors.Is(err, os.ErrProcessDone) {
		<-p.ended
		return nil
	} else if err != nil {
		return err
	}
	all, err := processes(ps)
	if err != nil {
		return err
	}
	var children []int
	for pid, q := range all {
		if q.parent == p.cmd.Process.Pid {
			children = append(children, pid)
		}
	}
	for _, pid := range children {
		if c, err := os.FindProcess(pid); err == nil {
			_ = c.Kill() // what is dead already need not die
		}
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	for deadline := time.Now().Add(stopTimeout); ; time.Sleep(time.Millisecond) {
		if all, err = processes(ps); err != nil {
			return err
		}
		alive := 0
		for _, pid := range children {
			if q, ok := all[pid]; ok && !q.dead {
				alive++
			}
		}
		if alive == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of its processes are still alive after %v", alive, stopTimeout)
		}
	}
}

// A child is a line of ps.
type child struct {
	parent int
	dead   bool // and not waited for
}

// processes lists all processes of the machine.
func processes(ps string) (map[int]child, error) {
	out, err := exec.Command(ps, "-A", "-o", "pid=", "-o", "ppid=", "-o", "stat=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	all := map[int]child{}
	for line := range bytes.Lines(out) {
		var pid, parent int
		var state string
		if _, err := fmt.Sscan(string(line), &pid, &parent, &state); err != nil {
			return nil, fmt.Errorf("ps: %q: %w", line, err)
		}
		all[pid] = child{parent, state[0] == 'Z'}
	}
	return all, nil
}
