package upgrade_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// enrolled is a rollout that has begun with these instances of one region.
func enrolled(fleet ...upgrade.Instance) *upgrade.Rollout {
	r := &upgrade.Rollout{ID: rollout}
	r.Enrol(sweep().Decide(fleet))
	return r
}

func TestARolloutRemembersByNameWhatItIsToUpgrade(t *testing.T) {
	t.Parallel()
	fleet := []upgrade.Instance{
		member("rm-1"), member("rm-2", current(newer)), member("rm-3", untagged), member("rm-4", status("Rebooting")), member("rm-5", inRegion("cn-beijing")),
	}
	r := enrolled(fleet...)
	if diff := cmp.Diff(map[string][]string{"cn-hangzhou": {"rm-1", "rm-4"}, "cn-beijing": {"rm-5"}}, r.Members); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r.Enrol(sweep().Decide(members(3)))
	if len(r.Members) != 2 {
		t.Errorf("a second plan has changed the members: %v", r.Members)
	}
	begun := &upgrade.Rollout{ID: rollout, Wave: 1}
	if begun.Enrol(sweep().Decide(fleet)); begun.Members != nil {
		t.Errorf("a rollout that has begun without members has got %v", begun.Members)
	}
	for n, want := range map[int]int{500: 500, 501: 0} {
		if got := len(enrolled(members(n)...).Members["cn-hangzhou"]); got != want {
			t.Errorf("of %d instances %d are remembered, want %d", n, got, want)
		}
	}
}

// The account has each member once, also one that nothing else knows any more.
func TestAMemberThatIsGoneStandsInTheAccountOnce(t *testing.T) {
	t.Parallel()
	r := enrolled(member("rm-1"), member("rm-2"), member("rm-3"), member("rm-4"), member("rm-5"))
	r.Done.Add("rm-3")
	r.Finished = []upgrade.Finished{
		{DBInstanceID: "rm-4", RegionID: "cn-hangzhou", Status: upgrade.Failed, Detail: "it came back", Kind: fault.Unproven},
		{DBInstanceID: "rm-5", RegionID: "cn-hangzhou", Status: upgrade.Skipped, Reason: upgrade.Gone},
	}
	account := r.Account([]upgrade.Outcome{{Instance: member("rm-1"), Status: upgrade.Completed}})
	got := map[string]string{}
	for _, o := range account {
		got[o.Instance.ID] += fmt.Sprintf("%s %s;", o.Status, o.Reason)
	}
	want := map[string]string{"rm-1": "completed ;", "rm-2": "skipped gone;", "rm-3": "completed ;", "rm-4": "failed ;", "rm-5": "skipped gone;"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWhatSomebodyDeletesIsNoFailure(t *testing.T) {
	t.Parallel()
	missing := &fault.Error{Kind: fault.NotFound, Code: "InvalidDBInstanceName.NotFound", Message: "no such instance"}
	q := sweep()
	q.Request.Fleet.Select.DBInstanceIDs = []string{"rm-1", "rm-2"}
	fleet := []upgrade.Instance{member("rm-1", fails(missing)), member("rm-2")}
	if d := q.Decide(fleet)[0]; d.Fault == nil || d.Skip != nil {
		t.Errorf("an id that never was there: %+v", d)
	}
	d := withMemory(q, enrolled(member("rm-1"), member("rm-2"))).Decide(fleet)[0]
	if d.Fault != nil || d.Skip == nil || d.Skip.Reason != upgrade.Gone {
		t.Errorf("a member: fault %v, skip %+v", d.Fault, d.Skip)
	}
	r := &upgrade.Rollout{ID: rollout, Request: events.Request{Fleet: &events.Fleet{}}, Flight: []upgrade.Flight{flying()}}
	r.Watch([]upgrade.Instance{member(id, fails(missing))}, verifying, now)
	if r.Overdrawn() != "" || len(r.Flight) != 0 {
		t.Errorf("maxFailures is 0: %q, in flight %v", r.Overdrawn(), r.Flight)
	}
}
