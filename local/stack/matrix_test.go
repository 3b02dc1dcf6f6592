package stack_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/golden"
)

// stage is one of the function's calls. Two of them are made only in the course of something else.
type stage struct {
	name, service, action string
	request               string // besides the instance
	done                  string // the notification that must be published once in the end
	claim                 string // how the claim begins in the end
	prepare               func(i *fakerds.Instance)
	besides               *faults.Fault // what must go wrong for the call to be made
}

var stages = []stage{
	upgrading("DescribeDBInstanceAttribute"),
	upgrading("ListTagResources"),
	upgrading("DescribeDBMiniEngineVersions"),
	upgrading("TagResources (intent)"),
	upgrading("UpgradeDBInstanceKernelVersion"),
	{
		name: "DescribeHistoryTasks", service: "rds", action: "DescribeHistoryTasks", done: "accepted", claim: "called ", prepare: far,
		request: `,"UpgradeTime":"MaintainTime"`, // a lost answer that no status makes up for
		besides: &faults.Fault{Action: "UpgradeDBInstanceKernelVersion", Kind: faults.ResetAfter, Times: 1},
	},
	upgrading("TagResources (called)"),
	{name: "PublishMessage", service: "mns", action: "PublishMessage", request: target, done: "accepted", claim: "called "},
	{name: "UntagResources", service: "rds", action: "UntagResources", done: "completed", prepare: proven},
}

const target = `,"TargetMinorVersion":"rds_20260228"`

func upgrading(name string) stage {
	action, _, _ := strings.Cut(name, " ")
	return stage{name: name, service: "rds", action: action, request: target, done: "accepted", claim: "called "}
}

// proven is an instance on which an earlier rollout's upgrade has reached its target.
func proven(i *fakerds.Instance) {
	i.CurrentKernelVersion = i.LatestKernelVersion
	i.Tags = map[string]string{"kernel-upgrade-claim": "called rds_20260228 00000000000000aa 20261122t110000z 20261122t110000z 226917711"}
}

// cell is what one fault at one call comes to: in the delivery that meets it, and after two more.
type cell struct {
	calls, accepted       int
	notifications, failed string
	later                 string
}

// TestFaultMatrix lets every fault happen once at every call of the function, and writes down what came of it.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	kinds := faults.Kinds()
	cells := make([][]cell, len(kinds))
	var g errgroup.Group
	g.SetLimit(24) // most of them wait
	for k, kind := range kinds {
		cells[k] = make([]cell, len(stages))
		for n := range stages {
			g.Go(func() error {
				cells[k][n] = meet(t, kind, n)
				return nil
			})
		}
	}
	_ = g.Wait()
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "fault\tat\tupgrade calls\taccepted\tnotifications\terror\tafter two more deliveries")
	for k, kind := range kinds {
		for n, stage := range stages {
			c := cells[k][n]
			_, _ = fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n",
				kind, stage.name, c.calls, c.accepted, dash(c.notifications), dash(c.failed), c.later)
		}
	}
	_ = w.Flush()
	golden.Text(t, "testdata/fault-matrix.txt", text.Bytes())
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func meet(t *testing.T, kind faults.Kind, n int) cell {
	t.Helper()
	s := stages[n]
	c := start(t, setup{policy: quick, wrap: faultAt(kind, s), instance: s.prepare})
	if s.besides != nil {
		c.RDS.Faults().Add(*s.besides)
	}
	event := topicEvent(`{"DBInstanceId":"` + id + `"` + s.request + `}`)
	first := c.deliver(t, event)
	var met cell
	met.calls, met.accepted = c.calls()
	met.notifications = tags(c.notifications(t))
	if first.ErrorType != "" {
		met.failed = read(t, first).ErrorType
	}
	c.faults("rds").Clear()
	c.faults("mns").Clear()
	time.Sleep(1500 * time.Millisecond) // verify.first is over, in whole seconds
	for range 2 {
		if r := c.deliver(t, event); r.ErrorType != "" {
			t.Errorf("%s at %s: delivered again: %s", kind, s.name, r.Body)
		}
	}
	_, accepted := c.calls()
	ids := len(c.ids(t, s.done))
	met.later = fmt.Sprintf("%d call accepted, %d %s", accepted, ids, s.done)
	if accepted > 1 || accepted == 0 && s.done == "accepted" || ids != 1 {
		t.Errorf("%s at %s: %s", kind, s.name, met.later)
	}
	if claim := c.claim(); !strings.HasPrefix(claim, s.claim) || s.claim == "" && claim != "" {
		t.Errorf("%s at %s: the claim is %q", kind, s.name, claim)
	}
	c.noSecrets(t)
	return met
}

// faultAt sets the fault before the first request of the stage.
func faultAt(kind faults.Kind, s stage) func(c *cloud, service string, next http.Handler) http.Handler {
	set := faults.Fault{Action: s.action, Kind: kind, Times: 1}
	if kind == faults.Latency {
		set.Delay = 200 * time.Millisecond
	}
	return func(c *cloud, service string, next http.Handler) http.Handler {
		done := false
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			upgraded, _ := c.calls()
			if service == s.service && !done && (s.name != "TagResources (called)" || upgraded == 1) {
				done = true
				c.faults(service).Add(set)
			}
			next.ServeHTTP(w, r)
		})
	}
}

func (c *cloud) faults(service string) *faults.Set {
	if service == "mns" {
		return c.MNS.Faults()
	}
	return c.RDS.Faults()
}
