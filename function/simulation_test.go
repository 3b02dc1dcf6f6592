package main_test

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
	"rds-kernel-upgrade/local/fakerds"
)

// A tale is one random rollout, drawn before it is played.
type tale struct {
	fleet    []fakerds.Instance
	policy   string
	windows  window.Windows
	most     int     // budget.maxInstances
	percent  float64 // budget.maxPercent
	request  string
	bake     time.Duration
	selected func(fakerds.Instance) bool
	trouble  float64 // how likely a request of the function gets into trouble
	others   float64 // how likely somebody changes an instance at a tick
	otherIDs bool    // the task history has ids of another form than the answers
	seed     uint64
}

func drawTale(t *rapid.T) tale {
	d := tale{
		most: rapid.IntRange(1, 4).Draw(t, "maxInstances"), percent: float64(rapid.IntRange(10, 100).Draw(t, "maxPercent")),
		trouble: rapid.SampledFrom([]float64{0, 0, 0.01, 0.03, 0.1}).Draw(t, "trouble"),
		others:  rapid.SampledFrom([]float64{0, 0, 0.02, 0.1}).Draw(t, "others"),
		seed:    rapid.Uint64().Draw(t, "seed"), otherIDs: rapid.Bool().Draw(t, "other ids"),
	}
	d.policy = fmt.Sprintf("budget: {maxInstances: %d, maxPercent: %v}\n", d.most, d.percent)
	if rapid.Bool().Draw(t, "windows") {
		d.windows = window.Windows{
			Allow: []window.Allow{{Days: []string{"mon", "wed", "fri", "sun"}, From: "22:00", To: "04:00", Zone: "Asia/Shanghai"}},
			Deny:  []window.Deny{{From: "2026-11-23T23:00", To: "2026-11-24T12:00", Zone: "Asia/Shanghai", Why: "release"}},
		}
		d.policy += "windows:\n  allow: [{days: [mon, wed, fri, sun], from: \"22:00\", to: \"04:00\", zone: Asia/Shanghai}]\n" +
			"  deny: [{from: \"2026-11-23T23:00\", to: \"2026-11-24T12:00\", zone: Asia/Shanghai, why: release}]\n"
	}
	for n := range rapid.IntRange(1, 9).Draw(t, "instances") {
		d.fleet = append(d.fleet, drawMember(t, n, d.fleet))
	}
	d.drawRequest(t)
	return d
}

// drawMember draws an instance, possibly a replica of one that was drawn before.
func drawMember(t *rapid.T, n int, before []fakerds.Instance) fakerds.Instance {
	i := fakerds.Instance{
		DBInstanceID: fmt.Sprintf("rm-%02d", n), RegionID: rapid.SampledFrom([]string{"cn-hangzhou", "cn-shanghai"}).Draw(t, "region"),
		CurrentKernelVersion: rapid.SampledFrom([]string{"rds_20250531", "rds_20250531", "rds_20250930", "rds_20260228"}).Draw(t, "version"),
		LatestKernelVersion:  "rds_20260228", MaintainTime: rapid.SampledFrom([]string{"18:00Z-22:00Z", "15:00Z-16:00Z", "23:00Z-01:00Z"}).Draw(t, "window"),
		Tags: map[string]string{"env": rapid.SampledFrom([]string{"dev", "prod"}).Draw(t, "env")},
		Upgrade: fakerds.Upgrade{
			Takes:  rapid.SampledFrom([]time.Duration{time.Minute, 7 * time.Minute, 40 * time.Minute, 5 * time.Hour}).Draw(t, "takes"),
			Silent: rapid.IntRange(0, 9).Draw(t, "silent") == 0, Fails: rapid.IntRange(0, 12).Draw(t, "fails") == 0,
			Status:     rapid.SampledFrom([]string{"", "", "TRANSING", "Running"}).Draw(t, "status meanwhile"),
			Refuse:     rapid.SampledFrom(refusals).Draw(t, "refuse"),
			NextWindow: rapid.IntRange(0, 3).Draw(t, "the next window") == 0,
			Scheduled:  rapid.SampledFrom([]time.Duration{0, 0, 0, 0, 0, 0, 0, 40 * time.Minute, 30 * time.Hour}).Draw(t, "scheduled in the console"),
		},
		DBInstanceStatus: rapid.SampledFrom([]string{"", "", "", "", "", "", "Stopped", "Backingup"}).Draw(t, "status"),
	}
	if rapid.IntRange(0, 5).Draw(t, "postgres") == 0 {
		i.Engine, i.EngineVersion = "PostgreSQL", "15.0"
		i.CurrentKernelVersion = rapid.SampledFrom([]string{"rds_postgres_1500_20250530", "rds_postgres_1500_20250530_15.13"}).Draw(t, "form of the version")
		i.LatestKernelVersion = "rds_postgres_1500_20260130"
		i.DBInstanceStorageType = rapid.SampledFrom([]string{"general_essd", "cloud_essd", "cloud_essd2", "local_ssd"}).Draw(t, "disk")
	}
	if rapid.IntRange(0, 7).Draw(t, "opted out") > 0 {
		i.Tags["kernel-upgrade"] = "auto"
	}
	if rapid.IntRange(0, 9).Draw(t, "locked") == 0 {
		i.LockMode = "ManualLock"
	}
	if len(before) > 0 && rapid.IntRange(0, 2).Draw(t, "replica") == 0 {
		primary := rapid.SampledFrom(before).Draw(t, "of")
		if primary.MasterInstanceID == "" && primary.Engine == i.Engine {
			i.MasterInstanceID, i.RegionID = primary.DBInstanceID, primary.RegionID
		}
	}
	return i
}

