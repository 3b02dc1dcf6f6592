package fleet_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	older = "rds_20240101"
	newer = "rds_20260228"
)

var (
	throttled = &fault.Error{Op: "rds", Kind: fault.Throttled, Code: "Throttling.User", Message: "slow down"}
	denied    = &fault.Error{Op: "rds", Kind: fault.Denied, Code: "Forbidden.RAM", Message: "not authorized"}
	broken    = &fault.Error{Op: "rds", Kind: fault.Unavailable, Code: "InternalError", Message: "500", InDoubt: true}
)

type change = func(*fleet.Instance)

// mysql is an instance that can be upgraded from older to newer.
func mysql(id string, changes ...change) fleet.Instance {
	i := fleet.Instance{
		ID: id, RegionID: "cn-hangzhou", Engine: "MySQL", EngineVersion: "8.0", Category: "HighAvailability", StorageType: "cloud_essd",
		Status: "Running", LockMode: "Unlock", MaintainTime: "18:00Z-22:00Z", CurrentKernelVersion: older, LatestKernelVersion: newer,
		Tags: map[string]string{"kernel-upgrade": "auto"}, Offers: []fleet.Offer{{Version: newer, Online: true}},
	}
	for _, c := range changes {
		c(&i)
	}
	return i
}

// postgres is a PostgreSQL on cloud disks that can be upgraded.
func postgres(id string, changes ...change) fleet.Instance {
	return mysql(id, append([]change{func(i *fleet.Instance) {
		i.Engine, i.EngineVersion = fleet.PostgreSQL, "15.0"
		i.CurrentKernelVersion, i.LatestKernelVersion = "rds_postgres_1500_20240101", "rds_postgres_1500_20251130"
		i.Offers = []fleet.Offer{{Version: "rds_postgres_1500_20251130", Community: "15.15", Online: true}}
	}}, changes...)...)
}

// mysqls returns instances rm-000 and on.
func mysqls(n int) []fleet.Instance {
	all := make([]fleet.Instance, 0, n)
	for k := range n {
		all = append(all, mysql(fmt.Sprintf("rm-%03d", k)))
	}
	return all
}

func inRegion(region string) change { return func(i *fleet.Instance) { i.RegionID = region } }

func untagged(i *fleet.Instance) { i.Tags = nil }

func status(status string) change { return func(i *fleet.Instance) { i.Status = status } }

func primaryOf(replicas ...string) change {
	return func(i *fleet.Instance) { i.ReplicaIDs = replicas }
}

func replicaOf(primary string) change {
	return func(i *fleet.Instance) { i.PrimaryID, i.Type = primary, "Readonly" }
}

// api is an RDS API in memory. Its faults are taken one after another, by action and by instance.
type api struct {
	mu        sync.Mutex // workers call at the same time
	instances map[string]fleet.Instance
	tasks     []fleet.Task // of every instance
	faults    map[string][]error
	always    map[string]error // by action and what it is about
	took      time.Duration    // how long a call of always takes
	calls     []string         // action and what it is about
}

func serving(instances ...fleet.Instance) *api {
	a := &api{instances: map[string]fleet.Instance{}, faults: map[string][]error{}, always: map[string]error{}}
	for _, i := range instances {
		a.instances[i.ID] = i
	}
	return a
}

func (a *api) fail(action string, faults ...error) *api {
	a.faults[action] = append(a.faults[action], faults...)
	return a
}

// failAlways lets a call fail whenever it is made, each time after a while.
func (a *api) failAlways(call string, err error, took time.Duration) *api {
	a.always[call], a.took = err, took
	return a
}

func (a *api) called(action, about string) error {
	call := action + " " + about
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, call)
	if err := a.always[call]; err != nil {
		a.mu.Unlock()
		time.Sleep(a.took)
		a.mu.Lock()
		return err
	}
	left := a.faults[action]
	if len(left) == 0 {
		return nil
	}
	a.faults[action] = left[1:]
	return left[0]
}

// counts returns how often each action was called.
func (a *api) counts() map[string]int {
	counts := map[string]int{}
	for _, call := range a.calls {
		action, _, _ := strings.Cut(call, " ")
		counts[action]++
	}
	return counts
}

