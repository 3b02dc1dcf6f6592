package upgrade_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// asRemembered compares rollouts by what stands in their follow-ups.
var asRemembered = []cmp.Option{cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(upgrade.Rollout{})}

// drawRollout draws what a rollout may have to remember.
func drawRollout(t *rapid.T) *upgrade.Rollout {
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return now.Add(time.Duration(rapid.Int64Range(0, int64(60*24*time.Hour)).Draw(t, "after")))
	})
	id := rapid.StringMatching(`(rm|pgm|rr)-[a-z0-9]{1,20}`)
	text := rapid.String()
	r := upgrade.Begin(rapid.StringMatching(`[0-9a-f]{16}`).Draw(t, "id"), drawQuestion(t).Request, "cn-hangzhou", upgrade.Cause{
		Trigger: "mns_topic", MessageID: text.Draw(t, "message"), FCRequestID: "1-2", RetryCount: rapid.IntRange(0, 3).Draw(t, "retries"),
	})
	r.Seq, r.Wave, r.Behind, r.Looks = rapid.IntRange(0, 1<<30-1).Draw(t, "seq"), rapid.Int().Draw(t, "wave"), rapid.Int().Draw(t, "behind"), rapid.Int().Draw(t, "looks")
	r.Sent, r.Next, r.Halt = at.Draw(t, "sent"), at.Draw(t, "next"), text.Draw(t, "halt")
	if rapid.Bool().Draw(t, "is waiting") {
		r.Waiting = at.Draw(t, "waiting")
	}
	for range rapid.IntRange(0, 5).Draw(t, "flights") {
		f := upgrade.Flight{DBInstanceID: id.Draw(t, "id"), RegionID: "cn-beijing", Before: older, Target: newer, At: at.Draw(t, "at"), Due: at.Draw(t, "due")}
		if rapid.Bool().Draw(t, "accepted") {
			f.AcceptedAt, f.SwitchTime, f.UpgradeTime = at.Draw(t, "acceptedAt"), at.Draw(t, "switch"), "SpecifyTime"
			f.Looks, f.Left, f.Back = rapid.Int().Draw(t, "looks"), rapid.Bool().Draw(t, "left"), rapid.Bool().Draw(t, "back")
		}
		r.Flight = append(r.Flight, f)
	}
	for range rapid.IntRange(0, 5).Draw(t, "finished") {
		r.Finished = append(r.Finished, upgrade.Finished{DBInstanceID: id.Draw(t, "id"), RegionID: "cn-beijing", Status: upgrade.Failed, Target: newer, Detail: text.Draw(t, "detail")})
	}
	for range rapid.IntRange(0, 5).Draw(t, "done") {
		r.Done.Add(id.Draw(t, "id"))
	}
	if rapid.Bool().Draw(t, "pinned") {
		r.Pins = map[string]string{text.Draw(t, "kind"): newer}
	}
	return r
}

func TestARolloutSurvivesItsFollowUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRollout(t)
		body, err := r.Body()
		if err != nil {
			t.Fatal(err)
		}
		back, err := upgrade.ParseFollowUp(body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r, back, asRemembered...); diff != "" {
			t.Fatalf("-sent +received:\n%s", diff)
		}
	})
}

func TestAFollowUpOfASingleUpgradeSurvivesToo(t *testing.T) {
	t.Parallel()
	r := upgrade.Begin(rollout, single(immediate()), "cn-hangzhou", upgrade.Cause{Trigger: "direct"})
	body, err := r.Body()
	if err != nil {
		t.Fatal(err)
	}
	back, err := upgrade.ParseFollowUp(body)
	if err != nil || !cmp.Equal(r, back, asRemembered...) {
		t.Errorf("got %+v, %v", back, err)
	}
}