// refusals are what the API may answer to every upgrade call of an instance: mostly nothing, what lasts, what passes, what is unclear.
var refusals = []string{
	"", "", "", "", "", "", "", "", "", "", "InvalidMinorVerison.NotFound", "Forbidden.RAM", "IncorrectDBInstanceState", "TaskExists",
	"Throttling.User", "InternalError",
}

// fixed is where the advisory says that it is fixed.
const fixed = "rds_20250930"

func (d *tale) drawRequest(t *rapid.T) {
	regions := rapid.SampledFrom([]string{`["cn-hangzhou","cn-shanghai"]`, `["cn-shanghai"]`}).Draw(t, "select")
	waves := rapid.SampledFrom([]string{
		"", `"waves":[{"tags":{"env":"dev"}},{"percent":100}],`, `"waves":[{"percent":30},{"percent":60},{"percent":100}],`,
	}).Draw(t, "waves")
	d.bake = rapid.SampledFrom([]time.Duration{0, 30 * time.Minute, 24 * time.Hour, 9 * 24 * time.Hour}).Draw(t, "bake")
	rollout := fmt.Sprintf(`{%s"bake":"%s","maxFailures":%d}`, waves, d.bake, rapid.IntRange(0, 2).Draw(t, "maxFailures"))
	schedule := rapid.SampledFrom([]string{
		`{"UpgradeTime":"Immediate"}`, `{"UpgradeTime":"MaintainTime"}`, `{"UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-25T15:00:00Z"}`, `{}`,
	}).Draw(t, "schedule")
	what := rapid.SampledFrom([]string{
		`"kind":"sweep"`,
		`"kind":"advisory","advisory":{"id":"SEC-1","severity":"critical","affected":[{"Engine":"MySQL","EngineVersion":"8.0","fixedIn":"` + fixed + `"}]}`,
	}).Draw(t, "kind")
	d.request = fmt.Sprintf(`{%s,"select":{"RegionId":%s},"schedule":%s,"rollout":%s}`, what, regions, schedule, rollout)
	d.selected = func(i fakerds.Instance) bool { return strings.Contains(regions, i.RegionID) }
	if rapid.IntRange(0, 7).Draw(t, "one") == 0 {
		d.request = fmt.Sprintf(`{"DBInstanceId":"rm-00","RegionId":"%s",%s`, d.fleet[0].RegionID, strings.Replace(schedule, "{", "", 1))
		d.request = strings.Replace(d.request, ",}", "}", 1)
		d.selected = func(i fakerds.Instance) bool { return i.DBInstanceID == "rm-00" }
	}
}

// single tells whether the request is about one instance, which asks neither for the opt-in nor for its replicas.
func (d tale) single() bool { return !strings.Contains(d.request, "kind") }

