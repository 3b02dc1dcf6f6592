package stack_test

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"

	"rds-kernel-upgrade/local/faults"
)

// TestAFaultChangesNothing lets one request of the built binary go wrong. Every fault at every request is played in virtual time (function).
func TestAFaultChangesNothing(t *testing.T) {
	t.Parallel()
	tasks := moment{"rds", "DescribeHistoryTasks", 1, "the tasks of an instance"}
	fleet := moment{"rds", "DescribeDBInstances", 1, "the fleet"}
	document := moment{"oss", "GetObject", 1, "the document"}
	newest := moment{"oss", "ListObjectsV2", 1, "the newest number"}
	versioning := moment{"oss", "GetBucketVersioning", 1, "whether the bucket has versioning"}
	var tests []subtest
	for _, c := range []struct {
		kind faults.Kind
		at   moment
	}{
		{faults.Empty, versioning},
		{faults.TokenExpired, newest},
		{faults.Truncate, document},
		{faults.HTML, fleet},
		{faults.ServerError, tasks},
		{faults.ResetBefore, intents},
		{faults.ResetAfter, intents},
		{faults.ResetBefore, call},
		{faults.ResetAfter, call},
		{faults.Hang, call},
		{faults.Throttle, call},
		{faults.Truncate, results},
		{faults.Hang, publish},
		{faults.ResetAfter, publish},
		{faults.Throttle, published},
		{faults.ServerError, archive},
	} {
		tests = append(tests, subtest{fmt.Sprintf("%s at %s", c.kind, c.at), func(t *testing.T) {
			t.Helper()
			overcome(t, c.kind, c.at)
		}})
	}
	atOnce(t, tests)
}

// overcome plays a sweep with one fault.
func overcome(t *testing.T, kind faults.Kind, m moment) {
	t.Helper()
	var count counter
	var met atomic.Bool
	c := start(t, setup{wrap: func(c *cloud, service string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if count.comes(service, r, m) {
				met.Store(true)
				c.faults(service).Add(faults.Fault{Action: "*", Kind: kind, Times: 1})
			}
			next.ServeHTTP(w, r)
		})
	}})
	c.later(t, topicEvent(`{"kind":"sweep"}`))
	c.play(t)
	if !met.Load() || len(c.faults(m.service).List()) > 0 {
		t.Error("the fault was not met")
	}
	c.upgradedOnce(t, id)
	c.wantAccounts(t, all("completed", id))
	if lost := c.FC.Dropped(); len(lost) > 0 {
		t.Errorf("events were given up: %+v", lost)
	}
	c.clean(t)
	c.explain(t)
}

func (c *cloud) faults(service string) *faults.Set {
	switch service {
	case "mns":
		return c.MNS.Faults()
	case "oss":
		return c.OSS.Faults()
	default:
		return c.RDS.Faults()
	}
}
