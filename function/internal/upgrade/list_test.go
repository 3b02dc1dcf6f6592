package upgrade_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/upgrade"
	"rds-kernel-upgrade/schema"
)

// message is the most that one message of MNS holds.
const message = 64 << 10

// drawOutcome draws what may stand in an account.
func drawOutcome(t *rapid.T, id string) upgrade.Outcome {
	o := upgrade.Outcome{
		Instance: member(id), Status: rapid.SampledFrom([]upgrade.Status{upgrade.Skipped, upgrade.Completed, upgrade.Failed, upgrade.Unverified, upgrade.Accepted, upgrade.Pending}).Draw(t, "status"),
		Rollout: rollout, Target: newer, AcceptedAt: now, Wave: rapid.IntRange(0, 9).Draw(t, "wave"),
	}
	switch o.Status {
	case upgrade.Skipped:
		o.Reason = rapid.SampledFrom([]upgrade.Reason{upgrade.UpToDate, upgrade.Held, upgrade.NotOptedIn}).Draw(t, "reason")
		o.Detail = rapid.StringN(0, 600, -1).Draw(t, "detail")
	case upgrade.Failed, upgrade.Unverified:
		o.Fault = &fault.Error{Kind: fault.Denied, Code: "X", Message: rapid.StringN(0, 600, -1).Draw(t, "message")}
	}
	return o
}

// checkParts checks a list that was told in parts: each fits a message, each has the same counts, each instance stands in one of them.
func checkParts(tb rapid.TB, all []upgrade.Notification, listed, counted int) {
	tb.Helper()
	seen, ids := map[string]int{}, map[string]bool{}
	for n, m := range all {
		body, err := json.Marshal(m)
		if err != nil || len(body) >= message {
			tb.Fatalf("part %d: %d bytes, %v", n+1, len(body), err)
		}
		if n < 9 || n == len(all)-1 { // of so many that look alike
			if err := schema.Check(body, m.Tag()); err != nil {
				tb.Fatalf("part %d: %v", n+1, err)
			}
		}
		if diff := cmp.Diff(all[0].Data.Counts, m.Data.Counts); diff != "" {
			tb.Fatalf("part %d counts (-first +this):\n%s", n+1, diff)
		}
		if many := len(all) > 1; many != (m.Data.Parts == len(all)) || many && m.Data.Part != n+1 || ids[m.ID] || m.Data.PlanHash != all[0].Data.PlanHash {
			tb.Fatalf("part %d of %d, id %s, hash %q", m.Data.Part, m.Data.Parts, m.ID, m.Data.PlanHash)
		}
		ids[m.ID] = true
		for _, e := range m.Data.Instances {
			seen[e.DBInstanceID]++
		}
	}
	sum := 0
	for _, n := range all[0].Data.Counts {
		sum += n
	}
	if sum != counted || len(seen) != listed {
		tb.Fatalf("%d are counted of %d, and %d are listed of %d", sum, counted, len(seen), listed)
	}
	for id, n := range seen {
		if n != 1 {
			tb.Fatalf("%s stands there %d times", id, n)
		}
	}
}

// TestAnAccountHasEveryInstanceOnce is the promise of a report: every selected instance stands in exactly one part, and the counts add up.
func TestAnAccountHasEveryInstanceOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var outcomes []upgrade.Outcome
		touched := 0
		counts := map[upgrade.Status]int{}
		for n := range rapid.IntRange(0, 120).Draw(t, "instances") {
			o := drawOutcome(t, fmt.Sprintf("rm-%03d", n))
			outcomes = append(outcomes, o)
			if counts[o.Status]++; o.Status != upgrade.Skipped || o.Reason == upgrade.Held {
				touched++
			}
		}
		a := accountOf("m", policy.Apply)
		report := a.Report("why", outcomes)
		checkParts(t, report, len(outcomes), len(outcomes))
		if diff := cmp.Diff(counts, report[0].Data.Counts); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		checkParts(t, a.Halt("why", outcomes), touched, len(outcomes))
	})
}