// theatre is a world in which a tale is played, and who watches it.
type theatre struct {
	*world
	tale
	calendar *window.Calendar
	random   *rand.Rand
	mu       sync.Mutex
	dead     bool                         // the process is as good as killed
	tagged   bool                         // a tag call got into trouble: claims may be left
	calling  bool                         // the invocation has made an upgrade call
	accepted map[string]map[string]bool   // by rollout: the instances whose calls were accepted
	ended    map[string]map[string]string // by rollout: the instances that are told to be at an end
	names    map[string]string            // by notification id: what it tells
	wrong    []string
	trace    []string
	event    string   // that brings the request
	bodies   []string // of the follow-ups so far
	begun    bool     // the request was acknowledged
	crashed  bool     // a process has died
	halted   map[string]bool
	tried    map[string]bool      // instances that were called, accepted or not
	proven   map[string]time.Time // by rollout: when it was last told that an instance is
	fates    map[string]int       // how many requests of one kind there were
	deleted  map[string]bool      // instances, by somebody
}

func (s *theatre) blame(format string, args ...any) {
	s.wrong = append(s.wrong, time.Now().UTC().Format("02 15:04:05 ")+fmt.Sprintf(format, args...))
}

// RoundTrip lets requests get into trouble, and looks at those that matter.
func (s *theatre) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	action := r.URL.Query().Get("Action")
	if s.dead {
		return nil, fmt.Errorf("%s: the process is dead", action)
	}
	fate := s.fate(action + r.Method + r.URL.Path + r.URL.Query().Get("DBInstanceId"))
	if fate < s.trouble && strings.Contains(action, "agResources") && action != "ListTagResources" {
		s.tagged = true
	}
	switch {
	case fate < s.trouble/4:
		s.dead = fate < s.trouble/8
		return nil, fmt.Errorf("%s: the connection was refused", action)
	case action == "UpgradeDBInstanceKernelVersion":
		s.watchCall(r)
	}
	answer := httptest.NewRecorder()
	s.handlerOf(r).ServeHTTP(answer, r)
	s.trace = append(s.trace, fmt.Sprint(time.Now().UTC().Format("15:04:05 "), action, r.Method, r.URL.Path, " ", r.URL.Query().Get("DBInstanceId"), r.URL.Query().Get("Tag.1.Value"), " ", answer.Code, " ", fate < s.trouble))
	if action == "UpgradeDBInstanceKernelVersion" {
		s.watchAnswer(r)
	}
	if s.trouble/4 <= fate && fate < s.trouble {
		if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
			trace.GotConn(httptrace.GotConnInfo{})
		}
		s.dead = fate < s.trouble/2
		return nil, fmt.Errorf("%s: the answer was lost", action)
	}
	return answer.Result(), nil
}

// fate draws what becomes of a request, whatever the order of those that are made at the same time.
func (s *theatre) fate(about string) float64 {
	s.fates[about]++
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, s.seed, about, s.fates[about])
	return rand.New(rand.NewPCG(h.Sum64(), s.seed)).Float64()
}

func (s *theatre) handlerOf(r *http.Request) http.Handler {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if r.URL.Port() == "9002" {
		return s.mns
	}
	return s.rds
}

// rolloutOf gives the rollout that has claimed an instance.
func (s *theatre) rolloutOf(id string) string {
	i, _ := s.rds.Instance(id)
	parts := strings.Fields(i.Tags["kernel-upgrade-claim"])
	if len(parts) < 3 {
		return ""
	}
	rollout, _, _ := strings.Cut(parts[2], ".")
	return rollout
}

