package state_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/state"
)

const (
	large       = 10_000
	largeStored = 300 << 10 // what a document of so many members may take in the bucket
)

// version is a version of an engine, and the kernel versions of a fleet of it: several that are old, and the target.
type version struct {
	engine, engineVersion string
	before                []string
	target                string
}

var versions = []version{
	{"MySQL", "8.0", []string{"rds_20230630", "rds_20231231", "rds_20240731", "rds_20250131", "rds_20250831"}, "rds_20260228"},
	{"MySQL", "5.7", []string{"rds_20220331", "rds_20230930", "rds_20240430"}, "rds_20251031"},
	{"PostgreSQL", "15.0", []string{"rds_postgres_1500_20230530", "rds_postgres_1500_20240830", "rds_postgres_1500_20250530"}, "rds_postgres_1500_20251130"},
	{"PostgreSQL", "14.0", []string{"rds_postgres_1400_20220830", "rds_postgres_1400_20240830"}, "rds_postgres_1400_20251130"},
}

// fleetOf is a document with one rollout of many members. Ids are as random as RDS's, versions are those of a mixed fleet in no order, and every
// call has its own times and task.
func fleetOf(tb testing.TB, many int, change func(n int, at time.Time, random *rand.Rand, m *state.Member)) *state.Document {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	members := make([]state.Member, many)
	for n := range members {
		wave := 1 + n/200
		v := versions[random.IntN(len(versions))]
		m := member("rm-bp1"+letters(random, 14), state.Pending)
		m.Engine, m.EngineVersion, m.Wave, m.Before, m.Target = v.engine, v.engineVersion, wave, v.before[random.IntN(len(v.before))], v.target
		m.Verdict, m.Why = advisory.Affected, fmt.Sprintf("CVE-2026-12345: %s is older than %s", m.Before, m.Target)
		if random.IntN(3) == 0 {
			m.AutoUpgradeMinorVersion = "Auto"
		}
		change(n, noon.Add(time.Duration(wave)*time.Hour), random, &m)
		members[n] = m
	}
	r := open(tb)
	r.Told = state.RolloutTold{}
	r.Enrol(members)
	return &state.Document{Version: state.Version, Number: 42, Nonce: "7QJ2ZV5XN4M3K6R1T8W9Y0ABCD", Written: noon, By: "1-6747-1", Rollouts: []*state.Rollout{r}}
}

func letters(random *rand.Rand, many int) string {
	const all = "abcdefghijklmnopqrstuvwxyz0123456789"
	text := make([]byte, many)
	for n := range text {
		text[n] = all[random.IntN(len(all))]
	}
	return string(text)
}

func call(n int, at time.Time, random *rand.Rand) *state.Call {
	return &state.Call{
		At: at, Due: at.Add(5 * time.Minute), UpgradeTime: events.Immediate, AcceptedAt: at.Add(time.Duration(n%200/8) * time.Second),
		TaskID: fmt.Sprint(226_000_000 + 40*n + random.IntN(40)),
	}
}

func untouched(int, time.Time, *rand.Rand, *state.Member) {}

func inFlight(n int, at time.Time, random *rand.Rand, m *state.Member) {
	m.State, m.Told, m.Call = state.Called, state.ToldAccepted, call(n, at, random)
	m.Call.Looks, m.Call.Left = random.IntN(4), random.IntN(2) == 0
}

func proven(n int, at time.Time, random *rand.Rand, m *state.Member) {
	inFlight(n, at, random, m)
	m.State, m.Told = state.Proven, state.ToldEnd
	m.Call.Looks++
	m.End = &state.End{At: at.Add(5 * time.Minute << m.Call.Looks)} // the pauses between the looks double
}

// halfway has proven half of the fleet; of the next 200 acceptance is to be published, so that their request ids are kept.
func halfway(n int, at time.Time, random *rand.Rand, m *state.Member) {
	switch {
	case n < large/2:
		proven(n, at, random, m)
	case n < large/2+200:
		inFlight(n, at, random, m)
		m.Told, m.Call.RequestID = "", requestID(random)
	}
}

// kept has called nothing: each member waits for another reason.
func kept(n int, at time.Time, random *rand.Rand, m *state.Member) {
	m.WantedSince, m.Busy = at.Add(time.Duration(random.IntN(3600))*time.Second), busies[n%len(busies)]
}

var busies = []string{"DBInstanceStatus is Restoring", "RDS answers TaskExists: a task exists", "the policy permits no restart before 2026-11-23T17:00:00Z"}

// leftOut has left out all members when the rollout opened, each for one of the reasons that there are.
func leftOut(_ int, _ time.Time, random *rand.Rand, m *state.Member) {
	leave(m, random, [][3]string{
		{"up_to_date", "not_affected", "it runs " + m.Target + ", the latest version"},
		{"not_affected", "not_affected", fmt.Sprintf("no entry is about %s %s", m.Engine, m.EngineVersion)},
		{"not_opted_in", "affected", "it does not have the tag kernel-upgrade=auto"},
		{"held", "affected", "its tag kernel-upgrade-hold holds it until 2026-12-31"},
		{"not_running", "unknown", "DBInstanceStatus is Stopped"},
		{"unknown_version", "unknown", "the version " + m.Before + " cannot be compared with the fix 8.0.40, because RDS does not list what it is built from"},
	})
}