func TestAFollowUpThatThisFunctionHasNotSentIsRefused(t *testing.T) {
	t.Parallel()
	body, err := upgrade.Begin(rollout, sweep().Request, "cn-hangzhou", upgrade.Cause{}).Body()
	if err != nil {
		t.Fatal(err)
	}
	changed := func(old, replacement string) string {
		if !strings.Contains(body, old) {
			t.Fatalf("%s has no %s", body, old)
		}
		return strings.Replace(body, old, replacement, 1)
	}
	for name, c := range map[string]struct{ body, want string }{
		"nothing":                        {"", "EOF"},
		"a word":                         {"hello", "invalid character"},
		"null":                           {"null", `kind "", rollout ""`},
		"another kind":                   {changed(`"kind":"follow-up"`, `"kind":"sweep"`), `kind "sweep"`},
		"no rollout":                     {changed(rollout, ""), `rollout ""`},
		"a field that is not known":      {changed(`{"kind"`, `{"color":"red","kind"`), "color"},
		"a field inside that is not":     {changed(`"request":{`, `"request":{"color":"red",`), "color"},
		"two messages in one":            {body + body, "stands behind"},
		"something behind it":            {body + "]", "stands behind"},
		"a request about no fleet":       {changed(`,"fleet":{}`, ""), "has no request"},
		"half of it":                     {body[:len(body)/2], "EOF"},
		"a time of another form":         {changed(`"sent":"0001-01-01T00:00:00Z"`, `"sent":"today"`), "today"},
		"a set that is none":             {changed(`"seq":0`, `"seq":0,"done":"!!"`), "base64"},
		"packed, and no gzip":            {`{"kind":"follow-up","rollout":"r","seq":1,"packed":"AAAA"}`, "packed: unexpected EOF"},
		"packed, and said to be another": {pack(t, body), "it says rollout"},
		"a seq that cannot be":           {changed(`"seq":0`, `"seq":-1`), "seq -1: want 0 or more"},
		"a seq behind all others":        {changed(`"seq":0`, `"seq":1073741824`), "less than 1073741824"},
		"packed, and half of it":         {pack(t, body)[:72] + `"}`, "packed: "},
		"packed, and no follow-up":       {pack(t, "hello"), "invalid character"},
		"packed twice":                   {pack(t, pack(t, body)), "packed"},
		"packed, and more than fits":     {pack(t, strings.Repeat(" ", 2<<20)), "packed: it holds more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r, err := upgrade.ParseFollowUp(c.body); err == nil || r != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %q", r, err, c.want)
			}
		})
	}
}

