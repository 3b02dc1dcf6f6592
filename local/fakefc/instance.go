package fakefc

import (
	"context"
	"fmt"
	"hash/crc64"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	latest        = "LATEST"               // the only version there is
	deadlineGrace = 100 * time.Millisecond // a function that answers at its deadline is not killed for it
	askGrace      = 100 * time.Millisecond // how long a child may take to ask for more work before it is frozen anyway
	stopGrace     = 2 * time.Second        // between SIGTERM and SIGKILL
)

// instance is one child process and the runtime API that it polls.
type instance struct {
	*process
	id  string
	api *runtimeAPI
	log *journal

	mu      sync.Mutex
	running int
	served  int // invocations so far
	frozen  bool
}

// serving gives an instance that asks for invocations, starting one if need be. A child that ends or hangs before
// it asks is given back with its End; one that could not be executed is nil.
func (s *Server) serving(ctx context.Context) (*instance, End) {
	s.starting.Lock()
	defer s.starting.Unlock()
	inst, isNew, err := s.current()
	if isNew {
		s.o.OnStart(inst.pid)
	}
	if err != nil {
		_, _ = fmt.Fprintf(s.journal, "fakefc: %v\n", err)
		return nil, NotStarted
	}
	timeout := time.NewTimer(s.o.Timeout)
	defer timeout.Stop()
	end := End("")
	select {
	case <-inst.api.asked:
		return inst, ""
	case <-inst.exited:
		return inst, Crashed
	case <-timeout.C:
		end = NeverServed
	case <-ctx.Done():
		end = Canceled
	}
	inst.kill()
	<-inst.exited
	return inst, end
}

// current is the living instance, or a new one.
func (s *Server) current() (inst *instance, isNew bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.instance != nil && s.instance.alive() {
		return s.instance, false, nil
	}
	if s.closed {
		return nil, false, ErrClosed
	}
	if inst, err = s.start(); err != nil {
		return nil, false, err
	}
	s.instance = inst
	return inst, true, nil
}

func (s *Server) start() (*instance, error) {
	api, err := newRuntimeAPI(s.life)
	if err != nil {
		return nil, err
	}
	inst := &instance{id: "c-" + random(4) + "-" + random(10), api: api, log: newJournal(s.journal)}
	// Its end takes more than one signal (see stop), so that no context may end it.
	cmd := exec.CommandContext(context.WithoutCancel(s.life), s.o.Binary) //nolint:gosec // running the given binary is the purpose
	cmd.Dir, cmd.Env = s.o.CodeDir, s.environment(inst)
	cmd.Stdout, cmd.Stderr = inst.log, inst.log
	if inst.process, err = startProcess(cmd, &s.work); err != nil {
		api.close()
		return nil, err
	}
	s.work.Go(func() {
		<-inst.exited // a child whose runtime API goes away first asks for it without pause
		api.close()
	})
	return inst, nil
}

// environment is all that the child gets: no variable of this process reaches it. Credentials are not in it, since go1
// functions have them from their context.
func (s *Server) environment(inst *instance) []string {
	env := map[string]string{"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "TZ": "UTC"}
	maps.Copy(env, s.o.Env)
	maps.Copy(env, map[string]string{
		"FC_RUNTIME_API":          inst.api.address(),
		"FC_FUNC_CODE_PATH":       s.o.CodeDir + "/",
		"FC_FUNCTION_NAME":        s.o.Name,
		"FC_FUNCTION_HANDLER":     s.handler(),
		"FC_FUNCTION_MEMORY_SIZE": strconv.Itoa(s.o.MemoryMB),
		"FC_REGION":               s.o.Region,
		"FC_ACCOUNT_ID":           s.o.Account,
		"FC_QUALIFIER":            latest,
		"FC_VER_ID":               latest,
		"FC_INSTANCE_ID":          inst.id,
		"FC_RUNTIME":              "go1",
		"FC_TIMEOUT":              strconv.Itoa(int(s.o.Timeout.Seconds())),
	})
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// handler is the function's handler property: the binary's name at the root of the code package.
func (s *Server) handler() string { return filepath.Base(s.o.Binary) }

// begin thaws the child, and gives the place in its log where the invocation begins. To the first belongs what was
// written during the cold start.
func (i *instance) begin() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.frozen {
		i.thaw()
		i.frozen = false
	}
	i.running++
	i.served++
	i.memory() // a process that crashes cannot be asked any more
	if i.served == 1 {
		return 0
	}
	return i.log.end()
}

// finish freezes the child when nothing runs in it any more. It is frozen when it asks for the next invocation, as the
// runtime does, or after askGrace.
func (i *instance) finish(freeze bool) {
	i.api.awaitAsking(i.exited, askGrace)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.running--
	if freeze && i.running == 0 {
		i.freeze()
		i.frozen = true
	}
}

// run hands over one invocation and waits for its end. Everything but an answer costs the child its life.
func (i *instance) run(ctx context.Context, x *exchange, timeout time.Duration) Result {
	deadline := time.NewTimer(timeout + deadlineGrace)
	defer deadline.Stop()
	end := End("")
	for handOver := i.api.work; end == ""; {
		select {
		case handOver <- x:
			handOver = nil
		case a := <-x.answer:
			return a.result()
		case <-i.exited:
			end = Crashed
		case <-deadline.C:
			end = TimedOut
		case <-ctx.Done():
			end = Canceled
		}
	}
	i.kill()
	<-i.exited
	return Result{End: end}
}

// stop ends the child in an orderly way, or, when that takes too long, in any way.
func (i *instance) stop(ctx context.Context) {
	i.thaw()
	i.terminate()
	grace := time.NewTimer(stopGrace)
	defer grace.Stop()
	select {
	case <-i.exited:
	case <-grace.C:
	case <-ctx.Done():
	}
	i.kill()
	<-i.exited
}

// checksum is the CRC-64 of the code; without a readable binary there is none.
func checksum(path string) string {
	file, err := os.Open(path) //nolint:gosec // the binary that Options name
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	sum := crc64.New(crc64.MakeTable(crc64.ECMA))
	if _, err := io.Copy(sum, file); err != nil {
		return ""
	}
	return strconv.FormatUint(sum.Sum64(), 10)
}