// leftOutForOthers is the worst case: each reason names another instance, whose id does not repeat anything.
func leftOutForOthers(_ int, _ time.Time, random *rand.Rand, m *state.Member) {
	replica := "rr-bp1" + letters(random, 14)
	leave(m, random, [][3]string{{"replica_first", "affected", fmt.Sprintf("its read-only instance %s runs %s and is not among the selected instances: select both", replica, m.Before)}})
}

func leave(m *state.Member, random *rand.Rand, reasons [][3]string) {
	reason := reasons[random.IntN(len(reasons))]
	m.State, m.Wave, m.Target, m.Why, m.Verdict = state.LeftOut, 0, "", "", advisory.Verdict(reason[1])
	m.End = &state.End{At: noon, Reason: reason[0], Detail: reason[2]}
}

func requestID(random *rand.Rand) string {
	a, b := random.Uint64(), random.Uint64()
	return fmt.Sprintf("%08X-%04X-%04X-%04X-%012X", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// allIDs keeps the request id of every call, which the rules do not.
func allIDs(n int, at time.Time, random *rand.Rand, m *state.Member) {
	proven(n, at, random, m)
	m.Call.RequestID = requestID(random)
}

// largest are the documents that take the most room; smaller are others, which the benchmark measures alone.
var (
	largest = map[string]func(int, time.Time, *rand.Rand, *state.Member){
		"all are proven": proven, "all are left out for another instance": leftOutForOthers,
	}
	smaller = map[string]func(int, time.Time, *rand.Rand, *state.Member){
		"all are pending": untouched, "half are proven": halfway, "all are in flight": inFlight, "all are busy": kept, "all are left out": leftOut,
		"all are proven, with request ids": allIDs, // which the rules remove, because this one is not small
	}
)

func TestADocumentOfTenThousandMembersIsSmall(t *testing.T) {
	t.Parallel()
	for name, change := range largest {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := fleetOf(t, large, change)
			stored, err := state.Encode(d)
			if err != nil {
				t.Fatal(err)
			}
			text, err := state.Unpack(stored)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d KB stored, %d KB of text: %.0f and %.0f bytes a member", len(stored)>>10, len(text)>>10, float64(len(stored))/large, float64(len(text))/large)
			if len(stored) > largeStored {
				t.Errorf("%d bytes stored, want at most %d", len(stored), largeStored)
			}
		})
	}
}

// TestTenThousandMembersNeedLittleMemory does not run in parallel to others, whose memory would be counted, too.
func TestTenThousandMembersNeedLittleMemory(t *testing.T) {
	const most = 24 << 20 // with the race detector, which takes a third more; no more than two thirds are in use at the same time
	d := fleetOf(t, large, proven)
	stored, err := state.Encode(d)
	if err != nil {
		t.Fatal(err)
	}
	for name, work := range map[string]func() error{
		"reading": func() error { _, err := state.Decode(stored); return err },
		"writing": func() error { _, err := state.Encode(d); return err },
		"a copy":  func() error { d.Clone(); return nil },
	} {
		used, err := memory(work)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s takes %.1f MB", name, float64(used)/(1<<20))
		if used > most {
			t.Errorf("%s takes %d bytes, want at most %d", name, used, most)
		}
	}
}

// TestAHostileDocumentNeedsLittleMemory does not run in parallel to others either.
func TestAHostileDocumentNeedsLittleMemory(t *testing.T) {
	const size = 4 << 20
	for name, object := range map[string]string{
		"members that are nothing":  `{"rollouts":[{"members":[` + strings.Repeat("{},", size/3) + `{}]}]}`,
		"rollouts that are nothing": `{"rollouts":[` + strings.Repeat("{},", size/3) + `{}]}`,
		"lists in lists":            `{"rollouts":[` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `]}`,
	} {
		used, err := memory(func() error { _, err := state.Decode([]byte(object)); return err })
		if err == nil || used > 8*size {
			t.Errorf("%s: %d bytes of memory for %d, %v", name, used, len(object), err)
		}
	}
}

// memory returns how many bytes something allocates.
func memory(work func() error) (uint64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc, err
}

func BenchmarkTenThousandMembers(b *testing.B) {
	all := maps.Clone(largest)
	maps.Copy(all, smaller)
	for name, change := range all {
		d := fleetOf(b, large, change)
		stored, err := state.Encode(d)
		if err != nil {
			b.Fatal(err)
		}
		text, _ := state.Unpack(stored)
		sizes := func(b *testing.B) {
			b.Helper()
			b.ReportMetric(float64(len(stored)), "stored-B")
			b.ReportMetric(float64(len(text)), "text-B")
			b.ReportAllocs()
		}
		b.Run(name+"/write", func(b *testing.B) {
			for b.Loop() {
				_, _ = state.Encode(d)
			}
			sizes(b)
		})
		b.Run(name+"/read", func(b *testing.B) {
			for b.Loop() {
				_, _ = state.Decode(stored)
			}
			sizes(b)
		})
		b.Run(name+"/copy", func(b *testing.B) {
			for b.Loop() {
				_ = d.Clone()
			}
			sizes(b)
		})
	}
}
