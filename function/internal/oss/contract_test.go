package oss_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/oss"
)

// place is a server that speaks OSS, with an empty bucket whose name is the constant bucket, and no other.
type place struct {
	*testing.T
	client func(bucket string) *oss.Client // one for a bucket, which need not be there
	set    func(versioning string)         // Enabled or Suspended, for the bucket
}

// TestTheContract: what the client promises to those who keep their state by it, at a double of OSS.
func TestTheContract(t *testing.T) {
	t.Parallel()
	tryContract(t, newDouble)
}

// tryContract tries every line of the contract at a place of its own.
func tryContract(t *testing.T, at func(*testing.T) place) {
	t.Helper()
	for name, try := range contract {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try(at(t))
		})
	}
}

var contract = map[string]func(place){
	"an object is read as it was created": func(p place) {
		t := p.T
		c := p.client(bucket)
		for key, content := range map[string]string{
			"plain.json":          `{"a":"<&>\"'"}`,
			"compressed":          "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xca\x00",
			"bytes of all values": allBytes(),
			"empty":               "",
			"long":                strings.Repeat("0123456789abcdef", 1<<16),
			"a/b+c d%20/ü?x=1&y":  "named oddly",
		} {
			wantCreated(t, c, key, content, true)
			wantContent(t, c, key, content)
		}
	},
	"an object that is there is not created again, and stays as it is": func(p place) {
		t := p.T
		c := p.client(bucket)
		wantCreated(t, c, key, "first", true)
		wantCreated(t, c, key, "second", false)
		wantCreated(t, c, key, "first", false)
		wantContent(t, c, key, "first")
	},
	"of many who create an object at once, one does": func(p place) {
		t := p.T
		var winners atomic.Int64
		var winner atomic.Value
		var all sync.WaitGroup
		for n := range 24 {
			all.Go(func() {
				content := fmt.Sprintf("from %d", n)
				created, err := p.client(bucket).Create(t.Context(), key, []byte(content))
				if err != nil {
					t.Errorf("%d: %v", n, err)
				}
				if created {
					winners.Add(1)
					winner.Store(content)
				}
			})
		}
		all.Wait()
		if n := winners.Load(); n != 1 {
			t.Fatalf("%d have created it", n)
		}
		wantContent(t, p.client(bucket), key, winner.Load().(string))
	},
	"a missing object is not found": func(p place) {
		t := p.T
		content, err := p.client(bucket).Get(t.Context(), "nowhere")
		if f := fault.From(err); err == nil || content != nil || f.Kind != fault.NotFound || f.Code != "NoSuchKey" || f.InDoubt || f.RequestID == "" {
			t.Errorf("got %q, %+v", content, f)
		}
	},
	"keys are listed in ascending order, those with a prefix and after a key, and so many": func(p place) {
		t := p.T
		c := p.client(bucket)
		for _, key := range []string{"s/10", "s/9", "s/", "s/2+2", "s/2 2", "s/Z", "s/é", "t/1", "s", "r"} {
			wantCreated(t, c, key, "x", true)
		}
		for _, test := range []struct {
			prefix, after string
			most          int
			want          []string
		}{
			{"s/", "", 100, []string{"s/", "s/10", "s/2 2", "s/2+2", "s/9", "s/Z", "s/é"}},
			{"s/", "s/2 2", 100, []string{"s/2+2", "s/9", "s/Z", "s/é"}},
			{"s/", "s/3", 100, []string{"s/9", "s/Z", "s/é"}}, // which need not be there
			{"s/", "s/2 2", 2, []string{"s/2+2", "s/9"}},
			{"s/", "", 1, []string{"s/"}},
			{"s/", "", 0, []string{}},
			{"s/", "s/é", 10, []string{}},
			{"nothing/", "", 10, []string{}},
			{"", "", 3, []string{"r", "s", "s/"}},
			{"t", "s/9", 10, []string{"t/1"}},
		} {
			got, err := c.Keys(t.Context(), test.prefix, test.after, test.most)
			must(t, err)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("with %q after %q, at most %d (-want +got):\n%s", test.prefix, test.after, test.most, diff)
			}
		}
	},
	"more keys than one answer has are listed": func(p place) {
		t := p.T
		var want []string
		var all sync.WaitGroup
		for n := range 1_010 {
			want = append(want, fmt.Sprintf("s/%05d", n))
		}
		for part := range slices.Chunk(want, 101) {
			all.Go(func() {
				for _, key := range part {
					wantCreated(t, p.client(bucket), key, "x", true)
				}
			})
		}
		all.Wait()
		for _, most := range []int{1_009, 1_010, 5_000} {
			got, err := p.client(bucket).Keys(t.Context(), "s/", "", most)
			must(t, err)
			if diff := cmp.Diff(want[:min(most, len(want))], got); diff != "" {
				t.Errorf("at most %d (-want +got):\n%s", most, diff)
			}
		}
	},
	"a bucket whose versioning was never enabled has none": func(p place) {
		t := p.T
		if versioned, err := p.client(bucket).Versioned(t.Context()); versioned || err != nil {
			t.Errorf("got %t, %v", versioned, err)
		}
	},
	"a bucket with versioning says so, and nothing counts as created there":     versioned("Enabled"),
	"a bucket that had versioning says so, and nothing counts as created there": versioned("Suspended"),
	"without the bucket every call says what to do": func(p place) {
		t := p.T
		for op, call := range calls {
			got, err := call(t.Context(), p.client("nowhere"))
			f := fault.From(err)
			if err == nil || got != "" || f.Kind != fault.Invalid || f.Code != "NoSuchBucket" || f.InDoubt || !strings.HasSuffix(f.Message, ": make the bucket (deploy/) and name it in STATE_BUCKET") {
				t.Errorf("%s: got %q, %v", op, got, err)
			}
		}
	},
}

func versioned(status string) func(place) {
	return func(p place) {
		t := p.T
		c := p.client(bucket)
		p.set(status)
		if versioned, err := c.Versioned(t.Context()); !versioned || err != nil {
			t.Errorf("got %t, %v", versioned, err)
		}
		for range 2 {
			created, err := c.Create(t.Context(), key, []byte(body))
			f := fault.From(err)
			if err == nil || created || f.Kind != fault.Invalid || f.InDoubt || !strings.Contains(f.Message, "the bucket has or had versioning") {
				t.Errorf("got %t, %v", created, err)
			}
		}
	}
}

func allBytes() string {
	var all []byte
	for n := range 256 {
		all = append(all, byte(n))
	}
	return string(all)
}

func wantCreated(t *testing.T, c *oss.Client, key, content string, want bool) {
	t.Helper()
	if created, err := c.Create(t.Context(), key, []byte(content)); err != nil || created != want {
		t.Errorf("create %s: got %t, %v, want %t", key, created, err, want)
	}
}

func wantContent(t *testing.T, c *oss.Client, key, want string) {
	t.Helper()
	if got, err := c.Get(t.Context(), key); err != nil || string(got) != want {
		t.Errorf("read %s: %d bytes, %.100q, %v, want %d", key, len(got), got, err, len(want))
	}
}
