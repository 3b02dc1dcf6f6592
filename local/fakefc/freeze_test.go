package fakefc_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakefc"
)

// size is how much the function's background work has written.
func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// stopped tells whether every thread of the process is.
func stopped(t *testing.T, pid int64) bool {
	t.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err == nil && !bytes.Contains(stat, []byte(") T ")) {
			return false
		}
	}
	return len(files) > 0
}

func TestBackgroundWorkDoesNotRunBetweenInvocations(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	file := filepath.Join(t.TempDir(), "written")
	result := invoke(t, s, fmt.Sprintf(`{"do":"background","file":%q,"ms":20}`, file))
	pid := decode[counts](t, result.Body).Pid
	waitFor(t, "the child to be frozen", func() bool { return stopped(t, pid) })
	before := size(t, file)
	time.Sleep(50 * time.Millisecond) // fifty writes, if it ran
	if after := size(t, file); after != before {
		t.Errorf("%d bytes were written while the child was frozen", after-before)
	}
	again := decode[counts](t, invoke(t, s, `{"ms":50}`).Body)
	if again.Pid != pid || again.Served != 2 {
		t.Errorf("process %d served its number %d, want %d and 2", again.Pid, again.Served, pid)
	}
	if size(t, file) == before {
		t.Error("nothing was written during the next invocation: the child was not thawed")
	}
}

func TestBackgroundWorkRunsOnWithoutFreezing(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *fakefc.Options) { o.NoFreeze = true })
	file := filepath.Join(t.TempDir(), "written")
	invoke(t, s, fmt.Sprintf(`{"do":"background","file":%q}`, file))
	before := size(t, file)
	waitFor(t, "background work", func() bool { return size(t, file) > before })
}

func TestAFrozenChildCanBeKilledAndReplaced(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	pid := decode[counts](t, invoke(t, s, "{}").Body).Pid
	waitFor(t, "the child to be frozen", func() bool { return stopped(t, pid) })
	s.Kill()
	if again := decode[counts](t, invoke(t, s, "{}").Body); again.Pid == pid {
		t.Errorf("process %d served again after it was killed", pid)
	}
}

func TestTheChildIsNotFrozenWhileAnotherInvocationRuns(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(o *fakefc.Options) { o.Concurrency = 2 })
	g := newGate(t)
	long := invokeAsync(t, s, "", g.event())
	waitRunning(t, s, 1)
	pid := decode[counts](t, invoke(t, s, "{}").Body).Pid
	time.Sleep(20 * time.Millisecond) // a stop signal would have arrived
	if stopped(t, pid) {
		t.Errorf("the child is frozen while %s runs", long)
	}
	g.open()
	waitIdle(t, s)
	waitFor(t, "the child to be frozen", func() bool { return stopped(t, pid) })
}