func TestTenThousandInstancesAreToldInParts(t *testing.T) {
	t.Parallel()
	outcomes := make([]upgrade.Outcome, large)
	for n := range outcomes {
		outcomes[n] = upgrade.Outcome{
			Instance: member(fmt.Sprintf("rm-%05d", n)), Status: upgrade.Skipped, Reason: upgrade.NotOptedIn, Rollout: rollout,
			Detail: "it has not the tag kernel-upgrade=auto",
		}
		if n%3 == 0 {
			outcomes[n].Status, outcomes[n].Reason, outcomes[n].Detail, outcomes[n].Target = upgrade.Planned, "", strings.Repeat("<&>", 300), newer
		}
	}
	a := accountOf("m", policy.Plan)
	all := a.Notifications(outcomes)
	plan := slices.DeleteFunc(slices.Clone(all), func(n upgrade.Notification) bool { return n.Tag() != "plan" })
	checkParts(t, plan, large, large)
	if plan[0].Data.PlanHash == "" || len(plan) < 50 {
		t.Errorf("%d parts, hash %q", len(plan), plan[0].Data.PlanHash)
	}
	checkParts(t, slices.DeleteFunc(all, func(n upgrade.Notification) bool { return n.Tag() != "report" }), large, large)
}

func TestAHaltOfAFleetHasNoSubject(t *testing.T) {
	t.Parallel()
	outcomes := []upgrade.Outcome{
		{Instance: member("rm-1"), Status: upgrade.Accepted, Rollout: rollout},
		{Instance: member("rm-2"), Status: upgrade.Skipped, Reason: upgrade.Held},
		{Instance: member("rm-3"), Status: upgrade.Skipped, Reason: upgrade.UpToDate},
	}
	for n := 1; n <= len(outcomes); n++ {
		m := accountOf("m", policy.Apply).Halt("3 failed", outcomes[:n])[0]
		if m.Subject != "" || m.Data.DBInstanceID != "" || m.Data.Detail != "3 failed" || m.Data.Status != upgrade.Halted || m.Data.Reason != upgrade.Held {
			t.Errorf("got %+v", m)
		}
	}
	m := accountOf("m", policy.Apply).Halt("3 failed", outcomes)[0]
	if diff := cmp.Diff(map[upgrade.Status]int{upgrade.Accepted: 1, upgrade.Skipped: 2}, m.Data.Counts); diff != "" || len(m.Data.Instances) != 2 {
		t.Errorf("lists %+v, counts (-want +got):\n%s", m.Data.Instances, diff)
	}
	checkParts(t, accountOf("m", policy.Off).Halt("the policy's mode is off", nil), 0, 0)
}

func TestAPlanHashNamesWhatWouldBeDone(t *testing.T) {
	t.Parallel()
	base := func() upgrade.Question { return withBudget(sweep(), 2, 100) }
	fleet := func() []upgrade.Instance { return append(members(4), member("rm-009", current(newer))) }
	hash := upgrade.PlanHash(base().Decide(fleet()))
	later := base()
	later.Now, later.Rollout = now.Add(time10), "another"
	renamed := fleet()
	renamed[0].Description = "another name"
	for name, same := range map[string][]upgrade.Decision{
		"planned again":                           base().Decide(fleet()),
		"in another order":                        base().Decide(reverse(fleet())),
		"ten minutes later, for another rollout":  later.Decide(fleet()),
		"an instance that was given another name": base().Decide(renamed),
	} {
		if upgrade.PlanHash(same) != hash {
			t.Errorf("%s: another hash", name)
		}
	}
	changed := func(n int, c change) []upgrade.Instance {
		f := fleet()
		c(&f[n])
		return f
	}
	others := map[string][]upgrade.Decision{
		"an instance more":                    base().Decide(append(fleet(), member("rm-010", current(newer)))),
		"an instance less":                    base().Decide(fleet()[1:]),
		"another id":                          base().Decide(changed(4, func(i *upgrade.Instance) { i.ID = "rm-008" })),
		"an instance that is up to date":      base().Decide(changed(0, current(newer))),
		"one that is skipped for another why": base().Decide(changed(4, untagged)),
		"another target":                      base().Decide(changed(0, offers(online("rds_20250601")))),
		"another way of when":                 withSchedule(base(), events.Schedule{UpgradeTime: events.Immediate}).Decide(fleet()),
		"a SwitchTime":                        withSchedule(base(), events.Schedule{UpgradeTime: events.SpecifyTime, SwitchTime: now.Add(time10)}).Decide(fleet()),
		"another SwitchTime":                  withSchedule(base(), events.Schedule{UpgradeTime: events.SpecifyTime, SwitchTime: now.Add(2 * time10)}).Decide(fleet()),
		"other waves":                         withBudget(sweep(), 3, 100).Decide(fleet()),
		"nothing":                             nil,
	}
	hashes := map[string]string{hash: "the plan"}
	for name, plan := range others {
		h := upgrade.PlanHash(plan)
		if before, known := hashes[h]; known {
			t.Errorf("%s has the hash of %s", name, before)
		}
		hashes[h] = name
	}
	published := accountOf("m", policy.Plan).Notifications(upgrade.Preview(base().Decide(fleet()), rollout))[0]
	if published.Data.PlanHash != hash {
		t.Errorf("published as %s, asked for as %s", published.Data.PlanHash, hash)
	}
}

