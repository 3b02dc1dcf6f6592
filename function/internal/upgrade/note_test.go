package upgrade_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
)

func TestAStageThatHasNoInstanceIsNoted(t *testing.T) {
	t.Parallel()
	tags := func(value string) events.Wave { return events.Wave{Tags: map[string]string{"env": value}} }
	all := events.Wave{Percent: 100}
	fleet := []upgrade.Instance{member("rm-1", env("canary")), member("rm-2", env("prod")), member("rm-3", env("prod")), member("rm-4", env("dev"), current(newer))}
	for name, c := range map[string]struct {
		waves []events.Wave
		fleet []upgrade.Instance
		want  []string
	}{
		"each stage has one":          {[]events.Wave{tags("canary"), all}, fleet, nil},
		"a value that is misspelt":    {[]events.Wave{tags("canry"), all}, fleet, []string{"rollout.waves[0] (env=canry) has none of the 3 instances that are to be upgraded; of these, env has canary, prod"}},
		"a tag that is misspelt":      {[]events.Wave{{Tags: map[string]string{"enw": "canary"}}, all}, fleet, []string{"rollout.waves[0] (enw=canary) has none of the 3 instances that are to be upgraded; of these, enw has no value at all"}},
		"those that have it are done": {[]events.Wave{tags("dev"), all}, fleet, []string{"rollout.waves[0] (env=dev) has none of the 3 instances that are to be upgraded; left alone, or in a stage before it, and with its tags: 1"}},
		"a percentage that adds none": {[]events.Wave{{Percent: 30}, {Percent: 30}, all}, fleet, []string{"rollout.waves[1] (30 %) has none of the 3 instances that are to be upgraded; the stages before it have them all"}},
		"the last takes what is left": {[]events.Wave{tags("canary"), tags("prod"), all}, fleet, nil},
		"no stages":                   {nil, fleet, nil},
		"nothing is to be upgraded":   {[]events.Wave{tags("canry"), all}, fleet[3:], nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := sweepOf(events.Rollout{Waves: c.waves})
			if diff := cmp.Diff(c.want, q.Notes(q.Decide(c.fleet))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestNotesStandInThePlanAndInTheReport(t *testing.T) {
	t.Parallel()
	a := upgrade.Account{Mode: policy.Plan, Notes: []string{"n"}}
	outcomes := []upgrade.Outcome{{Instance: member(id), Status: upgrade.Planned}}
	for status, want := range map[upgrade.Status]int{upgrade.Planned: 1, upgrade.Halted: 0} {
		list := a.Halt("why", outcomes)
		if status == upgrade.Planned {
			list = a.Notifications(outcomes)
		}
		if got := len(list[0].Data.Notes); got != want {
			t.Errorf("%s: %d notes, want %d", status, got, want)
		}
	}
	if got := a.Report("", outcomes)[0].Data.Notes; len(got) != 1 {
		t.Errorf("report: %v", got)
	}
}

// A window in a zone that is not what it seems opens at another time than it is thought to: the plan says when.
func TestAPlanSaysWhenItsWindowsOpenWhereAZoneIsNotWhatItSeems(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]int{"Etc/GMT+8": 4, "EST": 4, "Asia/Shanghai": 0, "UTC": 0} {
		q := sweep()
		q.Policy = policyFrom(t, `windows: {allow: [{from: "01:00", to: "05:00", zone: `+zone+`}]}`)
		notes := q.Notes(q.Decide([]upgrade.Instance{member(id)}))
		if len(notes) != want || want > 0 && !strings.Contains(notes[0], zone) {
			t.Errorf("%s: got %q, want %d notes", zone, notes, want)
		}
	}
}
