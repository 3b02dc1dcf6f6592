package fakeoss_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// filled is a cloud whose bucket has the objects of the documentation's samples.
func filled(t *testing.T, more ...string) *cloud {
	t.Helper()
	c := start(t)
	for _, key := range append([]string{"c", "b/c", "bc", "a", "a/b", "b"}, more...) {
		must(t, c.Store(state, key, []byte(key)))
	}
	return c
}

func (c *cloud) list(t *testing.T, items ...string) reply {
	t.Helper()
	query := url.Values{"list-type": {"2"}}
	for _, item := range items {
		name, value, _ := strings.Cut(item, "=")
		query.Set(name, value)
	}
	return c.ask(t, "GET", state+"/?"+strings.ReplaceAll(query.Encode(), "+", "%20"), "")
}

func TestListing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		query          []string
		keys, prefixes []string
		more           bool
	}{
		"all, by name":                              {nil, []string{"a", "a/b", "b", "b/c", "bc", "c"}, nil, false},
		"of a prefix":                               {[]string{"prefix=a"}, []string{"a", "a/b"}, nil, false},
		"of a prefix that nothing has":              {[]string{"prefix=x"}, nil, nil, false},
		"after a name":                              {[]string{"start-after=b"}, []string{"b/c", "bc", "c"}, nil, false},
		"after a name that is not there":            {[]string{"start-after=b/a"}, []string{"b/c", "bc", "c"}, nil, false},
		"after the last":                            {[]string{"start-after=c"}, nil, nil, false},
		"so many":                                   {[]string{"max-keys=2"}, []string{"a", "a/b"}, nil, true},
		"as many as there are":                      {[]string{"max-keys=6"}, []string{"a", "a/b", "b", "b/c", "bc", "c"}, nil, false},
		"grouped":                                   {[]string{"delimiter=/"}, []string{"a", "b", "bc", "c"}, []string{"a/", "b/"}, false},
		"grouped, both kinds are counted":           {[]string{"delimiter=/", "max-keys=2"}, []string{"a"}, []string{"a/"}, true},
		"grouped within a prefix":                   {[]string{"delimiter=/", "prefix=b/"}, []string{"b/c"}, nil, false},
		"grouped by more than a character":          {[]string{"delimiter=/c"}, []string{"a", "a/b", "b", "bc", "c"}, []string{"b/c"}, false},
		"a group of which some come after the name": {[]string{"delimiter=/", "start-after=a/a"}, []string{"b", "bc", "c"}, []string{"a/", "b/"}, false},
		"a group of which nothing comes after it":   {[]string{"delimiter=/", "start-after=a/b"}, []string{"b", "bc", "c"}, []string{"b/"}, false},
		"an empty prefix is none":                   {[]string{"prefix=", "delimiter="}, []string{"a", "a/b", "b", "b/c", "bc", "c"}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := filled(t).list(t, tc.query...)
			got.want(t, 200, "", "")
			if diff := cmp.Diff([][]string{tc.keys, tc.prefixes}, [][]string{got.all("Contents/Key"), got.all("CommonPrefixes/Prefix")}); diff != "" {
				t.Error(diff)
			}
			if got.text("KeyCount") != fmt.Sprint(len(tc.keys)+len(tc.prefixes)) || got.text("IsTruncated") != fmt.Sprint(tc.more) || (got.text("NextContinuationToken") != "") != tc.more {
				t.Errorf("got %s", got.body)
			}
		})
	}
}

