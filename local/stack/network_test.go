package stack_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

// network stands between the function and the services: it brings some requests twice, some when the function has given them up, and some
// after those that were sent later.
type network struct {
	seed    uint64
	trouble float64       // how likely a request gets into trouble
	late    time.Duration // how long it holds a request at the most

	mu    sync.Mutex
	count map[string]int
	under sync.WaitGroup // requests that will still arrive
	did   [4]atomic.Int32
}

// What the network does to a request.
const (
	copyBefore = iota
	copyAfter
	overtaken
	givenUp
)

// fate draws what becomes of a request; it follows from how many of its kind there were before.
func (n *network) fate(about string) (what int, pause time.Duration, trouble bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count[about]++
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, n.seed, about, n.count[about])
	random := rand.New(rand.NewPCG(h.Sum64(), n.seed))
	return random.IntN(4), time.Duration(random.Int64N(int64(n.late))), random.Float64() < n.trouble
}

func (n *network) wrap(_ *cloud, _ string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what, pause, trouble := n.fate(r.Method + r.URL.Path + r.URL.Query().Get("Action") + r.URL.Query().Get("DBInstanceId"))
		if !trouble {
			next.ServeHTTP(w, r)
			return
		}
		n.did[what].Add(1)
		body, _ := io.ReadAll(r.Body)
		arrive := func(w http.ResponseWriter) {
			again := r.Clone(context.WithoutCancel(r.Context()))
			again.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, again)
		}
		switch what {
		case copyBefore:
			arrive(discard{w})
		case copyAfter:
			n.later(pause, arrive)
		case overtaken:
			time.Sleep(pause)
		case givenUp:
			n.later(pause, arrive)
			panic(http.ErrAbortHandler)
		}
		arrive(w)
	})
}

func (n *network) later(pause time.Duration, arrive func(http.ResponseWriter)) {
	n.under.Go(func() {
		time.Sleep(pause)
		arrive(discard{})
	})
}

// TestABadNetworkChangesNothing holds requests for less than verify.first: by then all that will arrive has arrived. Other courses of the same are
// played in virtual time (function).
func TestABadNetworkChangesNothing(t *testing.T) {
	t.Parallel()
	replica := member("rr-one")
	replica.MasterInstanceID = "rm-primary"
	var tests []subtest
	for _, c := range []struct {
		name, request string
		fleet         []fakerds.Instance
		ids           []string
	}{
		{"a sweep in two waves", sweeping, members(three...), three},
		{"an advisory for a primary and its replica", advisory, []fakerds.Instance{member("rm-primary"), replica}, []string{"rm-primary", "rr-one"}},
	} {
		for seed := range uint64(2) {
			tests = append(tests, subtest{fmt.Sprintf("%s, seed %d", c.name, seed), func(t *testing.T) {
				t.Helper()
				throughNetwork(t, &network{seed: seed, trouble: 0.25, late: first() * 7 / 10, count: map[string]int{}}, c.request, c.fleet, c.ids)
			}})
		}
	}
	atOnce(t, tests)
}

func throughNetwork(t *testing.T, n *network, request string, fleet []fakerds.Instance, ids []string) {
	t.Helper()
	c := start(t, setup{fleet: fleet, wrap: n.wrap})
	t.Cleanup(n.under.Wait)
	c.later(t, topicEvent(request))
	c.play(t)
	n.under.Wait()
	c.play(t) // what has arrived since
	c.upgradedOnce(t, ids...)
	c.wantAccounts(t, all("completed", ids...))
	c.clean(t)
	if n.did[copyBefore].Load()+n.did[copyAfter].Load()+n.did[overtaken].Load()+n.did[givenUp].Load() < 3 {
		t.Error("the network was a good one: nothing was shown")
	}
	c.explain(t)
}
