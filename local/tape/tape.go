// Package tape keeps what a program prints while it runs: the demonstration reads the function's log from one, and tests look into
// theirs. It interprets nothing.
package tape

import (
	"bytes"
	"sync"
)

// Tape keeps what a program or a process prints, and can be read while it prints.
type Tape struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the tape. It never fails.
func (t *Tape) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(text)
}

// String gives what is on the tape.
func (t *Tape) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// Reset wipes the tape.
func (t *Tape) Reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text.Reset()
}