// watchCall checks what must hold before an upgrade call.
func (s *theatre) watchCall(r *http.Request) {
	q := r.URL.Query()
	id, target, now := q.Get("DBInstanceId"), q.Get("TargetMinorVersion"), time.Now()
	rollout := s.rolloutOf(id)
	if rollout == "" {
		s.blame("%s is called without a claim", id)
	}
	s.readNews()
	if !s.calling { // the first call of a wave
		for earlier := range s.accepted[rollout] {
			if s.ended[rollout][earlier] == "" && !s.deleted[earlier] {
				s.blame("%s is called while %s of the wave before is not at its end", id, earlier)
			}
		}
		s.calling = true
		if last, any := s.proven[rollout]; any && s.others+s.trouble == 0 && !s.tried[id] && now.Before(last.Add(s.bake)) {
			s.blame("%s is called in the bake, which began at %s", id, last.UTC())
		}
	}
	if s.halted[rollout] && s.others+s.trouble == 0 {
		s.blame("%s is called in a rollout that was halted", id)
	}
	i, _ := s.rds.Instance(id)
	target = cmp.Or(target, i.LatestKernelVersion)
	if order, known := version.Compare(target, i.CurrentKernelVersion); !known || order <= 0 {
		s.blame("%s is called from %s to %s", id, i.CurrentKernelVersion, target)
	}
	if i.Tags["kernel-upgrade"] != "auto" && s.others == 0 && !s.single() {
		s.blame("%s is called without the opt-in tag", id)
	}
	enough := target
	if strings.Contains(s.tale.request, "advisory") && i.Engine != "PostgreSQL" { // RDS restarts those of PostgreSQL that are below the target
		enough = fixed // a replica that is not affected needs no upgrade
	}
	for _, other := range s.rds.Instances() {
		if !s.single() && other.MasterInstanceID == id && !version.Reached(other.CurrentKernelVersion, enough) {
			s.blame("%s is called before its replica %s, which runs %s", id, other.DBInstanceID, other.CurrentKernelVersion)
		}
	}
	s.tried[id] = true
	s.watchTime(id, q.Get("UpgradeTime"), q.Get("SwitchTime"), i.MaintainTime, now)
}

func (s *theatre) watchTime(id, upgradeTime, switchTime, maintainTime string, now time.Time) {
	check := func(at time.Time) {
		if !s.calendar.Permits(at) {
			s.blame("%s %s %s is outside: %s", id, upgradeTime, at.UTC(), s.calendar.Why(at))
		}
	}
	switch upgradeTime {
	case "Immediate":
		check(now)
	case "SpecifyTime":
		at, _ := time.Parse(time.RFC3339, switchTime)
		check(at)
	case "MaintainTime":
		m, _ := window.ParseMaintenance(maintainTime)
		from, to := m.Next(now)
		if !from.After(now) { // it may begin in the next one
			_, to = m.Next(to)
		}
		for at := from; at.Before(to); at = at.Add(10 * time.Minute) {
			if in, _ := m.Next(at); !at.Before(now) && !in.After(at) {
				check(at)
			}
		}
	}
}

// watchAnswer notes an accepted call.
func (s *theatre) watchAnswer(r *http.Request) {
	calls := s.rds.CallsOf("UpgradeDBInstanceKernelVersion")
	if last := calls[len(calls)-1]; !last.Accepted {
		return
	}
	id := r.URL.Query().Get("DBInstanceId")
	rollout := s.rolloutOf(id)
	if s.accepted[rollout] == nil {
		s.accepted[rollout] = map[string]bool{}
	}
	if s.accepted[rollout][id] {
		s.blame("%s was accepted twice in rollout %s", id, rollout)
	}
	s.accepted[rollout][id] = true
	flying := 0
	for other := range s.accepted[rollout] {
		if s.ended[rollout][other] == "" && !s.deleted[other] {
			flying++
		}
	}
	members := 0
	for _, i := range s.rds.Instances() {
		if s.selected(i) && (i.Tags["kernel-upgrade"] == "auto" || s.others > 0) {
			members++
		}
	}
	if most := max(1, min(s.most, int(s.percent*float64(members)/100))); flying > most {
		s.blame("%d instances are under way, and the budget is %d", flying, most)
	}
}

// readNews notes what is told, and checks that ids mean one thing.
func (s *theatre) readNews() {
	for _, n := range s.news() {
		what := n.Tag + " " + n.Data.Rollout + " " + n.Data.DBInstanceID
		if known := s.names[n.ID]; known != "" && known != what {
			s.blame("the id of %q is that of %q", what, known)
		}
		s.names[n.ID] = what
		if s.ended[n.Data.Rollout] == nil {
			s.ended[n.Data.Rollout] = map[string]string{}
		}
		switch n.Tag {
		case "completed", "failed", "unverified":
			if before := s.ended[n.Data.Rollout][n.Data.DBInstanceID]; before != "" && before != n.Tag {
				s.blame("%s %s, and was %s before", n.Data.DBInstanceID, n.Tag, before)
			}
			s.ended[n.Data.Rollout][n.Data.DBInstanceID] = n.Tag
			if n.Tag == "completed" {
				s.proven[n.Data.Rollout] = time.Now()
			}
		case "halted":
			s.halted[n.Data.Rollout] = true
		case "report":
			s.checkReport(n)
		}
	}
}

