package upgrade_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// FuzzClaim holds that a claim which is read is one that can be written into a tag, and that the text of an error prints.
func FuzzClaim(f *testing.F) {
	f.Add("intent rds_20260228 0123456789abcdef.2 20261122t120000z 20261122t120000z")
	f.Add("called x y.-1 00010101t000000z 99991231t235959z 1 2")
	f.Add("called x y.9999999999999999999 20261122t120000z 20261122t120000z")
	f.Add("\x00\u2028 \u00a0 \ufeff")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := upgrade.ParseClaim(text)
		if err != nil {
			if c != nil || strings.ContainsFunc(err.Error(), unicode.IsControl) || !utf8.ValidString(err.Error()) {
				t.Errorf("%q: %+v, %q", text, c, err)
			}
			return
		}
		again, err := upgrade.ParseClaim(c.String())
		if err != nil || again.State != c.State || again.Target != c.Target || again.Rollout != c.Rollout || !again.At.Equal(c.At) || !again.Due.Equal(c.Due) {
			t.Errorf("%q is read as %+v, and that as %+v, %v", text, c, again, err)
		}
	})
}

// FuzzFollowUp takes whatever stands in the queue and can be read through a whole step of a rollout: nothing in it may end the process.
func FuzzFollowUp(f *testing.F) {
	plain := upgrade.Begin(rollout, sweep().Request, "cn-hangzhou", upgrade.Cause{})
	flown := begun(events.Rollout{Waves: canaries, MaxFailures: 1})
	flown.Flight, flown.Wave, flown.Behind = []upgrade.Flight{flying()}, 1, 2
	for _, r := range []*upgrade.Rollout{plain, flown, proven("rm-1"), finished("rm-1", upgrade.Failed)} {
		r.Kind, r.Request = "follow-up", sweep().Request
		body, err := r.Body()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	for _, odd := range []string{
		`"seq":9223372036854775807,"wave":-9223372036854775808,"behind":-1,"looks":-1`, `"next":"9999-12-31T23:59:59-23:59","sent":"0000-01-01T00:00:00+23:59"`,
		`"flight":[{"DBInstanceId":"","due":"0001-01-01T00:00:00Z"},{"DBInstanceId":""}],"done":""`, `"pins":{"":""},"busy":{"rm-1":"9999-12-31T23:59:59Z"},"unclear":null`,
	} {
		f.Add(`{"kind":"follow-up","rollout":"r","request":{"kind":"sweep","fleet":{"rollout":{"waves":[{"percent":-1e308},{"tags":null}],"bake":-1,"maxFailures":-1}}},` + odd + `}`)
	}
	f.Add(`{"kind":"follow-up","rollout":"r","request":{"kind":"","fleet":{"advisory":{"id":"","affected":[{},{"ranges":[{}]}]}}}}`)
	f.Add(`{"kind":"follow-up","rollout":"r","request":{"kind":"upgrade","upgrade":{"SwitchTime":"0001-01-01T00:00:00Z"}}}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := upgrade.ParseFollowUp(body)
		if err != nil {
			if r != nil || !strings.HasPrefix(err.Error(), "follow-up: ") {
				t.Errorf("%q: %+v, %v", body, r, err)
			}
			return
		}
		p := policy.Default()
		fleet := []upgrade.Instance{mysql(), mysql(func(i *upgrade.Instance) { i.ID = "rm-1" })}
		seen := r.Watch(fleet, p.Verify, now)
		r.GoesOn(p, true, now)
		r.Stale(fleet)
		q := upgrade.Question{
			Request: r.Request, Mode: policy.Apply, Rollout: r.ID, Region: r.Region, Policy: p, Now: now, Memory: r, Doubt: r.Doubt, Room: max(1, r.Room()),
		}
		q.Scope()
		plan := q.Decide(fleet)
		r.Adopt(plan)
		steps, behind := upgrade.NextWave(plan)
		r.Arm(steps, behind, p.Verify, now)
		outcomes := upgrade.Preview(plan, "")
		r.Note(outcomes, p.Verify, now)
		r.Ends(outcomes, p.Verify, now)
		a := upgrade.Account{Rollout: r.ID, Mode: policy.Apply, Now: now}
		a.Report(r.Halt, r.Account(append(outcomes, seen...)))
		if text, err := r.Body(); err == nil {
			if _, err := upgrade.ParseFollowUp(text); err != nil {
				t.Errorf("%q became %q: %v", body, text, err)
			}
		}
	})
}

// FuzzNotification holds that what is told is JSON of letters that print, whatever RDS says, and that a text of usual length fits.
func FuzzNotification(f *testing.F) {
	f.Add("rm-1", "rds_20260228", "slow down", "Throttling.User")
	f.Add("rm-\x00\x1b[2J", "</MessageBody>]]>", strings.Repeat("<", 1000), "\xff\xfe")
	f.Add("\u2028", "\u202e", "\ufffe", `"\`)
	f.Fuzz(func(t *testing.T, id, version, message, code string) {
		if len(id)+len(version)+len(message)+len(code) > 4<<10 {
			t.Skip("RDS has no such texts")
		}
		a := upgrade.Account{Source: "acs:fc", Account: id, Rollout: rollout, Mode: policy.Apply, Now: now, Cause: upgrade.Cause{MessageID: code}}
		outcomes := []upgrade.Outcome{{
			Instance: mysql(func(i *upgrade.Instance) { i.ID, i.CurrentKernelVersion, i.EngineVersion = id, version, code }),
			Status:   upgrade.Failed, Target: version, Fault: &fault.Error{Kind: fault.Invalid, Code: code, Message: message, RequestID: code},
		}, {Instance: mysql(), Status: upgrade.Skipped, Detail: message}}
		all := append(a.Transitions(outcomes), a.Report(message, outcomes)...)
		for _, n := range append(append(all, a.Halt(message, outcomes)...), a.PutAway(message, message)...) {
			text, err := json.Marshal(n)
			if err != nil || len(text) > 64<<10 || strings.ContainsFunc(string(text), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%d bytes, %v", len(text), err)
			}
		}
	})
}