const time10 = 10 * 60 * 1e9

func reverse(fleet []upgrade.Instance) []upgrade.Instance {
	slices.Reverse(fleet)
	return fleet
}

func TestAFollowUpThatIsPutAwayKeepsItsText(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "short": `{"kind":"follow-up"}`, "as long as one message takes": strings.Repeat("x", 40_000),
		"longer": strings.Repeat("x", 40_001), "the longest that a queue takes": strings.Repeat("xyz ", 16<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := accountOf("m", "").PutAway("received 6 times", text)
			whole, ids := "", map[string]bool{}
			for n, m := range all {
				body, err := json.Marshal(m)
				if err != nil || len(body) >= message || schema.Check(body, "rejected") != nil {
					t.Errorf("part %d: %d bytes, %v, %v", n+1, len(body), err, schema.Check(body, "rejected"))
				}
				if len(all) > 1 && (m.Data.Part != n+1 || m.Data.Parts != len(all)) || len(all) == 1 && m.Data.Part+m.Data.Parts != 0 {
					t.Errorf("part %d of %d", m.Data.Part, m.Data.Parts)
				}
				if diff := cmp.Diff([]string{"received 6 times"}, m.Data.Problems); diff != "" {
					t.Error(diff)
				}
				whole += m.Data.Message
				ids[m.ID] = true
			}
			if whole != text || len(ids) != len(all) {
				t.Errorf("%d of %d bytes, %d ids in %d parts", len(whole), len(text), len(ids), len(all))
			}
		})
	}
	if m := accountOf("m", "").PutAway("no text", "\xff")[0]; m.Data.Message != "?" {
		t.Errorf("got %q", m.Data.Message)
	}
	if a, b := accountOf("m", "").PutAway("p", "one")[0].ID, accountOf("m", "").PutAway("p", "two")[0].ID; a == b {
		t.Error("two follow-ups have one id")
	}
}

func TestAHostileFollowUpFitsItsNotifications(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"<", "\x00", "\u2028", "\xff", "实"} {
		long, whole := strings.Repeat(text, message/len(text)), ""
		_, err := upgrade.ParseFollowUp(`{"kind":"` + long + `"}`)
		if err == nil {
			_, err = upgrade.ParseFollowUp(`{"` + long + `":1}`)
		}
		for _, m := range accountOf("m", "").PutAway(fmt.Sprint(err, long), long) {
			if body, err := json.Marshal(m); err != nil || len(body) >= message {
				t.Errorf("%q: %d bytes, %v", text, len(body), err)
			}
			whole += m.Data.Message
		}
		if whole != strings.ToValidUTF8(long, "?") {
			t.Errorf("%q: %d bytes of %d", text, len(whole), len(long))
		}
	}
}

func TestEveryStatusIsCountedUnderItsName(t *testing.T) {
	t.Parallel()
	report := accountOf("m", policy.Apply).Report("", nil)
	if len(report) != 1 || report[0].Data.Counts == nil || len(report[0].Data.Counts) != 0 || report[0].Data.Detail == "" {
		t.Errorf("an empty fleet: %+v", report)
	}
	var outcomes []upgrade.Outcome
	for n, s := range []upgrade.Status{upgrade.Skipped, upgrade.Completed, upgrade.Completed, upgrade.Failed} {
		outcomes = append(outcomes, upgrade.Outcome{Instance: member(fmt.Sprint("rm-", n)), Status: s})
	}
	got := maps.Clone(accountOf("m", policy.Apply).Report("", outcomes)[0].Data.Counts)
	if diff := cmp.Diff(map[upgrade.Status]int{upgrade.Skipped: 1, upgrade.Completed: 2, upgrade.Failed: 1}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
