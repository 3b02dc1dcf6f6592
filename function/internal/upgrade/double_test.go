package upgrade_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	older = "rds_20240101"
	newer = "rds_20260228"
	id    = "rm-1"
)

// mysql is an instance that can be upgraded from older to newer; change it for a case.
func mysql(change ...func(*upgrade.Instance)) upgrade.Instance {
	i := upgrade.Instance{
		ID: id, RegionID: "cn-hangzhou", Engine: "MySQL", EngineVersion: "8.0", Category: "HighAvailability", StorageType: "cloud_essd",
		Status: "Running", LockMode: "Unlock", MaintainTime: "18:00Z-22:00Z",
		CurrentKernelVersion: older, LatestKernelVersion: newer,
	}
	for _, c := range change {
		c(&i)
	}
	return i
}

// api is an RDS API in memory. Faults are taken one after another, by action; "effect" before a fault's code makes the call happen
// although it fails.
type api struct {
	t         *testing.T
	mu        sync.Mutex // workers call at the same time
	instances map[string]upgrade.Instance
	offers    map[string][]upgrade.Offer
	tags      map[string]string // the claim tag, by instance
	faults    map[string][]error
	onUpgrade func(i *upgrade.Instance)
	afterTag  func(i *upgrade.Instance) // what happens between the claim and the call
	tasks     []upgrade.Task
	unlisted  int
	calls     []string // what was called, with what matters
	accepted  int
}

func newAPI(t *testing.T, instances ...upgrade.Instance) *api {
	t.Helper()
	a := &api{
		t: t, instances: map[string]upgrade.Instance{}, offers: map[string][]upgrade.Offer{}, tags: map[string]string{},
		faults: map[string][]error{}, onUpgrade: func(i *upgrade.Instance) { i.Status = "EngineVersionUpgrading" },
	}
	for _, i := range instances {
		a.instances[i.ID] = i
	}
	return a
}

func (a *api) fail(action string, faults ...error) *api {
	a.faults[action] = append(a.faults[action], faults...)
	return a
}

// counts says how often each action was called.
func (a *api) counts() map[string]int {
	counts := map[string]int{}
	for _, call := range a.calls {
		action, _, _ := strings.Cut(call, " ")
		counts[action]++
	}
	return counts
}

func (a *api) onTag(change func(i *upgrade.Instance)) { a.afterTag = change }

// Fleet lists the instances of a region as the listing has them, without versions.
func (a *api) Fleet(_ context.Context, region string, f upgrade.Filter) (fleet []upgrade.Instance, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.called("Fleet", region); err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(a.instances)) {
		i := a.instances[id]
		if i.RegionID != region || f.Engine != "" && i.Engine != f.Engine || f.ResourceGroupID != "" && i.ResourceGroupID != f.ResourceGroupID || !maps.Equal(f.Tags, a.among(id, f.Tags)) {
			continue
		}
		i.Listed, i.Tags = true, nil
		i.CurrentKernelVersion, i.LatestKernelVersion, i.MaintainTime = "", "", ""
		fleet = append(fleet, i)
	}
	return fleet, nil
}

// among gives those of an instance's tags that are in others.
func (a *api) among(id string, others map[string]string) map[string]string {
	found := map[string]string{}
	for key := range others {
		if value, ok := a.instances[id].Tags[key]; ok {
			found[key] = value
		}
	}
	return found
}

func (a *api) called(action, what string) error {
	a.calls = append(a.calls, action+" "+what)
	left := a.faults[action]
	if len(left) == 0 {
		return nil
	}
	a.faults[action] = left[1:]
	return left[0]
}

func (a *api) Instance(_ context.Context, region, id string) (upgrade.Instance, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.called("Instance", id); err != nil {
		return upgrade.Instance{}, err
	}
	i, known := a.instances[id]
	if !known || i.RegionID != region {
		return i, &fault.Error{Op: "rds: DescribeDBInstanceAttribute " + id, Kind: fault.NotFound, Code: "InvalidDBInstanceId.NotFound", Message: "no such instance"}
	}
	return i, nil
}

func (a *api) Tags(_ context.Context, _ string, ids []string) (map[string]map[string]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	tags := map[string]map[string]string{}
	for _, id := range ids {
		tags[id] = map[string]string{}
		maps.Copy(tags[id], a.instances[id].Tags)
		if claim, ok := a.tags[id]; ok {
			tags[id][upgrade.ClaimTag] = claim
		}
	}
	return tags, a.called("Tags", fmt.Sprint(ids))
}