// of returns what the calls of an action were about, in alphabetical order.
func (a *api) of(action string) (all []string) {
	for _, call := range a.calls {
		if about, found := strings.CutPrefix(call, action+" "); found {
			all = append(all, about)
		}
	}
	slices.Sort(all)
	return all
}

// Fleet lists the instances of a region as the listing of RDS has them, without versions.
func (a *api) Fleet(_ context.Context, region string, f fleet.Filter) (all []fleet.Instance, err error) {
	if err := a.called("Fleet", region); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(a.instances)) {
		i := a.instances[id]
		if i.RegionID != region || f.Engine != "" && i.Engine != f.Engine || !i.Has(f.Tags) {
			continue
		}
		i.Listed, i.Tags, i.Offers = true, nil, nil
		i.CurrentKernelVersion, i.LatestKernelVersion, i.MaintainTime = "", "", ""
		all = append(all, i)
	}
	return all, nil
}

func (a *api) Instance(_ context.Context, region, id string) (fleet.Instance, error) {
	if err := a.called("Instance", id); err != nil {
		return fleet.Instance{}, err
	}
	i, known := a.instances[id]
	if !known || i.RegionID != region {
		return fleet.Instance{}, &fault.Error{Op: "rds: DescribeDBInstanceAttribute " + id, Kind: fault.NotFound, Message: "no such instance"}
	}
	i.Tags, i.Offers = nil, nil // RDS does not return them with the attributes
	return i, nil
}

func (a *api) Tags(_ context.Context, region string, ids []string) (map[string]map[string]string, error) {
	if err := a.called("Tags", fmt.Sprint(region, " ", len(ids))); err != nil {
		return nil, err
	}
	tags := map[string]map[string]string{}
	for _, id := range ids {
		if own := a.instances[id].Tags; len(own) > 0 {
			tags[id] = maps.Clone(own)
		}
	}
	return tags, nil
}

// Offers returns what is offered to any instance of the kind.
func (a *api) Offers(_ context.Context, k fleet.Kind) (all []fleet.Offer, unlisted int, err error) {
	if err := a.called("Offers", strings.Join(strings.Fields(k.DBInstanceID+" "+k.RegionID+" "+k.Engine+" "+k.NodeType+" "+k.StorageType), " ")); err != nil {
		return nil, 0, err
	}
	for _, id := range slices.Sorted(maps.Keys(a.instances)) {
		for _, o := range a.instances[id].Offers {
			if (a.instances[id].Kind() == k || id == k.DBInstanceID) && !slices.Contains(all, o) {
				all = append(all, o)
			}
		}
	}
	return all, a.instances[k.DBInstanceID].Unlisted, nil
}

func (a *api) Tasks(_ context.Context, _ string, ids []string, since, _ time.Time) (map[string][]fleet.Task, error) {
	about := strings.Join(ids, ",") + " " + since.Format("15:04:05")
	if len(ids) > 3 {
		about = fmt.Sprint(len(ids), " ", since.Format("15:04:05"))
	}
	if err := a.called("Tasks", about); err != nil {
		return nil, err
	}
	tasks := map[string][]fleet.Task{}
	for _, id := range ids {
		tasks[id] = a.tasks
	}
	return tasks, nil
}

// look observes with several workers, for half a minute at most.
func (a *api) look(t *testing.T, s fleet.Scope) ([]fleet.Instance, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	return fleet.Observer{Reader: a, Now: now, Workers: 16}.Observe(ctx, s)
}

// everything is a scope in which all is wanted of every instance that is opted in and behind, as a sweep has it.
func everything(regions ...string) fleet.Scope {
	if len(regions) == 0 {
		regions = []string{"cn-hangzhou"}
	}
	return fleet.Scope{
		Regions:   regions,
		Candidate: func(i fleet.Instance) bool { return i.Running() && i.Has(map[string]string{"kernel-upgrade": "auto"}) },
		Offered:   func(i fleet.Instance) bool { return i.CurrentKernelVersion != newer },
		Replica:   fleet.Instance.TakesReplicasAlong,
	}
}

// named is everything for instances that are asked for by id.
func named(s fleet.Scope, ids ...string) fleet.Scope {
	s.IDs = ids
	return s
}
