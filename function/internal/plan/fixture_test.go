package plan_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/schema"
)

// noon is when the stories of these tests begin: a Sunday.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

const (
	region = "cn-hangzhou"
	older  = "rds_20240101"
	middle = "rds_20250601"
	newer  = "rds_20260228"
	young  = "rds_20261120" // two days old at noon

	first  = 5 * time.Minute // verify.first, as it is by default
	giveUp = 6 * time.Hour   // verify.giveUp, as it is by default
)

var (
	throttled = &fault.Error{Kind: fault.Throttled, Code: "Throttling.User", Message: "slow down"}
	denied    = &fault.Error{Kind: fault.Denied, Code: "Forbidden.RAM", Message: "not authorized", RequestID: "F1A2"}
	missing   = &fault.Error{Kind: fault.NotFound, Code: "InvalidDBInstanceId.NotFound", Message: "no such instance"}
	conflict  = &fault.Error{Kind: fault.Conflict, Code: "TaskExists", Message: "a task exists"}
	lost      = &fault.Error{Kind: fault.Unavailable, Message: "connection reset", InDoubt: true}
)

type change = func(*fleet.Instance)

// mysql is an instance that can be upgraded from older to newer, and of which RDS was asked for tasks.
func mysql(id string, changes ...change) fleet.Instance {
	i := fleet.Instance{
		ID: id, RegionID: region, Engine: "MySQL", EngineVersion: "8.0", Category: "HighAvailability", StorageType: "cloud_essd",
		Status: "Running", LockMode: "Unlock", MaintainTime: "18:00Z-22:00Z", CurrentKernelVersion: older, LatestKernelVersion: newer,
		Tags: map[string]string{"kernel-upgrade": "auto"}, Offers: []fleet.Offer{online(newer)}, TasksAsked: true,
	}
	for _, c := range changes {
		c(&i)
	}
	return i
}

// mysqls returns n instances: rm-000 and on.
func mysqls(n int, changes ...change) (all []fleet.Instance) {
	for k := range n {
		all = append(all, mysql(fmt.Sprintf("rm-%03d", k), changes...))
	}
	return all
}

func online(version string) fleet.Offer { return fleet.Offer{Version: version, Online: true} }

func built(version, community string) fleet.Offer {
	return fleet.Offer{Version: version, Community: community, Online: true}
}

func offers(all ...fleet.Offer) change { return func(i *fleet.Instance) { i.Offers = all } }

func current(version string) change {
	return func(i *fleet.Instance) { i.CurrentKernelVersion = version }
}

func latest(version string) change {
	return func(i *fleet.Instance) { i.LatestKernelVersion = version }
}

func status(status string) change { return func(i *fleet.Instance) { i.Status = status } }

func fails(with *fault.Error) change { return func(i *fleet.Instance) { i.Fault = with } }

func inRegion(region string) change { return func(i *fleet.Instance) { i.RegionID = region } }

func untagged(i *fleet.Instance) { i.Tags = map[string]string{"env": "dev"} }

func locked(i *fleet.Instance) { i.LockMode = "ManualLock" }

func engine(name string) change { return func(i *fleet.Instance) { i.Engine = name } }

func hold(until string) change {
	return func(i *fleet.Instance) {
		i.Tags = map[string]string{"kernel-upgrade": "auto", "kernel-upgrade-hold": until}
	}
}

func env(value string) change {
	return func(i *fleet.Instance) { i.Tags = map[string]string{"kernel-upgrade": "auto", "env": value} }
}

func primaryOf(replicas ...string) change {
	return func(i *fleet.Instance) { i.ReplicaIDs = replicas }
}

func replicaOf(primary string) change { return func(i *fleet.Instance) { i.PrimaryID = primary } }

// reading is a primary with those of its replicas that were read for its sake.
func reading(replicas ...fleet.Instance) change {
	return func(i *fleet.Instance) { i.Replicas = replicas }
}

// tasks are what RDS shows of the instance.
func tasks(all ...fleet.Task) change {
	return func(i *fleet.Instance) { i.Tasks, i.TasksAsked = all, true }
}

// unasked is an instance of which RDS could not be asked for tasks.
func unasked(i *fleet.Instance) { i.Tasks, i.TasksAsked = nil, false }

