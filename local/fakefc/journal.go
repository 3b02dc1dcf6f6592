package fakefc

import (
	"bytes"
	"io"
	"sync"
	"time"
)

const (
	keptLog  = 1 << 20                // of an instance
	logGrace = 250 * time.Millisecond // for the last lines of an invocation to arrive
)

// sharedWriter lets the instances, old and new, write to one place.
type sharedWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *sharedWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(text)
}

// journal is the log of one instance: passed on as it comes, and kept for the invocations' own logs.
type journal struct {
	out   io.Writer
	mu    sync.Mutex
	text  []byte
	start int           // place of text[0] in all that was ever written
	grew  chan struct{} // closed and replaced at each write
}

func newJournal(out io.Writer) *journal { return &journal{out: out, grew: make(chan struct{})} }

// Write never fails: a child must not be hindered by whoever reads its log.
func (j *journal) Write(text []byte) (int, error) {
	_, _ = j.out.Write(text)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text = append(j.text, text...)
	if extra := len(j.text) - keptLog; extra > 0 {
		j.text, j.start = j.text[extra:], j.start+extra
	}
	close(j.grew)
	j.grew = make(chan struct{})
	return len(text), nil
}

// end is the place where the next line will be.
func (j *journal) end() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.start + len(j.text)
}

// since gives what was written from a place on. It waits a moment for the line that ends the invocation: the runtime
// prints it before it answers, but a pipe lies between.
func (j *journal) since(place int, requestID string) []byte {
	late := time.NewTimer(logGrace)
	defer late.Stop()
	for {
		text, grew := j.from(place)
		if bytes.Contains(text, []byte("FC Invoke End RequestId: "+requestID)) {
			return text
		}
		select {
		case <-grew:
		case <-late.C:
			return text
		}
	}
}

func (j *journal) from(place int) ([]byte, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.text[max(place-j.start, 0):]), j.grew
}