func (s *theatre) checkReport(n told) {
	sum, seen := 0, map[string]bool{}
	for _, number := range n.Data.Counts {
		sum += number
	}
	for _, i := range n.Data.Instances {
		if seen[i.DBInstanceID] {
			s.blame("%s stands in the report twice", i.DBInstanceID)
		}
		seen[i.DBInstanceID] = true
	}
	if sum != len(n.Data.Instances) {
		s.blame("the counts %v do not add up to %d instances", n.Data.Counts, len(n.Data.Instances))
	}
	for _, i := range s.fleet {
		if seen[i.DBInstanceID] && !s.selected(i) {
			s.blame("%s is in the report, and was not selected", i.DBInstanceID)
		}
		if s.selected(i) && n.Data.Detail != "the policy's mode is off" && !strings.Contains(n.Data.Detail, "cannot be listed") && !seen[i.DBInstanceID] && (!s.deleted[i.DBInstanceID] || s.accepted[n.Data.Rollout][i.DBInstanceID]) {
			s.blame("%s is missing in the report %s", i.DBInstanceID, n)
		}
	}
}

// play plays a tale to its end, and gives what went wrong.
func (d tale) play(t *testing.T) []string {
	t.Helper()
	s := &theatre{
		world: newWorld(t, d.policy, func(o *fakerds.Options) { o.OtherTaskIDs = d.otherIDs }), tale: d, random: rand.New(rand.NewPCG(d.seed, 1)),
		accepted: map[string]map[string]bool{}, ended: map[string]map[string]string{}, names: map[string]string{},
		halted: map[string]bool{}, tried: map[string]bool{}, proven: map[string]time.Time{}, fates: map[string]int{}, deleted: map[string]bool{},
	}
	s.calendar, _ = d.windows.Calendar(time.LoadLocation)
	s.timeout = 30 * time.Second
	s.rds.AddVersion(
		fakerds.MiniVersion{MinorVersion: "rds_20250930"}, fakerds.MiniVersion{MinorVersion: "rds_20250531"},
		fakerds.MiniVersion{MinorVersion: "rds_20261120"}, fakerds.MiniVersion{MinorVersion: "rds_20260601", ReleaseType: "BETA"},
	)
	s.rds.Add(d.fleet...)
	s.function.Over(s)
	s.event = s.world.event("M1", d.request)
	s.begun = s.step(func() error { _, err := s.invoke(s.event); return err })
	for tries := 0; tries < 400 && len(s.mns.Messages(queue)) > 0; tries++ {
		for _, m := range s.mns.Messages(queue) {
			s.bodies = append(s.bodies, m.Body)
		}
		s.sleep()
		s.meddle()
		s.step(func() error { _, err := s.tick(); return err })
	}
	s.settleUp()
	if len(s.wrong) > 0 {
		s.wrong = append(s.wrong, s.trace[max(0, len(s.trace)-60):]...) // the end tells most
		s.wrong = append(s.wrong, s.log.String()[max(0, len(s.log.String())-9000):])
	}
	return s.wrong
}

// step invokes the function; when the process dies on the way, the next invocation has another. Like Function Compute it tries again,
// and in the end gives up.
func (s *theatre) step(invoke func() error) (done bool) {
	for range 8 {
		s.dead, s.calling = false, false
		err := invoke()
		s.mu.Lock()
		died := s.dead
		s.dead = false
		s.readNews()
		s.mu.Unlock()
		if died {
			s.crashed = true
			s.restart()
			s.function.Over(s)
		}
		if err == nil && !died {
			return true
		}
		time.Sleep(time.Minute)
	}
	return false
}

// sleep goes on to the next tick of the timer at which there is something on the queue.
func (s *theatre) sleep() {
	next := time.Now().Add(24 * time.Hour)
	for _, m := range s.mns.Messages(queue) {
		if m.NextVisibleTime.Before(next) {
			next = m.NextVisibleTime
		}
	}
	time.Sleep(max(5*time.Minute, time.Until(next).Truncate(5*time.Minute)+5*time.Minute))
}

