package events_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
)

func sweep(fields string) (events.Request, error) {
	return events.Parse([]byte(`{"kind":"sweep"`+fields+`}`), now)
}

func TestWhatARequestAboutAFleetMayLeaveOut(t *testing.T) {
	t.Parallel()
	for _, fields := range []string{``, `,"select":{}`, `,"schedule":{}`, `,"rollout":{}`} {
		r, err := sweep(fields)
		if diff := cmp.Diff(events.Request{Kind: events.KindSweep, Fleet: &events.Fleet{}}, r); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", fields, err, diff)
		}
	}
}

func TestTheMostThatARequestAboutAFleetMayHave(t *testing.T) {
	t.Parallel()
	many := func(n int, form string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(form, i)
		}
		return strings.Join(all, ",")
	}
	for _, fields := range []string{
		`,"select":{"RegionId":[` + many(20, `"cn-r%d"`) + `]}`,
		`,"select":{"DBInstanceId":[` + many(100, `"rm-%d"`) + `]}`,
		`,"select":{"tags":{` + many(4, `"t%d":""`) + `}}`,
		`,"select":{"tags":{"` + strings.Repeat("k", 64) + `":"` + strings.Repeat("v", 128) + `","环境 1":"生产"}}`,
		`,"select":{"ResourceGroupId":"rg-` + strings.Repeat("a", 61) + `"}`,
		`,"rollout":{"waves":[` + many(19, `{"tags":{"a":"%d"}}`) + `,{"percent":100}]}`,
		`,"rollout":{"waves":[{"percent":0.1},{"tags":{"a":"b"}},{"percent":1e1},{"percent":100.0}]}`,
		`,"rollout":{"bake":"0"}`, `,"rollout":{"bake":"30d"}`, `,"rollout":{"maxFailures":1000}`, `,"rollout":{"maxFailures":0}`,
		`,"schedule":{"UpgradeTime":"SpecifyTime","SwitchTime":"2026-12-01T18:00:00Z"}`,
		`,"planHash":"0123456789abcdef0123456789abcdef"`, `,"planHash":"0123456789abcdef0123456789abcdef","mode":"apply"`,
	} {
		r, err := sweep(fields)
		if err != nil {
			t.Errorf("%s: %v", fields, err)
			continue
		}
		remember(t, r)
	}
}

func TestAnUpgradeMayNameThePlanToApply(t *testing.T) {
	t.Parallel()
	const hash = "0123456789abcdef0123456789abcdef"
	r, err := events.Parse([]byte(`{"DBInstanceId":"rm-1","planHash":"`+hash+`"}`), now)
	if err != nil || r.PlanHash != hash || r.Upgrade.DBInstanceID != "rm-1" || r.Fleet != nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

// A bake of nothing is another wish than no bake, which leaves it to the policy.
func TestABakeOfNothingIsABake(t *testing.T) {
	t.Parallel()
	r, err := sweep(`,"rollout":{"bake":"0s"}`)
	if err != nil || r.Fleet.Rollout.Bake == nil || *r.Fleet.Rollout.Bake != 0 {
		t.Errorf("got %+v, %v", r, err)
	}
	remember(t, r)
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "5m": 5 * time.Minute, "6h": 6 * time.Hour, "14d": 14 * day, "1d12h": 36 * time.Hour, "0": 0, "0s": 0, "0d": 0,
		"1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute, "65535d": 65535 * day,
	} {
		if got, err := events.ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "d", "1", "-1h", "+1h", "1d-1h", "1d+1h", "1d 1h", "1dd", "1h1d", "1.5d", "-1d", "65536d", "65535d2000000h", "a day"} {
		want := fmt.Sprintf("%q is not a duration: want a form such as 90s, 5m, 6h or 14d", text)
		if got, err := events.ParseDuration(text); err == nil || err.Error() != want || got != 0 {
			t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
		}
	}
}

func TestARequestIsRememberedAsItIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		remember(t, request().Draw(t, "request"))
	})
}

// request gives any request, also those that Parse would refuse.
func request() *rapid.Generator[events.Request] {
	return rapid.Custom(func(t *rapid.T) events.Request {
		text := rapid.StringMatching(`[ -~äß版]{0,12}`)
		some := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{2}-[a-z]{1,9}`), 1, 5, rapid.ID)
		tags := rapid.MapOfN(text, text, 1, 4)
		at := rapid.Custom(func(t *rapid.T) time.Time { return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "second"), 0).UTC() })
		optional := func(name string) bool { return rapid.Bool().Draw(t, name) }
		times := rapid.SampledFrom([]events.UpgradeTime{"", events.Immediate, events.MaintainTime, events.SpecifyTime})
		r := events.Request{
			Kind:     rapid.SampledFrom([]events.Kind{events.KindUpgrade, events.KindAdvisory, events.KindSweep, events.KindTick, events.KindStatus, events.KindStop}).Draw(t, "kind"),
			Mode:     rapid.SampledFrom([]events.Mode{"", events.Apply, events.Plan}).Draw(t, "mode"),
			PlanHash: rapid.StringMatching(`([0-9a-f]{32})?`).Draw(t, "planHash"),
		}
		if r.Kind == events.KindUpgrade {
			r.Upgrade = events.Upgrade{DBInstanceID: text.Draw(t, "id"), RegionID: text.Draw(t, "region"), UpgradeTime: times.Draw(t, "time"), TargetMinorVersion: text.Draw(t, "target"), WithReplicas: optional("replicas")}
			if optional("switch") {
				r.Upgrade.SwitchTime = at.Draw(t, "at")
			}
			return r
		}
		if r.Kind == events.KindStop {
			r.Stop = &events.Stop{Rollout: rapid.StringMatching(`([0-9a-f]{16})?`).Draw(t, "rollout"), Advisory: text.Draw(t, "advisory")}
			return r
		}
		f := &events.Fleet{Schedule: events.Schedule{UpgradeTime: times.Draw(t, "time")}}
		if optional("select") {
			f.Select = events.Select{RegionIDs: some.Draw(t, "regions"), Tags: tags.Draw(t, "tags"), Engine: text.Draw(t, "engine"), DBInstanceIDs: some.Draw(t, "ids")}
		}
		if optional("bake") {
			f.Rollout.Bake = new(time.Duration(rapid.Int64Min(0).Draw(t, "bake")))
		}
		if optional("waves") {
			f.Rollout.Waves = []events.Wave{{Tags: tags.Draw(t, "wave")}, {Percent: rapid.Float64Range(0.001, 100).Draw(t, "percent")}}
			f.Rollout.MaxFailures = rapid.IntRange(0, 1000).Draw(t, "failures")
		}
		if optional("advisory") {
			f.Advisory = &events.Advisory{ID: text.Draw(t, "advisory"), Severity: text.Draw(t, "severity"), Summary: text.Draw(t, "summary"), Affected: []events.Affected{{
				Engine: text.Draw(t, "engine"), FixedIn: text.Draw(t, "fixed"), Versions: some.Draw(t, "versions"), Unknown: text.Draw(t, "unknown"),
				Ranges: []events.Range{{Introduced: text.Draw(t, "introduced"), Fixed: text.Draw(t, "end"), LastAffected: text.Draw(t, "last")}},
			}}}
		}
		r.Fleet = f
		return r
	})
}
