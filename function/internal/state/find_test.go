package state_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/state"
)

func TestADocumentFindsWhatItHolds(t *testing.T) {
	t.Parallel()
	d := document(t)
	name := func(r *state.Rollout) string {
		if r == nil {
			return "none"
		}
		return r.ID
	}
	flight := func(id string) string {
		r, m := d.Flight(id)
		if m == nil {
			return name(r)
		}
		return fmt.Sprint(name(r), " ", m.DBInstanceID, " ", m.State)
	}
	for question, c := range map[string]struct{ got, want any }{
		"a rollout by its id":                     {name(d.Rollout("r-open")), "r-open"},
		"one that is not there":                   {name(d.Rollout("r-none")), "none"},
		"those of a key":                          {len(d.WithKey("9c0d")), 1},
		"those of an unknown key":                 {len(d.WithKey("none")), 0},
		"a message by its id":                     {d.Message("mns_topic 3").Detail, "wave 1 of 2 is under way"},
		"a message that is not there":             {d.Message("mns_topic 9") == nil, true},
		"what is remembered of an instance":       {d.Instance("rm-5").Fail.Rollout, "r-open"},
		"an instance of which nothing is":         {d.Instance("rm-6") == nil, true},
		"a member":                                {d.Rollout("r-open").Member("rm-4").State, state.Proven},
		"an instance that is no member":           {d.Rollout("r-open").Member("rm-44") == nil, true},
		"members in two states":                   {ids(d.Rollout("r-open").In(state.Intent, state.Failed)), []string{"rm-2", "rm-5"}},
		"members in no state":                     {ids(d.Rollout("r-open").In()), []string(nil)},
		"how many members are in two states":      {d.Rollout("r-open").Count(state.Called, state.LeftOut), 3},
		"the flight of an instance with a call":   {flight("rm-3"), "r-open rm-3 called"},
		"the flight of an instance with none":     {flight("rm-4"), "none"},
		"the flight of an instance of no rollout": {flight("rm-9"), "none"},
	} {
		t.Run(question, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, c.got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func ids(members []*state.Member) (all []string) {
	for _, m := range members {
		all = append(all, m.DBInstanceID)
	}
	return all
}

func TestWhatIsRememberedIsFoundAgain(t *testing.T) {
	t.Parallel()
	d := document(t)
	for _, id := range []string{"rm-7", "rm-0", "rm-99", "rm-7"} {
		d.Remember(id, "cn-hangzhou").Landed = noon
	}
	if first := d.Remember("rm-5", "cn-beijing"); first.RegionID != "cn-hangzhou" || first.Fail == nil {
		t.Errorf("of what was known, it remembers %v", first)
	}
	var got []string
	for _, i := range d.Instances {
		got = append(got, i.DBInstanceID)
	}
	if diff := cmp.Diff([]string{"rm-0", "rm-5", "rm-7", "rm-9", "rm-99"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	text(t, d)
}

func TestARolloutKnowsHowFarItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rollout              func(d *state.Document) *state.Rollout
		live, ended, toldAll bool
	}{
		"one that waits":                          {func(d *state.Document) *state.Rollout { return d.Rollout("r-wait") }, true, false, false},
		"one that is under way":                   {func(d *state.Document) *state.Rollout { return d.Rollout("r-open") }, true, false, false},
		"one that is over":                        {func(d *state.Document) *state.Rollout { return d.Rollout("r-over") }, false, true, true},
		"a halted one in flight":                  {halted(state.Called, "", false), false, false, false},
		"a halted one with an intent":             {halted(state.Intent, "", false), false, false, false},
		"a halted one with pending":               {halted(state.Pending, "", false), false, false, false},
		"a halted one that failed":                {halted(state.Failed, "", true), false, true, false},
		"one whose proof is untold":               {halted(state.Proven, state.ToldAccepted, true), false, true, false},
		"one whose halt is untold":                {halted(state.Proven, state.ToldEnd, false), false, true, false},
		"one of which all is told":                {halted(state.Proven, state.ToldEnd, true), false, true, true},
		"what was left out is told in the report": {halted(state.LeftOut, "", true), false, true, true},
		"a closed one without a member": {func(*state.Document) *state.Rollout {
			return &state.Rollout{State: state.Closed, Told: state.RolloutTold{Report: noon}}
		}, false, true, true},
		"a closed one without its report": {func(*state.Document) *state.Rollout { return &state.Rollout{State: state.Closed} }, false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.rollout(document(t))
			if r.Live() != c.live || r.Ended() != c.ended || r.AllTold() != c.toldAll {
				t.Errorf("live %t, ended %t, all told %t", r.Live(), r.Ended(), r.AllTold())
			}
		})
	}
}

// halted is a halted rollout whose report was published, with one member.
func halted(s state.MemberState, told state.MemberTold, haltTold bool) func(*state.Document) *state.Rollout {
	r := &state.Rollout{State: state.Halted, Halt: "so", Told: state.RolloutTold{Report: noon}, Members: []state.Member{{State: s, Call: &state.Call{AcceptedAt: noon}, Told: told}}}
	if haltTold {
		r.Told.Halted = noon
	}
	return func(*state.Document) *state.Rollout { return r }
}

// The end of a member is published by itself only if something was to be awaited; all else stands in the report.
func TestTheEndOfAMemberIsUntoldUntilItIsPublished(t *testing.T) {
	t.Parallel()
	refused, accepted := &state.Call{At: noon}, &state.Call{At: noon, AcceptedAt: noon}
	for name, c := range map[string]struct {
		member           state.Member
		untold, accepted bool
	}{
		"one that waits":                        {state.Member{State: state.Pending}, false, false},
		"an intent":                             {state.Member{State: state.Intent, Call: refused}, false, false},
		"a call that was accepted":              {state.Member{State: state.Called, Call: accepted}, false, true},
		"one that is proven":                    {state.Member{State: state.Proven, Call: accepted}, true, true},
		"one whose acceptance alone is told":    {state.Member{State: state.Proven, Call: accepted, Told: state.ToldAccepted}, true, true},
		"one whose end is told":                 {state.Member{State: state.Proven, Call: accepted, Told: state.ToldEnd}, false, true},
		"one that ran the target without us":    {state.Member{State: state.Proven}, false, false},
		"one whose intent alone is known":       {state.Member{State: state.Proven, Call: refused}, true, false},
		"one that was refused":                  {state.Member{State: state.Failed, Call: refused}, true, false},
		"one that failed before any call":       {state.Member{State: state.Failed}, true, false},
		"one whose failure is told":             {state.Member{State: state.Failed, Told: state.ToldEnd}, false, false},
		"one that is unverified":                {state.Member{State: state.Unverified, Call: accepted}, true, true},
		"one of which that is told":             {state.Member{State: state.Unverified, Call: accepted, Told: state.ToldEnd}, false, true},
		"one that was left out":                 {state.Member{State: state.LeftOut}, false, false},
		"one that was deleted after its call":   {state.Member{State: state.LeftOut, Call: accepted, Told: state.ToldAccepted}, false, true},
		"one that was left out after a refusal": {state.Member{State: state.LeftOut, Call: refused}, false, false},
	} {
		if c.member.Untold() != c.untold || c.member.Accepted() != c.accepted {
			t.Errorf("%s: untold %t, accepted %t", name, c.member.Untold(), c.member.Accepted())
		}
	}
}

func TestAStateIsInFlightOrTerminalOrPending(t *testing.T) {
	t.Parallel()
	for s, want := range map[state.MemberState]string{
		state.Pending: "", state.Intent: "in flight", state.Called: "in flight", state.Proven: "terminal", state.Failed: "terminal",
		state.Unverified: "terminal", state.LeftOut: "terminal",
	} {
		got := ""
		if s.InFlight() {
			got = "in flight"
		}
		if s.Terminal() {
			got += "terminal"
		}
		if got != want {
			t.Errorf("%s is %q, want %q", s, got, want)
		}
	}
}

func TestPruneRemovesWhatIsOver(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	ended := noon.Add(-2 * time.Hour) // of r-over
	for name, c := range map[string]struct {
		now    time.Time
		bake   time.Duration
		change func(d *state.Document)
		want   []string // what is gone
	}{
		"nothing on the same day":                          {noon, day, nil, nil},
		"a rollout 8 days after its report":                {ended.Add(8 * day), 0, nil, []string{"last 5b1f", "message mns_topic 1", "rollout r-over"}},
		"not a moment before":                              {ended.Add(8*day - 1), 0, nil, nil},
		"not before the longest bake":                      {ended.Add(8 * day), 30 * day, nil, []string{"last 5b1f"}},
		"but then":                                         {ended.Add(30 * day), 30 * day, nil, []string{"last 5b1f", "last 77aa", "message mns_topic 1", "rollout r-over"}},
		"a rollout that is not in the archive stays":       {ended.Add(8 * day), 0, of("r-over", func(r *state.Rollout) { r.Archived = time.Time{} }), []string{"last 5b1f"}},
		"a message whose rollout stays remains":            {noon.Add(9 * day), 99 * day, nil, []string{"last 5b1f", "last 77aa"}},
		"a message that was not answered remains":          {noon.Add(99 * day), 0, nil, []string{"instance rm-9", "last 5b1f", "last 77aa", "message mns_topic 1", "rollout r-over"}},
		"a failure stays when its landing goes":            {noon.Add(8 * day), 0, func(d *state.Document) { d.Instances[0].Landed = noon.Add(-day) }, []string{"instance rm-9", "landed rm-5", "last 5b1f", "last 77aa", "message mns_topic 1", "rollout r-over"}},
		"a message whose rollout is gone, once it is told": {noon.Add(8 * day), 99 * day, func(d *state.Document) { d.Messages[3].Told = noon }, []string{"last 5b1f", "last 77aa", "message mns_topic 4"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := document(t)
			d.Last["5b1f"] = state.Last{At: ended, Ended: state.EndedClosed}
			if c.change != nil {
				c.change(d)
			}
			before := entries(d)
			removed := d.Prune(c.now, c.bake)
			var got []string
			for _, entry := range before {
				if !slices.Contains(entries(d), entry) {
					got = append(got, entry)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("gone (-want +got):\n%s", diff)
			}
			if removed != (len(c.want) > 0) {
				t.Errorf("it reports %t", removed)
			}
			if d.Prune(c.now, c.bake) {
				t.Error("a second time removes more")
			}
			text(t, d)
		})
	}
}

// entries names all that a document holds.
func entries(d *state.Document) (all []string) {
	for _, r := range d.Rollouts {
		all = append(all, "rollout "+r.ID)
	}
	for key := range d.Last {
		all = append(all, "last "+key)
	}
	for _, i := range d.Instances {
		all = append(all, "instance "+i.DBInstanceID)
		if !i.Landed.IsZero() && i.Fail != nil {
			all = append(all, "landed "+i.DBInstanceID)
		}
	}
	for _, m := range d.Messages {
		all = append(all, "message "+m.ID)
	}
	slices.Sort(all)
	return all
}

func TestARolloutIsArchivedOnceEverythingIsTold(t *testing.T) {
	t.Parallel()
	d := document(t)
	if due := d.ToArchive(); len(due) != 0 {
		t.Errorf("%d are due although the one that is over lies there", len(due))
	}
	d.Rollout("r-over").Archived = time.Time{}
	if due := d.ToArchive(); len(due) != 1 || due[0].ID != "r-over" {
		t.Errorf("%v are due", due)
	}
}

func TestADocumentIsWrittenAnewBeforeItIsTooOld(t *testing.T) {
	t.Parallel()
	d := document(t)
	for at, want := range map[time.Time]bool{noon: false, noon.Add(state.MaxAge - 1): false, noon.Add(state.MaxAge): true} {
		if d.Old(at) != want {
			t.Errorf("%s later: %t", at.Sub(noon), d.Old(at))
		}
	}
}