// pack packs a text as a follow-up that is long.
func pack(t *testing.T, text string) string {
	t.Helper()
	var data bytes.Buffer
	w := gzip.NewWriter(&data)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"kind":"follow-up","rollout":"r","seq":1,"packed":"%s"}`, base64.StdEncoding.EncodeToString(data.Bytes()))
}

// A short follow-up is for people to read on the queue. Of a long one they see whose it is.
func TestALongFollowUpIsPacked(t *testing.T) {
	t.Parallel()
	for instances, plain := range map[int]bool{1: true, 20: true, 100: false, 500: false} {
		r := upgrade.Begin(rollout, sweep().Request, "cn-hangzhou", upgrade.Cause{})
		for n := range instances {
			r.Flight = append(r.Flight, upgrade.Flight{DBInstanceID: fmt.Sprintf("rm-bp%015d", n), RegionID: "cn-hangzhou", Target: newer, At: now, Due: now})
		}
		body, err := r.Body()
		if err != nil || len(body) > 16_000 {
			t.Fatalf("%d bytes, %v", len(body), err)
		}
		if got := strings.Contains(body, "rm-bp000000000000000"); got != plain || !strings.HasPrefix(body, `{"kind":"follow-up","rollout":"`+rollout+`","seq":0,`) {
			t.Errorf("%d instances: %.80s…", instances, body)
		}
		if back, err := upgrade.ParseFollowUp(body); err != nil || !cmp.Equal(r, back, asRemembered...) {
			t.Errorf("%d instances do not come back: %v", instances, err)
		}
	}
}

func FuzzParseFollowUp(f *testing.F) {
	for _, r := range []*upgrade.Rollout{upgrade.Begin(rollout, sweep().Request, "cn-hangzhou", upgrade.Cause{}), proven("rm-1"), finished("rm-1", upgrade.Failed)} {
		r.Kind, r.Request = "follow-up", sweep().Request
		body, _ := r.Body()
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := upgrade.ParseFollowUp(body)
		if err != nil {
			return
		}
		again, err := r.Body()
		if err != nil {
			return // a time of a year that JSON does not know, or a longer form
		}
		back, err := upgrade.ParseFollowUp(again)
		if err != nil || !cmp.Equal(r, back, asRemembered...) {
			t.Errorf("%q became %q: %v", body, again, err)
		}
	})
}

func TestAMessageThatTheQueueWouldNotTakeIsNotSent(t *testing.T) {
	t.Parallel()
	r := upgrade.Begin(rollout, sweep().Request, "cn-hangzhou", upgrade.Cause{})
	for n := range 2000 {
		r.Flight = append(r.Flight, upgrade.Flight{DBInstanceID: noise(n)})
	}
	if _, err := r.Body(); err == nil || !strings.Contains(err.Error(), "more than a message holds") {
		t.Errorf("got %v", err)
	}
	if room := r.Room(); room != 0 {
		t.Errorf("there is room for %d more", room)
	}
	r.Next = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) // which JSON cannot write
	if room := r.Room(); room != 0 {
		t.Errorf("there is room for %d more in what cannot be written", room)
	}
}

// noise is a text that cannot be made shorter than 32 bytes.
func noise(n int) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(fmt.Sprint(n)))) }

// TestAWaveOfAllTheRoomFitsTheMessage is for the longest that can be: every instance of its own kind of many, with a clock of another zone.
func TestAWaveOfAllTheRoomFitsTheMessage(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("UTC+8", 8*60*60)
	at := time.Date(2026, 11, 22, 12, 0, 0, 123456789, zone)
	verify := policy.Default().Verify
	for name, message := range map[string]string{
		"a long one":              strings.Repeat("the call was refused for good ", 40),
		"one of quotes":           strings.Repeat(`"`, 1000),
		"one that is all escaped": strings.Repeat("<\x00&>\u2028", 300),
		"one that is no text":     strings.Repeat("\xff\xfe", 500),
		"one in Chinese":          strings.Repeat("实例不存在", 200),
		"another one each time":   "noise",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := upgrade.Begin(rollout, sweepOf(events.Rollout{Waves: canaries, MaxFailures: 1000}).Request, "cn-hangzhou", upgrade.Cause{
				Trigger: "mns_topic", MessageID: strings.Repeat("M", 64), FCRequestID: strings.Repeat("f", 64), RetryCount: 3,
			})
			r.Seq, r.Sent, r.Next = 1000, at, at
			for n := range 2000 {
				r.Done.Add(fmt.Sprintf("rm-%d", n))
			}
			room := r.Room()
			if room < 450 {
				t.Errorf("there is room for %d instances only", room)
			}
			steps := make([]upgrade.Step, room)
			outcomes := make([]upgrade.Outcome, room)
			for n := range steps {
				steps[n] = longest(n, at)
				outcomes[n] = upgrade.Outcome{Instance: steps[n].Instance, Status: upgrade.Accepted, AcceptedAt: at}
			}
			r.Arm(steps, 10_000, verify, at)
			fits(t, "armed", r)
			r.Note(outcomes, verify, at)
			for n := range r.Flight {
				r.Flight[n].Looks, r.Flight[n].Left, r.Flight[n].Back = 1000, true, true
			}
			fits(t, "in flight", r)
			for n := range outcomes {
				outcomes[n].Status = upgrade.Failed
				text := message
				if text == "noise" {
					text = noise(n) + noise(-n)
				}
				outcomes[n].Target, outcomes[n].Fault = steps[n].Target, &fault.Error{Op: "upgrade: " + steps[n].Instance.ID, Code: "X", Message: text}
			}
			r.Note(outcomes, verify, at)
			r.Halt = r.Overdrawn()
			fits(t, "all failed", r)
			if len(r.Finished) != room || len(r.Flight) != 0 {
				t.Errorf("%d finished, %d in flight", len(r.Finished), len(r.Flight))
			}
		})
	}
}

