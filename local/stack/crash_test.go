package stack_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"rds-kernel-upgrade/local/stack"
)

// A moment is one of the function's requests: the nth of its action.
type moment struct {
	service, action string
	nth             int
	about           string // for people
}

func (m moment) String() string { return fmt.Sprintf("%s %d (%s)", m.action, m.nth, m.about) }

// The moments of a sweep in two waves, at which something can be lost.
var (
	look      = moment{"rds", "DescribeDBInstanceAttribute", 1, "the look at the fleet"}
	intents   = moment{"oss", "PutObject", 1, "the intents"}
	call      = moment{"rds", upgradeCall, 1, "the call"}
	results   = moment{"oss", "PutObject", 2, "the results"}
	publish   = moment{"mns", "PublishMessage", 2, "that the call was accepted"}
	published = moment{"oss", "PutObject", 3, "that it was published"}
	archive   = moment{"oss", "PutArchive", 1, "the archive"}
)

// actionOf names what a request of the function asks for. The archive of a rollout has a name of its own.
func actionOf(service string, r *http.Request) string {
	q := r.URL.Query()
	switch {
	case service == "rds":
		return q.Get("Action")
	case service == "mns":
		return "PublishMessage"
	case q.Has("versioning"):
		return "GetBucketVersioning"
	case q.Has("list-type"):
		return "ListObjectsV2"
	case r.Method == http.MethodGet:
		return "GetObject"
	case strings.Contains(r.URL.Path, "/"+stack.StatePrefix+"/rollouts/"):
		return "PutArchive"
	default:
		return "PutObject"
	}
}

// counter counts the requests of each action.
type counter struct {
	mu   sync.Mutex
	seen map[string]int
}

// comes counts a request, and reports whether it is the one of a moment.
func (n *counter) comes(service string, r *http.Request, m moment) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen == nil {
		n.seen = map[string]int{}
	}
	action := actionOf(service, r)
	n.seen[action]++
	return action == m.action && n.seen[action] == m.nth
}

// killer kills the process at one of its requests: before it arrives, or after its effect.
type killer struct {
	at     moment
	after  bool
	count  counter
	killed atomic.Bool
}

func (k *killer) wrap(c *cloud, service string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !k.count.comes(service, r, k.at) {
			next.ServeHTTP(w, r)
			return
		}
		if k.after {
			next.ServeHTTP(discard{w}, r)
		}
		k.killed.Store(true)
		c.FC.Kill()
		panic(http.ErrAbortHandler)
	})
}

// discard lets a handler act and drops its answer.
type discard struct{ http.ResponseWriter }

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// TestAProcessThatIsKilledLeavesOneRollout kills the built binary, and delivers its event again. The same is done at every request and at every
// pair of them in virtual time (function).
func TestAProcessThatIsKilledLeavesOneRollout(t *testing.T) {
	t.Parallel()
	var tests []subtest
	for _, m := range []moment{look, intents, call, results, publish, published, archive} {
		for _, after := range []bool{false, true} {
			if m == look && after || m == published && !after {
				continue // nothing has happened between it and another moment
			}
			tests = append(tests, subtest{fmt.Sprintf("%s, after its effect %v", m, after), func(t *testing.T) {
				t.Helper()
				k := killer{at: m, after: after}
				c := start(t, setup{fleet: members(three...), wrap: k.wrap})
				event := topicEvent(sweeping)
				c.later(t, event)
				c.play(t)
				c.deliver(t, event) // MNS may deliver it again when all is over
				c.play(t)
				if !k.killed.Load() {
					t.Error("the process was not killed: nothing was shown")
				}
				c.upgradedOnce(t, three...)
				c.wantAccounts(t, all("completed", three...))
				c.clean(t)
				c.explain(t)
			}})
		}
	}
	atOnce(t, tests)
}

// TestTenDeliveriesOfAMessageAreOneUpgrade lets one process have them one after the other, or all at once.
func TestTenDeliveriesOfAMessageAreOneUpgrade(t *testing.T) {
	t.Parallel()
	for _, together := range []int{1, 10} {
		t.Run(fmt.Sprintf("%d at a time", together), func(t *testing.T) {
			t.Parallel()
			c := start(t, setup{fc: concurrent(together)})
			event := topicEvent(plain)
			c.deliverMany(t, event, 10, together)
			c.play(t)
			c.deliverMany(t, event, 3, together)
			c.upgradedOnce(t, id)
			c.wantAccounts(t, all("completed", id))
			c.clean(t)
			c.explain(t)
		})
	}
}