func task(id string, status fleet.TaskStatus) fleet.Task {
	return fleet.Task{ID: id, Status: status, Start: noon}
}

const (
	pgOld    = "rds_postgres_1500_20240101"
	pgMiddle = "rds_postgres_1500_20250530"
	pgNew    = "rds_postgres_1500_20251130"
)

func postgres(storage string) change {
	return func(i *fleet.Instance) {
		i.Engine, i.EngineVersion, i.StorageType = fleet.PostgreSQL, "15.0", storage
		i.CurrentKernelVersion, i.LatestKernelVersion = pgOld, pgNew
		i.Offers = []fleet.Offer{built(pgOld, "15.5"), built(pgMiddle, "15.10"), built(pgNew, "15.12")}
	}
}

// pg is a PostgreSQL on cloud disks for which three versions are listed.
func pg(id string, changes ...change) fleet.Instance {
	return mysql(id, append([]change{postgres("general_essd")}, changes...)...)
}

// policyOf reads a policy as its file has it.
func policyOf(tb testing.TB, text string) policy.Policy {
	tb.Helper()
	p, err := policy.Parse([]byte(text), time.LoadLocation)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// wide is a policy whose budget holds nobody, so that waves are those of the request.
const wide = "budget: {maxInstances: 1000, maxPercent: 100}\n"

// atOnce is wide, and upgrades without a wait and without a bake.
const atOnce = wide + "tempo: {default: {UpgradeTime: Immediate, bake: 0s}}\n"

// parse reads a request as a message has it.
func parse(tb testing.TB, text string) events.Request {
	tb.Helper()
	r, err := events.Parse([]byte(text), noon)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

const (
	sweepAll  = `{"kind":"sweep"}`
	oneAtOnce = `{"DBInstanceId":"rm-1"}`
)

// advise is a message about what fixes MySQL.
func advise(id, severity, rest string) string {
	return fmt.Sprintf(`{"kind":"advisory","advisory":{"id":%q,"severity":%q,"affected":[{"Engine":"MySQL","fixedIn":%q}]}%s}`, id, severity, middle, rest)
}

// story is a document on its way through several steps, with a clock and a fleet.
type story struct {
	testing.TB
	setting  plan.Setting
	document *state.Document
	fleet    []fleet.Instance
}

func begin(tb testing.TB, policy string, all ...fleet.Instance) *story {
	tb.Helper()
	return &story{
		TB: tb, setting: plan.Setting{Now: noon, Policy: policyOf(tb, policy), Region: region}, fleet: all,
		document: &state.Document{Version: state.Version, Number: 1, Nonce: "N", Written: noon, By: "1"},
	}
}

// do takes one step. What holds for every step is checked with each: the loaded document stays as it is, the same input makes the same document,
// and the new document is one that can be written and read.
func (s *story) do(step func(p *plan.Plan)) *plan.Plan {
	s.Helper()
	loaded := s.document.Clone()
	p, again := plan.On(s.document, s.setting), plan.On(s.document, s.setting)
	step(p)
	step(again)
	if !state.Equal(loaded, s.document) {
		s.Fatal("the step has changed the document that was loaded")
	}
	p.Document.Sort()
	again.Document.Sort()
	if !state.Equal(p.Document, again.Document) {
		s.Fatal("the same step has made two documents")
	}
	stored, err := state.Encode(p.Document)
	if err != nil {
		s.Fatalf("the document cannot be written: %v", err)
	}
	text, err := state.Unpack(stored)
	if err == nil && len(p.Document.Messages) < 1000 { // of so many that look alike
		err = schema.CheckState(text)
	}
	if err != nil {
		s.Fatalf("the document is not what its schema says: %v", err)
	}
	if s.document, err = state.Decode(stored); err != nil {
		s.Fatal(err)
	}
	return p
}

// after lets time pass.
func (s *story) after(d time.Duration) *story {
	s.setting.Now = s.setting.Now.Add(d)
	return s
}

// message is a request that was sent at the given time, by a topic.
func (s *story) message(id string, sent time.Time, text string) plan.Request {
	s.Helper()
	return plan.Request{
		ID: id, Published: sent, Request: parse(s, text),
		Cause: state.Cause{Trigger: events.MNSTopic, MessageID: "M-" + id, FCRequestID: "1-2-3"},
	}
}

// receive receives a message that is sent now, and returns what it becomes.
func (s *story) receive(id, text string) *state.Message {
	s.Helper()
	return s.receiveSent(id, s.setting.Now, text)
}

func (s *story) receiveSent(id string, sent time.Time, text string) *state.Message {
	s.Helper()
	q := s.message(id, sent, text)
	s.do(func(p *plan.Plan) { p.Receive(q) })
	return s.document.Message(id)
}

// look returns what is seen of the fleet by a scope: by id, or by region.
func (s *story) look(scopes ...fleet.Scope) (seen []fleet.Instance) {
	for _, scope := range scopes {
		for _, i := range s.fleet {
			if slices.Contains(scope.Regions, i.RegionID) && (len(scope.IDs) == 0 || slices.Contains(scope.IDs, i.ID)) {
				seen = append(seen, i)
			}
		}
		for _, id := range scope.IDs {
			if !slices.ContainsFunc(s.fleet, func(i fleet.Instance) bool { return i.ID == id }) {
				seen = append(seen, fleet.Instance{ID: id, RegionID: scope.Regions[0], Fault: missing})
			}
		}
	}
	return seen
}

// settle looks at what is in flight and due.
func (s *story) settle() {
	s.Helper()
	s.do(func(p *plan.Plan) { p.Settle(s.look(p.Flights()...)) })
}

// open fixes the members of all rollouts whose turn it is.
func (s *story) open() {
	s.Helper()
	s.do(func(p *plan.Plan) {
		for _, r := range p.Openings() {
			p.Open(r, s.look(p.Scope(r.Request)), nil)
		}
	})
}

// intend decides which calls are made now.
func (s *story) intend() []plan.Intent {
	s.Helper()
	return s.do(func(p *plan.Plan) { p.Intend(s.look(p.Turn()...), s.look(p.Crowd())) }).Intents()
}

// tick is an invocation up to its calls.
func (s *story) tick() []plan.Intent {
	s.Helper()
	s.settle()
	s.open()
	return s.intend()
}

// accept records that RDS has accepted the calls.
func (s *story) accept(intents ...plan.Intent) {
	s.Helper()
	results := make([]plan.Result, 0, len(intents))
	for _, i := range intents {
		results = append(results, plan.Result{
			Intent: i, Made: true, AcceptedAt: s.setting.Now.Add(1500 * time.Millisecond),
			Acceptance: fleet.Acceptance{RequestID: "C0FFEE", TaskID: "t-" + i.Call.DBInstanceID},
		})
	}
	s.record(results...)
}

func (s *story) record(results ...plan.Result) {
	s.Helper()
	s.do(func(p *plan.Plan) { p.Record(results) })
}

// change changes instances of the fleet: all, or those with the ids.
func (s *story) change(c change, ids ...string) {
	for n := range s.fleet {
		if len(ids) == 0 || slices.Contains(ids, s.fleet[n].ID) {
			c(&s.fleet[n])
		}
	}
}

// publish publishes all that is unpublished.
func (s *story) publish() {
	s.Helper()
	s.do(func(p *plan.Plan) { p.Published(plan.Unpublished(p.Document)) })
}

func (s *story) rollout(id string) *state.Rollout {
	s.Helper()
	r := s.document.Rollout(id)
	if r == nil {
		s.Fatalf("there is no rollout %s", id)
	}
	return r
}

func (s *story) member(rollout, id string) *state.Member {
	s.Helper()
	m := s.rollout(rollout).Member(id)
	if m == nil {
		s.Fatalf("%s is no member of rollout %s", id, rollout)
	}
	return m
}

// says returns the state of a member, and the reason for which it was left out.
func says(m *state.Member) string {
	if m.End != nil && m.End.Reason != "" {
		return string(m.State) + " " + m.End.Reason
	}
	return string(m.State)
}

// states returns what has become of each member.
func (s *story) states(rollout string) map[string]string {
	s.Helper()
	all := map[string]string{}
	for n := range s.rollout(rollout).Members {
		m := &s.rollout(rollout).Members[n]
		all[m.DBInstanceID] = says(m)
	}
	return all
}

// called returns the instances of intents.
func called(intents []plan.Intent) (ids []string) {
	for _, i := range intents {
		ids = append(ids, i.Call.DBInstanceID)
	}
	slices.Sort(ids)
	return ids
}