// longest is a step whose texts are as long as they come.
func longest(n int, at time.Time) upgrade.Step {
	return upgrade.Step{
		Instance: upgrade.Instance{
			ID: fmt.Sprintf("pgm-%020d", n), RegionID: "ap-southeast-1", Engine: "PostgreSQL", EngineVersion: fmt.Sprint(10+n%8, ".0"),
			Category: "HighAvailability", StorageType: "cloud_essd3", CurrentKernelVersion: "rds_postgres_1500_20240101",
		},
		Target: "rds_postgres_1500_20251130", UpgradeTime: "MaintainTime", SwitchTime: at, Due: at,
	}
}

func fits(t *testing.T, when string, r *upgrade.Rollout) {
	t.Helper()
	body, err := r.Body()
	if err != nil {
		t.Errorf("%s: %v", when, err)
	}
	if _, err := upgrade.ParseFollowUp(body); err != nil && body != "" {
		t.Errorf("%s: %v", when, err)
	}
}

func TestALongDetailIsCutAtARune(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"no":                      "no",
		strings.Repeat("x", 157):  strings.Repeat("x", 157),
		strings.Repeat("x", 158):  strings.Repeat("x", 158),
		strings.Repeat("x", 159):  strings.Repeat("x", 155) + "…",
		strings.Repeat("例", 100):  strings.Repeat("例", 51) + "…",
		strings.Repeat("\"", 100): strings.Repeat("\"", 77) + "…",
	} {
		r := &upgrade.Rollout{ID: rollout, Flight: []upgrade.Flight{{DBInstanceID: id}}}
		r.Note([]upgrade.Outcome{{Instance: mysql(), Status: upgrade.Failed, Detail: text}}, policy.Default().Verify, now)
		if len(r.Finished) != 1 || r.Finished[0].Detail != want {
			t.Errorf("%q became %+v, want %q", text, r.Finished, want)
		}
		if coded, _ := json.Marshal(r.Finished[0].Detail); len(coded) > 160 {
			t.Errorf("%d bytes for %q", len(coded), text)
		}
	}
}

