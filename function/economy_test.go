package main_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

// mixed is a fleet of which a sweep may upgrade some: of ten instances two are of an engine that it does not upgrade, one has not opted in,
// one is stopped, one runs the latest version, and five are behind, two of them replicas.
func mixed(size int) (fleet []fakerds.Instance, behind int) {
	for n := range size {
		i := fakerds.Instance{
			DBInstanceID: fmt.Sprintf("rm-%05d", n), CurrentKernelVersion: "rds_20250531", LatestKernelVersion: "rds_20260228",
			Tags:    map[string]string{"kernel-upgrade": "auto"},
			Upgrade: fakerds.Upgrade{Takes: 3 * time.Minute},
		}
		switch n % 10 {
		case 0, 1:
			i.Engine, i.EngineVersion = "SQLServer", "2019_ent"
		case 2:
			i.Tags = map[string]string{"env": "prod"}
		case 3:
			i.DBInstanceStatus = "Stopped"
		case 4:
			i.CurrentKernelVersion = i.LatestKernelVersion
		case 6, 7:
			i.MasterInstanceID = fmt.Sprintf("rm-%05d", n/10*10+5)
			behind++
		default:
			behind++
		}
		fleet = append(fleet, i)
	}
	return fleet, behind
}

// meter counts the calls of one invocation after another.
type meter struct {
	*world
	rds, oss, mns int
}

// spent is what was called since the last time, by action. None of the calls of RDS was made twice.
func (m *meter) spent() map[string]int {
	m.tb.Helper()
	counts, seen := map[string]int{}, map[string]bool{}
	for _, c := range m.world.rds.Calls()[m.rds:] {
		counts[c.Action]++
		what := c.Action
		for _, name := range slices.Sorted(maps.Keys(c.Params)) {
			if name != "SignatureNonce" && name != "Timestamp" {
				what += " " + name + "=" + c.Params[name]
			}
		}
		if seen[what] {
			m.tb.Errorf("called twice: %s", what)
		}
		seen[what] = true
	}
	for _, c := range m.world.oss.Calls()[m.oss:] {
		counts[c.Action]++
	}
	counts["PublishMessage"] = len(m.world.mns.Calls()) - m.mns
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 0 })
	m.rds, m.oss, m.mns = len(m.world.rds.Calls()), len(m.world.oss.Calls()), len(m.world.mns.Calls())
	return counts
}

// measure gives a meter of what is called from now on.
func (w *world) measure() *meter {
	return &meter{w, len(w.rds.Calls()), len(w.oss.Calls()), len(w.mns.Calls())}
}

// askedRDS is how many calls of RDS were made.
func askedRDS(counts map[string]int) (n int) {
	for action, count := range counts {
		if !slices.Contains([]string{"PublishMessage", "GetBucketVersioning", "ListObjectsV2", "GetObject", "PutObject"}, action) {
			n += count
		}
	}
	return n
}

func wantCalls(t *testing.T, when string, want, got map[string]int) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls %s (-want +got):\n%s", when, diff)
	}
}

func upTo(n, each int) int { return (n + each - 1) / each }

// One upgrade, from the request to the report: nothing is asked twice.
func TestTheCallsOfOneUpgradeAreCounted(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		m := w.measure()
		w.must(w.request("M1", oneUpgrade))
		wantCalls(t, "to begin it", map[string]int{
			"GetBucketVersioning": 1, "ListObjectsV2": 1, "GetObject": 2, // the newest one, and that there is none after it
			"DescribeDBInstanceAttribute": 1, "ListTagResources": 1, "DescribeHistoryTasks": 1, upgradeCall: 1,
			"PutObject": 3, "PublishMessage": 1, // the intent, its result, and that it was published
		}, m.spent())
		time.Sleep(time.Minute)
		w.must(w.tick())
		wantCalls(t, "before anything can be seen", map[string]int{"GetBucketVersioning": 1, "ListObjectsV2": 1, "GetObject": 2}, m.spent())
		time.Sleep(9 * time.Minute)
		w.must(w.tick())
		wantCalls(t, "to prove it", map[string]int{
			"GetBucketVersioning": 1, "ListObjectsV2": 1, "GetObject": 2, "DescribeDBInstanceAttribute": 1, "ListTagResources": 1,
			"PutObject": 3, "PublishMessage": 2, // the end, that it was published, and the archive
		}, m.spent())
		w.pass(time.Hour)
		wantCalls(t, "when nothing is due", map[string]int{"GetBucketVersioning": 12, "ListObjectsV2": 12, "GetObject": 24}, m.spent())
	})
}

