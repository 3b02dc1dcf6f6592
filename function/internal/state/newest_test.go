package state_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestTheNewestDocumentIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bucket *bucket
		from   int64
		want   int64
		most   int // listings
	}{
		"the only one":                          {newBucket().fill(t, 1, 1), 0, 1, 1},
		"one of a few":                          {newBucket().fill(t, 1, 7), 0, 7, 1},
		"one whose first ones were removed":     {newBucket().fill(t, 4711, 4720), 0, 4720, 1},
		"the last of a page":                    {newBucket().fill(t, 1, 1000), 0, 1000, 3},
		"the first of the second page":          {newBucket().fill(t, 1, 1001), 0, 1001, 3},
		"one of a month":                        {newBucket().fill(t, 9_999, 12_345), 0, 12_345, 5},
		"one of a history that nothing removes": {newBucket().fill(t, 1, 20_000), 0, 20_000, 15},
		"known from before":                     {newBucket().fill(t, 1, 3000), 3000, 3000, 1},
		"newer than known from before":          {newBucket().fill(t, 1, 3000), 2999, 3000, 1},
		"after the bucket was emptied":          {newBucket().fill(t, 1, 3), 3000, 3, 2},
		"a listing that is behind":              {(&bucket{objects: map[string][]byte{}, behind: 3}).fill(t, 1, 7), 0, 7, 1},
		"other objects beside it":               {with(newBucket().fill(t, 1, 7), "rku/state/zz", "rku/state/", "rku/state/000000000008.json.bak", "rku/state/9.json", "rku/state/000000000000.json", "rku/statement"), 0, 7, 1},
		"pages of other objects behind it":      {with(newBucket().fill(t, 1, 7), many("rku/state/000000000007.json.%04d", 2500)...), 0, 7, 8},
		"pages of other objects before it":      {with(newBucket().fill(t, 1, 7), many("rku/state/000000000000.json.%04d", 2500)...), 0, 7, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := c.bucket.store("a").From(c.from).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d.Number != c.want {
				t.Errorf("number %d, want %d", d.Number, c.want)
			}
			listings := 0
			for _, call := range c.bucket.calls {
				if strings.HasPrefix(call, "keys") {
					listings++
				}
			}
			if listings > c.most {
				t.Errorf("%d listings, want at most %d", listings, c.most)
			}
		})
	}
}

// A listing is a little behind, not a thousand documents.
func TestNumbersThatDoNotEndAreNoDocuments(t *testing.T) {
	t.Parallel()
	b := newBucket().fill(t, 1, 2000)
	b.behind = 1990
	_, err := b.store("a").Load(t.Context())
	if err == nil || !strings.Contains(err.Error(), "something answers in place of OSS") {
		t.Errorf("got %v", err)
	}
	if calls := len(b.calls); calls > 1100 {
		t.Errorf("%d calls", calls)
	}
}

func with(b *bucket, keys ...string) *bucket {
	for _, key := range keys {
		b.objects[key] = []byte("{}")
	}
	return b
}

func many(form string, n int) (all []string) {
	for k := range n {
		all = append(all, fmt.Sprintf(form, k))
	}
	return all
}