// Offers gives what is offered to any instance of the kind.
func (a *api) Offers(_ context.Context, k upgrade.Kind) (all []upgrade.Offer, unlisted int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(a.instances)) {
		i := a.instances[id]
		same := k == upgrade.Kind{RegionID: i.RegionID, Engine: i.Engine, EngineVersion: i.EngineVersion, NodeType: i.Category, StorageType: i.StorageType}
		if !same && k.DBInstanceID != id {
			continue
		}
		for _, o := range a.offers[id] {
			if !slices.Contains(all, o) {
				all = append(all, o)
			}
		}
	}
	return all, a.unlisted, a.called("Offers", strings.TrimSpace(k.DBInstanceID+" "+k.Engine+" "+k.NodeType))
}

// someTask is a task that has begun at a time that RDS does not say.
var someTask = []upgrade.Task{{ID: "t-1", Status: upgrade.TaskRunning}}

func (a *api) Tasks(_ context.Context, _ string, ids []string, since, _ time.Time) (map[string][]upgrade.Task, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	tasks := map[string][]upgrade.Task{}
	for _, id := range ids {
		tasks[id] = a.tasks
	}
	return tasks, a.called("Tasks", strings.Join(ids, ",")+" "+since.Format("15:04:05"))
}

func (a *api) Tag(_ context.Context, _ string, ids []string, key, value string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.called("Tag", fmt.Sprint(ids, " ", value)); err != nil {
		return err
	}
	if key != upgrade.ClaimTag || len(value) > 128 || len(ids) > 50 {
		a.t.Errorf("the API would refuse tag %s=%q on %d instances", key, value, len(ids))
	}
	for _, id := range ids {
		a.tags[id] = value
		if i := a.instances[id]; a.afterTag != nil {
			a.afterTag(&i)
			a.instances[id] = i
		}
	}
	return nil
}

func (a *api) Untag(_ context.Context, _ string, ids []string, _ string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.called("Untag", fmt.Sprint(ids)); err != nil {
		return err
	}
	for _, id := range ids {
		delete(a.tags, id)
	}
	return nil
}

// lost is a fault after which nobody knows whether the call has happened.
type lost struct {
	fault  fault.Error
	effect bool
}

func (l *lost) Error() string { return l.fault.Error() }
func (l *lost) Unwrap() error { return &l.fault }

func lostAnswer(effect bool) error {
	return &lost{fault.Error{Op: "rds: UpgradeDBInstanceKernelVersion " + id, Kind: fault.Unavailable, Message: "connection reset", InDoubt: true}, effect}
}

func (a *api) Upgrade(_ context.Context, s upgrade.Step, may func() error) (upgrade.Acceptance, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := may(); err != nil {
		return upgrade.Acceptance{}, err
	}
	err := a.called("Upgrade", s.Instance.ID+" "+s.UpgradeTime+" "+s.Asked)
	if l, ok := err.(*lost); err != nil && (!ok || !l.effect) { //nolint:errorlint // the double's own error, as it made it
		return upgrade.Acceptance{}, err
	}
	a.accepted++
	i := a.instances[s.Instance.ID]
	a.onUpgrade(&i)
	a.instances[s.Instance.ID] = i
	if err != nil {
		return upgrade.Acceptance{}, err
	}
	return upgrade.Acceptance{
		RequestID: "DA2ECBA0-4745-4491-9166-799FF8984AC9", DBInstanceName: s.Instance.ID,
		TaskID: fmt.Sprint(226917710 + a.accepted), TargetMinorVersion: s.Target,
	}, nil
}

// delivery takes one request through observing, deciding and applying, as the handler does.
func (a *api) delivery(t *testing.T, rollout string, at time.Time, request events.Upgrade) []upgrade.Outcome {
	t.Helper()
	q := upgrade.Question{Request: single(request), Rollout: rollout, Region: "cn-hangzhou", Policy: policy.Default(), Now: at}
	run, plan := a.run(rollout, at), q.Decide(a.observe(t, q))
	return a.conclude(t, run, append(upgrade.Settled(plan), run.Apply(t.Context(), plan)...))
}

// observe looks at what a question is about.
func (a *api) observe(t *testing.T, q upgrade.Question) []upgrade.Instance {
	t.Helper()
	fleet, err := upgrade.Observer{Reader: a, Now: q.Now}.Observe(t.Context(), q.Scope())
	if err != nil {
		t.Fatal(err)
	}
	return fleet
}

// conclude is what follows when the outcomes are told.
func (a *api) conclude(t *testing.T, run upgrade.Run, outcomes []upgrade.Outcome) []upgrade.Outcome {
	t.Helper()
	run.Conclude(t.Context(), outcomes)
	return outcomes
}

func (a *api) run(rollout string, at time.Time) upgrade.Run {
	return upgrade.Run{
		API: a, Rollout: rollout, Now: func() time.Time { return at }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Deadline: time.Now().Add(time.Minute), Allowed: -1,
	}
}

func immediate() events.Upgrade {
	return events.Upgrade{DBInstanceID: id, UpgradeTime: events.Immediate}
}

// single is the request for one instance.
func single(u events.Upgrade) events.Request {
	return events.Request{Kind: events.KindUpgrade, Upgrade: u}
}
