package plan_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// hashOf returns the hash of a plan.
func hashOf(tb testing.TB, policy, text string, after time.Duration, all ...fleet.Instance) string {
	tb.Helper()
	s := begin(tb, policy).after(after)
	_, hash := plan.On(s.document, s.setting).Preview(s.message("r-"+after.String(), noon, text), all)
	return hash
}

// The hash of a plan names what would be done: the same plan has the same hash, and another plan has another one.
func TestTheHashOfAPlanNamesWhatWouldBeDone(t *testing.T) {
	t.Parallel()
	const two = "budget: {maxInstances: 2, maxPercent: 100}"
	all := func() []fleet.Instance { return append(mysqls(4), mysql("rm-009", current(newer))) }
	changed := func(n int, c change) []fleet.Instance {
		f := all()
		c(&f[n])
		return f
	}
	reversed := all()
	slices.Reverse(reversed)
	hash := hashOf(t, two, sweepAll, 0, all()...)
	for name, same := range map[string]string{
		"planned again":                           hashOf(t, two, sweepAll, 0, all()...),
		"in another order":                        hashOf(t, two, sweepAll, 0, reversed...),
		"ten minutes later, for another message":  hashOf(t, two, sweepAll, 10*time.Minute, all()...),
		"an instance that was given another name": hashOf(t, two, sweepAll, 0, changed(0, func(i *fleet.Instance) { i.Description = "other" })...),
		"with a bake and failures":                hashOf(t, two, `{"kind":"sweep","rollout":{"bake":"1h","maxFailures":3}}`, 0, all()...),
	} {
		if same != hash || len(same) != 32 {
			t.Errorf("%s: another hash", name)
		}
	}
	at := func(hour string) string {
		return `{"kind":"sweep","schedule":{"UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-22T` + hour + `:00:00Z"}}`
	}
	hashes := map[string]string{hash: "the plan"}
	for name, other := range map[string]string{
		"an instance more":                        hashOf(t, two, sweepAll, 0, append(all(), mysql("rm-010", current(newer)))...),
		"an instance less":                        hashOf(t, two, sweepAll, 0, all()[1:]...),
		"another id":                              hashOf(t, two, sweepAll, 0, changed(4, func(i *fleet.Instance) { i.ID = "rm-008" })...),
		"an instance that is up to date":          hashOf(t, two, sweepAll, 0, changed(0, current(newer))...),
		"one that is left out for another reason": hashOf(t, two, sweepAll, 0, changed(4, untagged)...),
		"another target":                          hashOf(t, two, sweepAll, 0, changed(0, offers(online(middle)))...),
		"at once":                                 hashOf(t, two, `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"}}`, 0, all()...),
		"a SwitchTime":                            hashOf(t, two, at("18"), 0, all()...),
		"another SwitchTime":                      hashOf(t, two, at("19"), 0, all()...),
		"other waves":                             hashOf(t, "budget: {maxInstances: 3, maxPercent: 100}", sweepAll, 0, all()...),
		"nothing":                                 hashOf(t, two, sweepAll, 0),
		"one that would be called and is not read": hashOf(t, two, sweepAll, 0, changed(0, fails(throttled))...),
	} {
		if before, known := hashes[other]; known {
			t.Errorf("%s has the hash of %s", name, before)
		}
		hashes[other] = name
	}
}

// A plan shows what would be called, and when; it begins nothing.
func TestAPlanBeginsNothing(t *testing.T) {
	t.Parallel()
	s := begin(t, "", mysql("rm-1"), mysql("rm-2", locked))
	before := s.document.Clone()
	var r *state.Rollout
	s.do(func(p *plan.Plan) {
		r, _ = p.Preview(s.message("r-1", noon.Add(-time.Minute), advised("high")), s.fleet)
	})
	if !state.Equal(before, s.document) {
		t.Error("the document has changed")
	}
	if r.ID != "r-1" || r.State != state.Open || r.Severity != "high" || !r.Published.Equal(noon.Add(-time.Minute)) || !r.Received.Equal(noon) || !r.Since.Equal(noon) || r.Key != plan.KeyOf(r.Request) || r.Cause.MessageID != "M-r-1" {
		t.Errorf("got %+v", r)
	}
	one, two := of(t, r, "rm-1"), of(t, r, "rm-2")
	if call := one.Call; call == nil || !call.At.Equal(noon) || call.Due.IsZero() || call.UpgradeTime != "MaintainTime" || len(r.Waves) != 1 {
		t.Errorf("got %+v", one.Call)
	}
	if two.Call != nil || says(two) != "leftOut locked" {
		t.Errorf("got %+v", two)
	}
	moved := preview(t, `windows: {allow: [{from: "19:00", to: "20:00", zone: UTC}]}`, sweepAll, mysql("rm-1"))
	if !strings.Contains(moved.Members[0].Call.Moved, "moved to 2026-11-22T19:00:00Z") {
		t.Errorf("got %+v", moved.Members[0].Call)
	}
}