// A PostgreSQL primary that takes its replicas along: each of them is read once.
func TestTheReplicasOfAPrimaryAreReadOnce(t *testing.T) {
	t.Parallel()
	postgres := func(id, primary, version string) fakerds.Instance {
		return fakerds.Instance{
			DBInstanceID: id, MasterInstanceID: primary, Engine: "PostgreSQL", EngineVersion: "15.0", DBInstanceStorageType: "general_essd",
			CurrentKernelVersion: version, LatestKernelVersion: "rds_postgres_1500_20260130", Tags: map[string]string{"kernel-upgrade": "auto"},
		}
	}
	const older, newer = "rds_postgres_1500_20250530", "rds_postgres_1500_20260130"
	for name, c := range map[string]struct {
		replicas string // their version
		request  string
		want     map[string]int
	}{
		"they run the target": {newer, `{"DBInstanceId":"pg-1"}`, map[string]int{"DescribeDBInstanceAttribute": 4, "ListTagResources": 1, "DescribeHistoryTasks": 1, upgradeCall: 1}},
		"they are behind":     {older, `{"DBInstanceId":"pg-1"}`, map[string]int{"DescribeDBInstanceAttribute": 4, "ListTagResources": 1}},
		"they may go along":   {older, `{"DBInstanceId":"pg-1","withReplicas":true}`, map[string]int{"DescribeDBInstanceAttribute": 4, "ListTagResources": 1, "DescribeHistoryTasks": 1, upgradeCall: 1}},
		"a sweep finds that they run the target": {newer, sweep, map[string]int{
			"DescribeDBInstances": 1, "DescribeDBInstanceAttribute": 4, "ListTagResources": 1, "DescribeDBMiniEngineVersions": 1, "DescribeHistoryTasks": 1, upgradeCall: 1,
		}},
		"a sweep of the primary alone": {newer, strings.Replace(sweep, "{", `{"select":{"DBInstanceId":["pg-1"]},`, 1), map[string]int{
			"DescribeDBInstances": 1, "DescribeDBInstanceAttribute": 4, "ListTagResources": 1, "DescribeDBMiniEngineVersions": 1, "DescribeHistoryTasks": 1, upgradeCall: 1,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "budget: {maxInstances: 10, maxPercent: 100}\n", func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(postgres("pg-1", "", older), postgres("pr-1", "pg-1", c.replicas), postgres("pr-2", "pg-1", c.replicas), postgres("pr-3", "pg-1", c.replicas))
				m := w.measure()
				w.must(w.request("M1", c.request))
				got := m.spent()
				for _, action := range []string{"GetBucketVersioning", "ListObjectsV2", "GetObject", "PutObject", "PublishMessage"} {
					delete(got, action)
				}
				wantCalls(t, "to begin it", c.want, got)
			})
		})
	}
}

