package stack_test

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/golden"
	"rds-kernel-upgrade/local/stack"
)

// moment is one of the calls of a rollout of one instance: the first of its action after something has happened.
type moment struct {
	name, service string              // name begins with the action
	after         func(c *cloud) bool // nil: at once
	besides       *faults.Fault       // what must go wrong for the call to be made
}

// moments are the calls of a sweep and of its follow-up, in their order.
func moments() []moment {
	called := func(c *cloud) bool { return len(c.RDS.CallsOf(upgradeCall)) > 0 }
	looking := func(c *cloud) bool {
		return slices.ContainsFunc(c.MNS.CallsOf("BatchReceiveMessage"), func(call fakemns.Call) bool { return call.Status == http.StatusOK })
	}
	published := func(tag string) func(c *cloud) bool {
		return func(c *cloud) bool { return slices.Contains(c.published(), tag) }
	}
	lost := faults.Fault{Action: upgradeCall, Kind: faults.ResetBefore, Times: 1} // it shows nothing, so that its task is asked for
	return []moment{
		{name: "DescribeDBInstances", service: "rds"},
		{name: "ListTagResources", service: "rds"},
		{name: "DescribeDBInstanceAttribute", service: "rds"},
		{name: "DescribeDBMiniEngineVersions", service: "rds"},
		{name: "SendMessage (armed)", service: "mns"},
		{name: "TagResources (intent)", service: "rds"},
		{name: upgradeCall, service: "rds"},
		{name: "DescribeHistoryTasks", service: "rds", besides: &lost},
		{name: "TagResources (called)", service: "rds", after: called},
		{name: "PublishMessage (accepted)", service: "mns"},
		{name: "SendMessage (in flight)", service: "mns", after: called},
		{name: "DeleteMessage (armed)", service: "mns"},
		{name: "BatchReceiveMessage", service: "mns"},
		{name: "DescribeDBInstanceAttribute (look)", service: "rds", after: looking},
		{name: "PublishMessage (completed)", service: "mns", after: looking},
		{name: "UntagResources", service: "rds"},
		{name: "DescribeDBInstances (anew)", service: "rds", after: looking},
		{name: "PublishMessage (report)", service: "mns", after: published("completed")},
		{name: "DeleteMessage (end)", service: "mns", after: looking},
	}
}

// published gives the tags of what was published so far.
func (c *cloud) published() (tags []string) {
	for _, m := range c.MNS.Published(stack.ResultTopic) {
		tags = append(tags, m.Tag)
	}
	return tags
}

// meets tells whether a fault makes sense at a call: the answer to a DeleteMessage has no body that could be cut short.
func (m moment) meets(kind faults.Kind) bool {
	return kind != faults.Truncate || m.action() != "DeleteMessage"
}

func (m moment) action() string {
	action, _, _ := strings.Cut(m.name, " ")
	return action
}

// TestRolloutFaultMatrix lets every fault happen once at every call of a rollout, and writes down what came of it when all was over.
func TestRolloutFaultMatrix(t *testing.T) {
	t.Parallel()
	kinds, all := faults.Kinds(), moments()
	lines := make([][]string, len(kinds))
	var tests []subtest
	for k, kind := range kinds {
		lines[k] = make([]string, len(all))
		for n, m := range all {
			if m.meets(kind) {
				tests = append(tests, subtest{fmt.Sprintf("%s at %s", kind, m.name), func(t *testing.T) {
					t.Helper()
					lines[k][n] = overcome(t, kind, m)
				}})
			}
		}
	}
	slices.SortStableFunc(tests, func(a, b subtest) int { return hangs(b) - hangs(a) }) // they take the longest
	atOnce(t, tests)
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "fault\tat\tupgrade calls\taccepted\tnotifications\trepeated\terrors\treport")
	for k, kind := range kinds {
		for n, m := range all {
			if m.meets(kind) {
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", kind, m.name, lines[k][n])
			}
		}
	}
	_ = w.Flush()
	golden.Text(t, "testdata/rollout-fault-matrix.txt", text.Bytes())
}

func hangs(s subtest) int {
	if strings.HasPrefix(s.name, string(faults.Hang)+" ") {
		return 1
	}
	return 0
}

// overcome plays a sweep with one fault, and says what it has come to.
func overcome(t *testing.T, kind faults.Kind, m moment) string {
	t.Helper()
	s := rolling(member(id))
	s.fc = func(o *fakefc.Options) { o.RetryDelay = time.Second }
	var met atomic.Bool
	s.wrap = faultOnce(kind, m, &met)
	c := start(t, s)
	if m.besides != nil {
		c.RDS.Faults().Add(*m.besides)
	}
	if _, err := c.FC.InvokeAsync(stack.RequestTopic, topicEvent(`{"kind":"sweep"}`)); err != nil {
		t.Fatal(err)
	}
	c.play(t)
	if !met.Load() || kind != faults.Latency && len(c.faults(m.service).List()) > 0 {
		t.Errorf("the fault was not met")
	}
	c.upgradedOnce(t, id)
	c.wantAccounts(t, all("completed", id))
	if lost := c.FC.Dropped(); len(lost) > 0 {
		t.Errorf("events were given up: %+v", lost)
	}
	c.clean(t)
	c.explain(t)
	return c.summary(t)
}

// summary is a line of the matrix.
func (c *cloud) summary(t *testing.T) string {
	t.Helper()
	calls, accepted := c.calls()
	var told, repeated, failed []string
	seen := map[string]bool{}
	for _, n := range c.notifications(t) {
		if seen[n.ID] {
			repeated = append(repeated, n.Tag)
			continue
		}
		seen[n.ID], told = true, append(told, n.Tag)
	}
	for _, i := range c.FC.Invocations() {
		if i.ErrorType != "" {
			failed = append(failed, read(t, fakefc.Result{Body: []byte(i.Body)}).ErrorType)
		}
	}
	var statuses []string
	for _, a := range c.accounts(t) {
		statuses = slices.AppendSeq(statuses, maps.Values(a.status))
	}
	return fmt.Sprintf("%d\t%d\t%s\t%s\t%s\t%s", calls, accepted, strings.Join(told, " "), dash(strings.Join(slices.Compact(repeated), " ")),
		dash(strings.Join(failed, " ")), strings.Join(statuses, " "))
}

// faultOnce sets the fault when its moment has come.
func faultOnce(kind faults.Kind, m moment, met *atomic.Bool) func(c *cloud, service string, next http.Handler) http.Handler {
	set := faults.Fault{Action: m.action(), Kind: kind, Times: 1}
	if kind == faults.Latency {
		set.Delay = 200 * time.Millisecond
	}
	return func(c *cloud, service string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if service == m.service && (m.after == nil || m.after(c)) && met.CompareAndSwap(false, true) {
				c.faults(service).Add(set)
			}
			next.ServeHTTP(w, r)
		})
	}
}
