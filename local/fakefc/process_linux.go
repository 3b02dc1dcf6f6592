package fakefc

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// process is a child in a process group of its own.
type process struct {
	pid    int
	exited chan struct{} // closed when the child and what it left behind are gone
	peak   atomic.Int64
}

// startProcess starts the child. The thread that did stays with it, for the kernel kills the child (also a frozen
// one) when that thread ends: so the child cannot outlive this process, however that dies.
func startProcess(cmd *exec.Cmd, work *sync.WaitGroup) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 100 * time.Millisecond // for descendants that hold on to the log
	p := &process{exited: make(chan struct{})}
	started := make(chan error)
	work.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		_ = cmd.Wait() // how it ended does not matter: before it answered, any end is a crash
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		close(p.exited)
	})
	return p, <-started
}

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// signal reaches the whole group. A process that is gone needs no signal.
func (p *process) signal(s syscall.Signal) {
	if p.alive() {
		_ = syscall.Kill(-p.pid, s)
	}
}

func (p *process) freeze()    { p.signal(syscall.SIGSTOP) }
func (p *process) thaw()      { p.signal(syscall.SIGCONT) }
func (p *process) terminate() { p.signal(syscall.SIGTERM) }
func (p *process) kill()      { p.signal(syscall.SIGKILL) }

// memory is the largest resident set so far. Of a process that is gone it is what was known last.
func (p *process) memory() int64 {
	if !p.alive() {
		return p.peak.Load()
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if _, rest, found := bytes.Cut(status, []byte("VmHWM:")); err == nil && found {
		fields := bytes.Fields(rest)
		if kb, err := strconv.ParseInt(string(fields[0]), 10, 64); err == nil {
			p.peak.Store(kb << 10)
		}
	}
	return p.peak.Load()
}