// meddle is what others do to the fleet, the messages and the process.
func (s *theatre) meddle() {
	if s.random.Float64() >= s.others {
		return
	}
	id := s.fleet[s.random.IntN(len(s.fleet))].DBInstanceID
	switch s.random.IntN(12) {
	case 0:
		s.rds.Update(id, func(i *fakerds.Instance) { delete(i.Tags, "kernel-upgrade") })
	case 1:
		s.rds.Update(id, func(i *fakerds.Instance) { i.LockMode = "ManualLock" })
	case 2:
		s.restart()
		s.function.Over(s)
	case 3:
		s.step(func() error { _, err := s.invoke(s.event); return err }) // delivered once more
	case 4:
		s.world.policy(s.tale.policy + "mode: off\n")
		s.function.Over(s)
	case 5: // the timer is out of order
		time.Sleep(time.Duration(s.random.IntN(100)) * time.Hour)
	case 6: // a follow-up comes twice
		for _, m := range s.mns.Messages(queue) {
			s.enqueue(m.Body)
		}
	case 8:
		s.rds.Update(id, func(i *fakerds.Instance) { i.DBInstanceStatus = "Running" })
	case 9:
		s.rds.Update(id, func(i *fakerds.Instance) { i.Upgrade.Refuse = "" })
	case 11:
		s.rds.Remove(id)
		s.deleted[id] = true
	case 10: // a shorter time for each invocation
		s.timeout = time.Duration(3+s.random.IntN(20)) * time.Second
	case 7: // somebody puts an old one back
		s.enqueue(s.bodies[s.random.IntN(len(s.bodies))])
	}
}

// enqueue puts a message on the queue of the follow-ups.
func (s *theatre) enqueue(body string) {
	endpoint, err := transport.ParseEndpoint(s.env["MNS_ENDPOINT"])
	if err != nil {
		s.tb.Fatal(err)
	}
	client, err := mns.New(transport.Over(s.world), &endpoint, account, region)
	if err != nil {
		s.tb.Fatal(err)
	}
	key := s.keys.Issue(time.Hour)
	if _, err := client.Send(context.Background(), invocation.NewCredentials(key.ID, key.Secret, key.Token), queue, body, 0); err != nil {
		s.tb.Fatal(err)
	}
}

// settleUp checks what must hold in the end.
func (s *theatre) settleUp() {
	if left := s.mns.Messages(queue); len(left) > 0 {
		s.blame("it does not end: %s", left[0].Body)
	}
	reports := 0
	for _, what := range s.names {
		if strings.HasPrefix(what, "report ") || strings.HasPrefix(what, "rejected ") {
			reports++
		}
	}
	if reports == 0 && s.begun {
		s.blame("no report: %v", slices.Sorted(maps.Values(s.names)))
	}
	told := slices.Collect(maps.Values(s.names))
	for rollout, instances := range s.accepted {
		for id := range instances {
			if s.ended[rollout][id] == "" && !s.deleted[id] {
				s.blame("%s was called, and its end is not told", id)
			}
			if !slices.Contains(told, "accepted "+rollout+" "+id) && !s.deleted[id] {
				s.blame("%s was called, and that is not told", id)
			}
		}
	}
	for _, i := range s.rds.Instances() {
		if primary, _ := s.rds.Instance(i.RestartedBy); i.RestartedBy != "" && primary.Upgrade.Scheduled == 0 { // what is done in the console is another's
			s.blame("%s was restarted by the upgrade of its primary %s", i.DBInstanceID, i.RestartedBy)
		}
		claim, left := i.Tags["kernel-upgrade-claim"]
		if abandoned := s.crashed && strings.HasPrefix(claim, "intent "); left && !s.tagged && !abandoned { // it holds nobody for long
			s.blame("%s still has the claim %q", i.DBInstanceID, claim)
		}
	}
}

// TestRandomRolloutsKeepTheirPromises plays a hundred rollouts in each crowd, as -rapid.checks has it.
func TestRandomRolloutsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	for n := range crowds {
		t.Run(fmt.Sprint("crowd ", n+1), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { keepsItsPromises(t, rt) })
		})
	}
}

func keepsItsPromises(t *testing.T, rt *rapid.T) {
	t.Helper()
	d := drawTale(rt)
	var wrong []string
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(day))
		wrong = d.play(t)
	})
	if len(wrong) > 0 {
		rt.Fatalf("%s\n%s\n%s", d.request, d.policy, strings.Join(wrong, "\n"))
	}
}
