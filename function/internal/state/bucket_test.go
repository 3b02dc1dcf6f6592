package state_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/state"
)

// bucket is a bucket in memory. What goes wrong is set by call, such as "get" or "create".
type bucket struct {
	objects   map[string][]byte
	versioned bool
	calls     []string
	fail      func(call, key string) error
	// behind hides the last objects from listings.
	behind int
	// lost says what happens to a Create whose answer is lost: it is carried out, or it is not.
	lost func(key string) (carriedOut, isLost bool)
	// repeated says that a Create is carried out and then repeated by the client, which reports the second answer.
	repeated bool
}

func newBucket() *bucket { return &bucket{objects: map[string][]byte{}} }

func (b *bucket) call(call, key string) error {
	b.calls = append(b.calls, strings.TrimSpace(call+" "+key))
	if b.fail == nil {
		return nil
	}
	return b.fail(call, key)
}

// Get returns an object.
func (b *bucket) Get(_ context.Context, key string) ([]byte, error) {
	if err := b.call("get", key); err != nil {
		return nil, err
	}
	object, found := b.objects[key]
	if !found {
		return nil, &fault.Error{Op: "oss: GetObject " + key, Kind: fault.NotFound, Code: "NoSuchKey", Message: "The specified key does not exist."}
	}
	return slices.Clone(object), nil
}

// Create writes an object if there is none.
func (b *bucket) Create(_ context.Context, key string, body []byte) (bool, error) {
	if err := b.call("create", key); err != nil {
		return false, err
	}
	_, found := b.objects[key]
	if b.lost != nil {
		if carriedOut, isLost := b.lost(key); isLost {
			if carriedOut && !found {
				b.objects[key] = slices.Clone(body)
			}
			return false, lostAnswer(key)
		}
	}
	if found {
		return false, nil
	}
	b.objects[key] = slices.Clone(body)
	return !b.repeated, nil
}

func lostAnswer(key string) error {
	return &fault.Error{Op: "oss: PutObject " + key, Kind: fault.Unavailable, Message: "connection reset by peer", InDoubt: true}
}

// Keys lists objects.
func (b *bucket) Keys(_ context.Context, prefix, after string, most int) ([]string, error) {
	if err := b.call("keys", after); err != nil {
		return nil, err
	}
	all := slices.Sorted(maps.Keys(b.objects))
	all = all[:max(0, len(all)-b.behind)]
	all = slices.DeleteFunc(all, func(key string) bool { return !strings.HasPrefix(key, prefix) || key <= after })
	return all[:min(len(all), most)], nil
}

// Versioned reports whether the bucket has versioning.
func (b *bucket) Versioned(context.Context) (bool, error) {
	return b.versioned, b.call("versioned", "")
}

// store is a store over the bucket. Its nonces count.
func (b *bucket) store(by string) *state.Store {
	n := 0
	return state.New(b, "rku", by, func() string { n++; return fmt.Sprint(by, "-", n) })
}

// begun is a bucket with a first document.
func begun(tb testing.TB) *bucket {
	tb.Helper()
	b := newBucket()
	if _, err := b.store("deploy").Begin(tb.Context(), noon); err != nil {
		tb.Fatal(err)
	}
	return b
}

// fill puts documents with the numbers into the bucket. Only the last ones can be read, which is all that anybody does.
func (b *bucket) fill(tb testing.TB, from, to int64) *bucket {
	tb.Helper()
	first := text(tb, document(tb))
	for number, s := from, b.store(""); number <= to; number++ {
		if b.objects[s.Key(number)] = nil; number < to-10 {
			continue
		}
		b.objects[s.Key(number)] = []byte(strings.Replace(first, `"number": 42`, fmt.Sprintf(`"number": %d`, number), 1))
	}
	return b
}