// TestTheCallsOfARolloutAreCounted follows a sweep to its end. It has two waves: the primaries that have replicas wait for them.
func TestTheCallsOfARolloutAreCounted(t *testing.T) {
	t.Parallel()
	for _, size := range []int{10, 100, 210} {
		t.Run(fmt.Sprint(size, " instances"), func(t *testing.T) {
			t.Parallel()
			play(t, "budget: {maxInstances: 10000, maxPercent: 100}\n", func(t *testing.T, w *world) {
				t.Helper()
				fleet, behind := mixed(size)
				w.rds.Add(fleet...)
				m := w.measure()
				w.must(w.request("M1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`))
				calls := size / 10 * 4
				first := m.spent()
				wantCalls(t, "of the first wave", map[string]int{
					"GetBucketVersioning": 1, "ListObjectsV2": 1, "GetObject": 2, "PutObject": 3, "PublishMessage": 1 + calls,
					"DescribeDBInstances": upTo(size, 100), "ListTagResources": upTo(size/10*8, 50), "DescribeDBInstanceAttribute": size / 10 * 6,
					"DescribeDBMiniEngineVersions": 1, "DescribeHistoryTasks": upTo(calls, 30), upgradeCall: calls,
				}, first)
				if bar := upTo(size, 100) + size + upTo(size, 50) + calls + 1; askedRDS(first) > bar {
					t.Errorf("%d calls of RDS, want at most %d", askedRDS(first), bar)
				}
				// The next wave, when the first is proven: only what is in flight and what is to be called is read, and what is at work is listed.
				time.Sleep(10 * time.Minute)
				w.must(w.tick())
				rest := behind - calls
				wantCalls(t, "of the second wave", map[string]int{
					"GetBucketVersioning": 1, "ListObjectsV2": 1, "GetObject": 2, "PutObject": 3, "PublishMessage": 2 + calls + rest,
					"DescribeDBInstances": upTo(size, 100), "ListTagResources": upTo(calls, 50) + upTo(rest, 50), "DescribeDBInstanceAttribute": calls + rest,
					"DescribeHistoryTasks": upTo(rest, 30), upgradeCall: rest,
				}, m.spent())
				w.pass(time.Hour)
				if last := w.last("report"); fmt.Sprint(last.Data.Counts) != fmt.Sprintf("map[completed:%d skipped:%d]", behind, size-behind) {
					t.Errorf("the end is %s", last)
				}
				if most := 2*6 + upTo(behind, 50); w.written()-1 > most {
					t.Errorf("%d documents were written for two waves with %d calls, want at most %d", w.written()-1, behind, most)
				}
			})
		})
	}
}

// A fleet of which everything is behind costs the most: the tasks of what is to be called are asked for besides, of thirty with one call.
func TestTheCallsOfAFleetThatIsAllBehind(t *testing.T) {
	t.Parallel()
	const size = 120
	play(t, "budget: {maxInstances: 10000, maxPercent: 100}\n", func(t *testing.T, w *world) {
		t.Helper()
		for n := range size {
			w.rds.Add(behind(fmt.Sprintf("rm-%03d", n)))
		}
		m := w.measure()
		w.must(w.request("M1", sweep))
		if got, bar := askedRDS(m.spent()), upTo(size, 100)+size+upTo(size, 50)+size+1+upTo(size, 30); got > bar {
			t.Errorf("%d calls of RDS, want at most %d", got, bar)
		}
	})
}

// Tasks are asked for only of what is to be called: of four hundred instances of which forty are behind, of forty.
func TestTasksAreReadOnlyOfWhatIsBehind(t *testing.T) {
	t.Parallel()
	play(t, "budget: {maxInstances: 1000, maxPercent: 100}\n", func(t *testing.T, w *world) {
		t.Helper()
		for n := range 400 {
			i := behind(fmt.Sprintf("rm-%04d", n))
			if n%10 > 0 {
				i.CurrentKernelVersion = i.LatestKernelVersion
			}
			w.rds.Add(i)
		}
		w.must(w.request("M1", sweep))
		if reads := len(w.rds.CallsOf("DescribeHistoryTasks")); reads != upTo(40, 30) || w.upgrades() != 40 {
			t.Errorf("%d reads of tasks and %d upgrade calls, want %d and 40", reads, w.upgrades(), upTo(40, 30))
		}
	})
}

// TestATenMinuteThrottlingStormLosesNothing lets a storm begin in the middle of a wave: every call is refused.
func TestATenMinuteThrottlingStormLosesNothing(t *testing.T) {
	t.Parallel()
	play(t, "budget: {maxInstances: 50, maxPercent: 100}\nrate: {callsPerSecond: 10}\n", func(t *testing.T, w *world) {
		t.Helper()
		const size = 200
		fleet, behind := mixed(size)
		w.rds.Add(fleet...)
		begun := time.Now()
		go func() {
			time.Sleep(10 * time.Second)
			w.rds.Faults().Add(faults.Fault{Action: "*", Kind: faults.Throttle})
			time.Sleep(10 * time.Minute)
			w.rds.Faults().Clear()
		}()
		w.must(w.request("M1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`))
		if took := time.Since(begun); took < 10*time.Minute {
			t.Errorf("it was over after %s: there was no storm", took)
		}
		w.pass(3 * time.Hour)
		refused, calls := 0, w.rds.Calls()
		for _, c := range calls {
			if c.Code == string(faults.Throttle) {
				refused++
			}
		}
		if wasted := 100 * refused / len(calls); refused == 0 || wasted >= 15 {
			t.Errorf("%d of %d calls were refused, want fewer than 15 in 100", refused, len(calls))
		}
		counts := fmt.Sprintf("map[completed:%d skipped:%d]", behind, size-behind)
		if last := w.last("report"); fmt.Sprint(last.Data.Counts) != counts {
			t.Errorf("the end is %s, want a report of %s", last, counts)
		}
		if !strings.Contains(w.log.String(), `"msg":"rate"`) {
			t.Error("the log does not say that the API has refused calls")
		}
	})
}

// Many notifications go side by side, and the report that closes with them goes behind them all.
func TestManyAreToldSideBySide(t *testing.T) {
	t.Parallel()
	for many, want := range map[int]int{20: 1, 60: 16} {
		t.Run(fmt.Sprint(many), func(t *testing.T) {
			t.Parallel()
			play(t, "budget: {maxInstances: 100, maxPercent: 100}\n", func(t *testing.T, w *world) {
				t.Helper()
				for n := range many {
					w.rds.Add(behind(fmt.Sprintf("rm-%02d", n)))
				}
				var mu sync.Mutex
				underWay, most := 0, 0
				count := func(n int) {
					mu.Lock()
					defer mu.Unlock()
					underWay += n
					most = max(most, underWay)
				}
				w.before = func(service, action string) bool {
					if service == "mns" && strings.HasPrefix(action, "POST topics/") {
						count(1)
						time.Sleep(50 * time.Millisecond)
						count(-1)
					}
					return false
				}
				w.mns.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: faults.Throttle, Times: 5})
				w.must(w.request("M1", sweep))
				w.pass(30 * time.Minute)
				times, last := map[string]int{}, ""
				for _, n := range w.news() {
					last = n.Tag
					times[n.Tag+" "+n.ID]++
				}
				if len(times) != 2*many+3 || slices.Max(slices.Collect(maps.Values(times))) != 1 || last != "report" { // a wave that began, and is done, too
					t.Errorf("%d different notifications, the last a %s; want %d and a report, each once: %v", len(times), last, 2*many+3, times)
				}
				if most != want {
					t.Errorf("%d were published at the same time, want %d", most, want)
				}
			})
		})
	}
}

// The account of a rollout waits for all that it closes with.
func TestNoAccountIsPublishedBeforeWhatItClosesWith(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1", with(fakerds.Upgrade{Refuse: "EngineNotSupported"})))
		w.mns.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: faults.TokenExpired, Times: 1})
		event := w.event("M1", oneUpgrade)
		if _, err := w.invoke(event); err == nil {
			t.Error("what could not be published is no error")
		}
		w.sameLines("published", nil, w.statuses())
		w.must(w.deliver(event, 1))
		w.sameLines("published", []string{"failed", "report"}, w.statuses())
	})
}
