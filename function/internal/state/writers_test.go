package state_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/state"
)

// contest is a bucket that two writers use at the same time. Every call waits for its turn, and what becomes of it is drawn: it is answered, its
// answer is lost, it is repeated by the client, or it is carried out much later.
type contest struct {
	bucket
	waiting chan turn
	history map[int64]*state.Document // what stood under each number, as it came
	late    []put
}

type put struct {
	key  string
	body []byte
}

// turn is a call that waits; it goes on with what is to become of it.
type turn struct {
	call string
	goOn chan string
}

// The fates of a call.
const (
	answered  = "answered"
	lostAfter = "carried out, and the answer lost"
	lostAhead = "lost on its way"
	delayed   = "carried out later, and no answer"
	repeated  = "carried out, and repeated by the client"
	refused   = "refused"
)

func (c *contest) fate(call string) string {
	t := turn{call, make(chan string)}
	c.waiting <- t
	return <-t.goOn
}

// Versioned waits for its turn.
func (c *contest) Versioned(ctx context.Context) (bool, error) {
	if c.fate("versioned") != answered {
		return false, unavailable
	}
	return c.bucket.Versioned(ctx)
}

// Get waits for its turn.
func (c *contest) Get(ctx context.Context, key string) ([]byte, error) {
	if c.fate("get") != answered {
		return nil, unavailable
	}
	return c.bucket.Get(ctx, key)
}

// Keys waits for its turn. A listing may be a little behind.
func (c *contest) Keys(ctx context.Context, prefix, after string, most int) ([]string, error) {
	switch c.fate("keys") {
	case answered:
		return c.bucket.Keys(ctx, prefix, after, most)
	case delayed:
		all, err := c.bucket.Keys(ctx, prefix, "", most)
		all = all[:max(1, len(all)-1)]
		return slices.DeleteFunc(all, func(key string) bool { return key <= after }), err
	default:
		return nil, unavailable
	}
}

// Create waits for its turn.
func (c *contest) Create(_ context.Context, key string, body []byte) (bool, error) {
	switch fate := c.fate("create"); fate {
	case answered:
		return c.land(put{key, body}), nil
	case repeated:
		c.land(put{key, body})
		return false, nil
	case lostAfter:
		c.land(put{key, body})
		return false, lostAnswer(key)
	case delayed:
		c.late = append(c.late, put{key, body})
		return false, lostAnswer(key)
	case lostAhead:
		return false, lostAnswer(key)
	default:
		return false, throttled
	}
}

// land is what OSS does with a write that may not overwrite.
func (c *contest) land(p put) bool {
	if _, found := c.objects[p.key]; found {
		return false
	}
	c.objects[p.key] = slices.Clone(p.body)
	d, err := state.Decode(p.body)
	if err != nil {
		panic(err)
	}
	c.history[d.Number] = d
	return true
}

// saved is a Save that its writer believes in.
type saved struct {
	number       int64
	nonce, after string // its own, and that of the document that it was made from
}

// writer loads, decides and saves. Its decision holds from which document it was made.
type writer struct {
	name  string
	saves []saved
	tried []string // the nonces of saves that certainly did not happen
	err   error
}

func (w *writer) work(ctx context.Context, c *contest, rounds int) {
	nonces := 0
	s := state.New(c, "rku", w.name, func() string { nonces++; return fmt.Sprint(w.name, nonces) })
	for round := range rounds {
		d, err := s.Load(ctx)
		if err != nil {
			continue
		}
		for again := true; again; again = err == nil && round%2 == 0 && len(w.saves)%3 != 0 { // sometimes it goes on with what it has saved
			after := d.Nonce
			d.Written = noon.Add(time.Duration(d.Number) * time.Second)
			d.Last = map[string]state.Last{"made from": {At: noon, Ended: state.EndedClosed, Rollout: after}}
			before := d.Number
			err = s.Save(ctx, d)
			switch nonce := fmt.Sprint(w.name, nonces); {
			case err == nil && (d.Nonce != nonce || d.Number != before+1):
				w.err = fmt.Errorf("it has saved number %d as %s, and the document is number %d of %s", before+1, nonce, d.Number, d.Nonce)
			case err == nil:
				w.saves = append(w.saves, saved{d.Number, nonce, after})
			case d.Number != before || d.Nonce != after:
				w.err = errors.New("a save that has failed has changed the document")
			case !fault.From(err).InDoubt:
				w.tried = append(w.tried, nonce)
			}
		}
	}
}

func TestTwoWritersNeverForkTheNumbers(t *testing.T) {
	t.Parallel()
	fates := map[string][]string{
		"versioned": {answered, answered, answered, refused}, "get": {answered, answered, answered, answered, refused}, "keys": {answered, answered, answered, delayed, refused},
		"create": {answered, answered, lostAfter, lostAhead, delayed, repeated, refused},
	}
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		c := &contest{bucket: *begun(t), waiting: make(chan turn), history: map[int64]*state.Document{}}
		writers, done := []*writer{{name: "a"}, {name: "b"}}, make(chan bool)
		for _, w := range writers {
			go func() {
				w.work(t.Context(), c, 5)
				done <- true
			}()
		}
		c.play(rt, done, len(writers), fates, seen)
		c.judge(rt, writers)
		seen["numbers"] += len(c.history)
	})
	for _, want := range []string{answered, lostAfter, lostAhead, delayed, repeated, refused, "landed late", "numbers"} {
		if seen[want] == 0 {
			t.Errorf("%s was never played", want)
		}
	}
}

// play lets the writers go on one call at a time, until both are done, and lands what is late at any moment.
func (c *contest) play(t *rapid.T, done chan bool, running int, fates map[string][]string, seen map[string]int) {
	var waiting []turn
	for running > 0 || len(waiting) > 0 {
		if len(waiting) < running {
			select {
			case next := <-c.waiting:
				waiting = append(waiting, next)
			case <-done:
				running--
			}
			continue
		}
		if len(c.late) > 0 && rapid.Bool().Draw(t, "land") {
			if c.land(c.late[0]) {
				seen["landed late"]++
			}
			c.late = c.late[1:]
		}
		n := rapid.IntRange(0, len(waiting)-1).Draw(t, "next")
		next := waiting[n]
		waiting = slices.Delete(waiting, n, n+1)
		fate := rapid.SampledFrom(fates[strings.Fields(next.call)[0]]).Draw(t, next.call)
		seen[fate]++
		next.goOn <- fate
	}
	for _, p := range c.late {
		c.land(p)
	}
}

// judge compares what the writers believe with what stands in the bucket.
func (c *contest) judge(t *rapid.T, writers []*writer) {
	before := "deploy-1"
	for number := int64(2); number < int64(len(c.objects)+1); number++ {
		d := c.history[number]
		if d == nil {
			t.Fatalf("number %d is missing among %d", number, len(c.objects))
		}
		if from := d.Last["made from"].Rollout; from != before {
			t.Fatalf("number %d was made from %s, and number %d is %s", number, from, number-1, before)
		}
		before = d.Nonce
	}
	for _, w := range writers {
		if w.err != nil {
			t.Fatalf("%s: %v", w.name, w.err)
		}
		for _, s := range w.saves {
			if d := c.history[s.number]; d == nil || d.Nonce != s.nonce || d.Last["made from"].Rollout != s.after || d.By != w.name {
				t.Fatalf("%s believes to have saved number %d as %s: there stands %v", w.name, s.number, s.nonce, d)
			}
		}
		for number, d := range c.history {
			if slices.Contains(w.tried, d.Nonce) {
				t.Fatalf("%s believes that number %d was not saved", w.name, number)
			}
		}
	}
}