func TestAWaveIsRememberedBeforeItsFirstCall(t *testing.T) {
	t.Parallel()
	q := withBudget(sweep(), 2, 100)
	q.Memory = upgrade.Begin(rollout, q.Request, q.Region, upgrade.Cause{})
	steps, behind := upgrade.NextWave(q.Decide(members(5)))
	r := q.Memory
	r.Looks = 7
	r.Arm(steps, behind, q.Policy.Verify, now)
	if len(steps) != 2 || behind != 3 || r.Behind != 3 || r.Wave != 1 || r.Looks != 0 || !r.Next.Equal(now.Add(5*time.Minute)) {
		t.Errorf("got %+v for %d steps, %d behind", r, len(steps), behind)
	}
	want := upgrade.Flight{
		DBInstanceID: steps[0].Instance.ID, RegionID: "cn-hangzhou", Before: older, Target: newer, UpgradeTime: "MaintainTime", At: now,
		Due: time.Date(2026, 11, 22, 22, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, r.Flight[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"MySQL 8.0 HighAvailability cloud_essd rds": newer}, r.Pins); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
	r.Arm(nil, 0, q.Policy.Verify, now)
	if r.Wave != 2 || len(r.Flight) != 2 {
		t.Errorf("got %+v", r)
	}
}

func TestWhatBecameOfAWaveIsRemembered(t *testing.T) {
	t.Parallel()
	doubt := &fault.Error{InDoubt: true, Message: "lost"}
	cases := map[string]struct {
		outcome               upgrade.Outcome
		flies, finished, done bool
		accepted              time.Time
	}{
		"accepted: it is in flight":        {upgrade.Outcome{Status: upgrade.Accepted, AcceptedAt: now}, true, false, false, now},
		"in doubt: it may be":              {upgrade.Outcome{Status: upgrade.Unverified, Fault: doubt}, true, false, false, time.Time{}},
		"failed: the rollout is through":   {upgrade.Outcome{Status: upgrade.Failed, Fault: errTag}, false, true, false, time.Time{}},
		"unverified for good: through":     {upgrade.Outcome{Status: upgrade.Unverified, Fault: errTag}, false, true, false, time.Time{}},
		"completed: it is done":            {upgrade.Outcome{Status: upgrade.Completed}, false, false, true, time.Time{}},
		"skipped: it waits for a wave":     {upgrade.Outcome{Status: upgrade.Skipped, Reason: upgrade.InProgress}, false, false, false, time.Time{}},
		"not called: it waits for a wave":  {upgrade.Outcome{Status: upgrade.Pending}, false, false, false, time.Time{}},
		"another instance changes nothing": {upgrade.Outcome{Instance: upgrade.Instance{ID: "rm-2"}, Status: upgrade.Failed}, true, false, false, time.Time{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.outcome.Instance.ID == "" {
				c.outcome.Instance = mysql()
			}
			r := &upgrade.Rollout{ID: rollout, Flight: []upgrade.Flight{{DBInstanceID: id, At: now, Due: now}}}
			r.Note([]upgrade.Outcome{c.outcome}, policy.Default().Verify, now)
			if flies := len(r.Flight) > 0; flies != c.flies || r.Done.Has(id) != c.done || (len(r.Finished) > 0) != c.finished {
				t.Fatalf("got %+v", r)
			}
			next := now
			if c.flies {
				next = now.Add(5 * time.Minute)
				if !r.Flight[0].AcceptedAt.Equal(c.accepted) {
					t.Errorf("accepted at %s", r.Flight[0].AcceptedAt)
				}
			}
			if !r.Next.Equal(next) {
				t.Errorf("next %s, want %s", r.Next, next)
			}
		})
	}
}

func TestWhenTheNextLookIs(t *testing.T) {
	t.Parallel()
	v := policy.Default().Verify // first 5m, giveUp 6h
	due := func(d time.Duration) upgrade.Flight { return upgrade.Flight{At: now, AcceptedAt: now, Due: now.Add(d)} }
	doubt := func(d time.Duration) upgrade.Flight { return upgrade.Flight{At: now, Due: now.Add(d)} }
	slow := policy.Verify{First: policy.Duration(2 * time.Hour), GiveUp: policy.Duration(24 * time.Hour)}
	cases := map[string]struct {
		flight []upgrade.Flight
		looks  int
		verify policy.Verify
		want   time.Duration
	}{
		"nothing in flight: now":                      {nil, 3, v, 0},
		"verify.first after it was due":               {[]upgrade.Flight{due(0)}, 0, v, 5 * time.Minute},
		"then twice as long":                          {[]upgrade.Flight{due(0)}, 1, v, 10 * time.Minute},
		"and twice again":                             {[]upgrade.Flight{due(0)}, 2, v, 20 * time.Minute},
		"but never longer than an hour":               {[]upgrade.Flight{due(0)}, 40, v, time.Hour},
		"unless verify.first is longer":               {[]upgrade.Flight{due(0)}, 40, slow, 2 * time.Hour},
		"not before the first restart is due":         {[]upgrade.Flight{due(9 * time.Hour), due(7 * time.Hour), due(8 * time.Hour)}, 0, v, 7*time.Hour + 5*time.Minute},
		"not after the first is given up":             {[]upgrade.Flight{due(-6*time.Hour + 2*time.Minute), due(0)}, 5, v, 2 * time.Minute},
		"what is given up already does not count":     {[]upgrade.Flight{due(-7 * time.Hour), due(0)}, 5, v, time.Hour},
		"a call that may not have been made, at once": {[]upgrade.Flight{due(9 * time.Hour), doubt(9 * time.Hour)}, 0, v, 5 * time.Minute},
		"days away": {[]upgrade.Flight{due(20 * 24 * time.Hour)}, 3, v, 20*24*time.Hour + 5*time.Minute},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &upgrade.Rollout{Flight: c.flight, Looks: c.looks}
			r.Note(nil, c.verify, now)
			if got := r.Next.Sub(now); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestAWaveOfWhichNothingWasCalledHasNotBegun is for a wave whose instances were all busy, or could not be called for another reason.
func TestAWaveOfWhichNothingWasCalledHasNotBegun(t *testing.T) {
	t.Parallel()
	pending := func(i upgrade.Instance) upgrade.Outcome {
		return upgrade.Outcome{Instance: i, Status: upgrade.Pending, Fault: throttle}
	}
	busy := func(i upgrade.Instance) upgrade.Outcome {
		return upgrade.Outcome{Instance: i, Status: upgrade.Skipped, Reason: upgrade.InProgress, Wait: true}
	}
	accepted := func(i upgrade.Instance) upgrade.Outcome {
		return upgrade.Outcome{Instance: i, Status: upgrade.Accepted, AcceptedAt: now}
	}
	failed := func(i upgrade.Instance) upgrade.Outcome {
		return upgrade.Outcome{Instance: i, Status: upgrade.Failed, Fault: errTag}
	}
	type becoming func(upgrade.Instance) upgrade.Outcome
	for name, c := range map[string]struct {
		first, second becoming
		wave          int
		busy          []string
		waiting       bool
	}{
		"both are busy":                {busy, busy, 1, []string{"rm-000", "rm-001"}, true},
		"both could not be called":     {pending, pending, 1, nil, true},
		"one was called, one is busy":  {accepted, busy, 2, []string{"rm-001"}, false},
		"one was called, one was not":  {accepted, pending, 2, nil, false},
		"one has failed, one was not":  {failed, pending, 2, nil, false},
		"one is busy, one was not let": {busy, pending, 1, []string{"rm-000"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := withBudget(sweep(), 2, 100)
			q.Memory = upgrade.Begin(rollout, q.Request, q.Region, upgrade.Cause{})
			q.Memory.Wave = 1
			fleet := members(2)
			steps, behind := upgrade.NextWave(q.Decide(fleet))
			q.Memory.Arm(steps, behind, verifying, now)
			q.Memory.Note([]upgrade.Outcome{c.first(fleet[0]), c.second(fleet[1])}, verifying, now)
			if r := q.Memory; r.Wave != c.wave || r.Waiting.IsZero() == c.waiting {
				t.Errorf("wave %d, waiting since %s", r.Wave, r.Waiting)
			}
			if diff := cmp.Diff(c.busy, slices.Sorted(maps.Keys(q.Memory.Busy)), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("busy (-want +got):\n%s", diff)
			}
		})
	}
}

func TestABusyInstanceLetsOthersGoFirst(t *testing.T) {
	t.Parallel()
	q := withBudget(sweep(), 1, 100)
	q.Memory = upgrade.Begin(rollout, q.Request, q.Region, upgrade.Cause{})
	fleet := members(3)
	first := func() string {
		steps, behind := upgrade.NextWave(q.Decide(fleet))
		if len(steps) == 0 {
			return ""
		}
		q.Memory.Arm(steps, behind, verifying, q.Now)
		busy := upgrade.Outcome{Instance: steps[0].Instance, Status: upgrade.Skipped, Reason: upgrade.InProgress, Wait: true}
		q.Memory.Note([]upgrade.Outcome{busy}, verifying, q.Now)
		return steps[0].Instance.ID
	}
	turns := map[string]bool{}
	for range 3 {
		turns[first()] = true
	}
	if len(turns) != 3 || first() != "" {
		t.Errorf("the turns were of %v", turns)
	}
	d := q.Decide(fleet)[0]
	if checkReason(t, d, upgrade.InProgress); !d.Wait || d.Skip.Detail != "it was busy when its turn came; others go first until 2026-11-22T12:05:00Z" {
		t.Errorf("got %+v, waits %t", d.Skip, d.Wait)
	}
	q.Now = now.Add(5 * time.Minute)
	if first() == "" || len(q.Memory.Busy) != 1 {
		t.Errorf("after a while nobody has a turn, or %v are still remembered", q.Memory.Busy)
	}
}