func TestTheListQueryIsChecked(t *testing.T) {
	t.Parallel()
	for query, ec := range map[string]string{
		"max-keys=0": "0015-00000402", "max-keys=1001": "0015-00000402", "max-keys=-1": "0015-00000402", "max-keys=x": "0015-00000402", "max-keys=": "0015-00000402",
		"list-type=1": "0015-00000401", "list-type=": "0015-00000401",
		"continuation-token=2": "0015-00000404", "continuation-token=": "0015-00000404", "continuation-token=YQ==": "0015-00000404",
		"encoding-type=xml": "", "prefix=" + strings.Repeat("a", 1024): "", "delimiter=" + strings.Repeat("a", 1024): "", "start-after=" + strings.Repeat("a", 1024): "",
	} {
		t.Run(query[:min(len(query), 30)], func(t *testing.T) {
			t.Parallel()
			got := filled(t).list(t, query)
			got.want(t, 400, "InvalidArgument", ec)
			if name, value, _ := strings.Cut(query, "="); got.text("ArgumentName") != name || got.text("ArgumentValue") != value {
				t.Errorf("got %s", got.body)
			}
		})
	}
	for _, query := range []string{"max-keys=1", "max-keys=1000", "encoding-type=url", "encoding-type=URL", "prefix=" + strings.Repeat("a", 1023)} {
		filled(t).list(t, query).want(t, 200, "", "")
	}
}

func TestPagesTogetherAreTheWholeListing(t *testing.T) {
	t.Parallel()
	c := filled(t, "a/", "a/b/c", "d/1", "d/2", "d/3", "ü +%&<>", "ü\x01")
	for _, delimiter := range []string{"", "/"} {
		whole := c.list(t, "delimiter="+delimiter, "encoding-type=url")
		for size := 1; size <= 13; size++ {
			var keys, prefixes []string
			items := []string{"delimiter=" + delimiter, "encoding-type=url", fmt.Sprintf("max-keys=%d", size), "start-after=" + "A"}
			for page := c.list(t, items...); ; {
				keys, prefixes = append(keys, page.all("Contents/Key")...), append(prefixes, page.all("CommonPrefixes/Prefix")...)
				next := page.text("NextContinuationToken")
				if next == "" {
					break
				}
				if len(keys) > 13 {
					t.Fatalf("it does not end: %s", page.body)
				}
				if page.text("KeyCount") != fmt.Sprint(size) {
					t.Fatalf("a page that is not the last is full: %s", page.body)
				}
				plain, err := url.QueryUnescape(next)
				must(t, err)
				page = c.list(t, append(items, "continuation-token="+plain)...)
				if got, err := url.QueryUnescape(page.text("ContinuationToken")); err != nil || got != plain {
					t.Fatalf("got %s", page.body)
				}
			}
			if diff := cmp.Diff([][]string{whole.all("Contents/Key"), whole.all("CommonPrefixes/Prefix")}, [][]string{keys, prefixes}); diff != "" {
				t.Fatalf("pages of %d, delimiter %q: %s", size, delimiter, diff)
			}
		}
	}
}

func TestNamesAreEscapedWhenTheClientAsksForIt(t *testing.T) {
	t.Parallel()
	c := filled(t, "ü +%&<>")
	if got := c.list(t, "prefix=ü").text("Contents/Key"); got != "ü +%&<>" {
		t.Errorf("got %q", got)
	}
	got := c.list(t, "prefix=ü ", "encoding-type=url", "delimiter=%", "start-after=b/c")
	for path, want := range map[string]string{
		"CommonPrefixes/Prefix": "%C3%BC%20%2B%25", "Prefix": "%C3%BC%20", "Delimiter": "%25", "StartAfter": "b/c", "EncodingType": "url", "Name": state, "MaxKeys": "100",
	} {
		if got.text(path) != want {
			t.Errorf("%s: got %q, want %q", path, got.text(path), want)
		}
	}
}

func TestThousandObjectsAPage(t *testing.T) {
	t.Parallel()
	c := start(t)
	for n := range 1001 {
		must(t, c.Store(state, fmt.Sprintf("state/%010d.json", n), nil))
	}
	for want, items := range map[string][]string{"100": nil, "1000": {"max-keys=1000"}} {
		if got := c.list(t, items...); got.text("KeyCount") != want || got.text("IsTruncated") != "true" {
			t.Errorf("got %s objects, want %s", got.text("KeyCount"), want)
		}
	}
}
