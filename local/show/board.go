package show

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// State is where an instance stands.
type State string

// The states, in the order in which they come.
const (
	Waiting    State = ""
	Planned    State = "to be upgraded"
	Called     State = "called"
	Upgrading  State = "upgrading"
	Upgraded   State = "upgraded"
	Failed     State = "FAILED"
	Unverified State = "UNVERIFIED"
	NotStarted State = "not started"
	LeftAlone  State = "left alone"
)

// states are the states by the statuses of notifications.
var states = map[string]State{
	"plan": Planned, "accepted": Upgrading, "completed": Upgraded, "failed": Failed, "unverified": Unverified,
	"halted": NotStarted, "pending": NotStarted, "skipped": LeftAlone,
}

// passing are the reasons for which an instance is left alone until something else has ended.
var passing = []string{"held", "over_budget", "outside_window"}

// Row is one instance on the board.
type Row struct {
	ID, Description, Region, Engine string
	Disk                            string // DBInstanceStorageType, where it matters
	Version, Target                 string
	Before                          string // the version before it was upgraded
	Rollout, Wave                   int    // the how manieth
	State                           State
	Reason                          string // why it is left alone
	Detail                          string // the same as the function says it
	Busy                            string // what it was busy with when its turn came
	Troubles                        []string
}

// Status says in a few words where it stands.
func (r Row) Status() string {
	if r.State == LeftAlone {
		return cmp.Or(spaced(r.Reason), string(LeftAlone))
	}
	return string(r.State)
}

// wave tells the wave, and which rollout's if it is not the first one's.
func (r Row) wave() string {
	switch {
	case r.Wave == 0, r.State == LeftAlone:
		return ""
	case r.Rollout > 1:
		return fmt.Sprintf("%d.%d", r.Rollout, r.Wave)
	}
	return strconv.Itoa(r.Wave)
}

// versions gives what it had and what it gets or has got.
func (r Row) versions() (before, after string) {
	if r.State == Upgraded {
		return r.Before, r.Version
	}
	if r.State == LeftAlone {
		return r.Version, ""
	}
	return r.Version, r.Target
}

// Board keeps where every instance of a fleet stands.
type Board struct {
	rows          []*Row
	byID          map[string]*Row
	rollouts      []string // their ids, as they were begun
	wave          int
	halted, ended bool
}

// NewBoard makes the board of a fleet. The rows keep their order.
func NewBoard(fleet []Row) *Board {
	b := &Board{byID: map[string]*Row{}}
	for _, row := range fleet {
		b.rows = append(b.rows, &row)
		b.byID[row.ID] = &row
	}
	return b
}

// Rows gives the rows as they are now.
func (b *Board) Rows() (rows []Row) {
	for _, r := range b.rows {
		rows = append(rows, *r)
	}
	return rows
}

// Begin says that another request is on its way.
func (b *Board) Begin() { b.wave, b.halted, b.ended = 0, false, false }

// Call notes that the upgrade call was made.
func (b *Board) Call(c Call) {
	if r := b.byID[c.DBInstanceID]; r != nil && r.State != Upgrading && r.State != Upgraded {
		r.State, r.Target = Called, cmp.Or(c.TargetMinorVersion, r.Target)
	}
}

// Apply notes what a notification says.
func (b *Board) Apply(n Notification) {
	for _, e := range n.Data.Instances {
		b.note(e)
	}
	if r := b.byID[n.Data.DBInstanceID]; r != nil {
		b.note(n.Data.Entry)
		b.wave = max(b.wave, n.Data.Wave)
		r.Rollout = b.rollout(n.Data.Rollout)
		b.prove(r, n)
	}
	b.halted = b.halted || n.Tag() == "halted"
	b.ended = b.ended || n.Name() == "report" && n.Last()
}

// rollout numbers a rollout.
func (b *Board) rollout(id string) int {
	if !slices.Contains(b.rollouts, id) {
		b.rollouts = append(b.rollouts, id)
	}
	return slices.Index(b.rollouts, id) + 1
}

// prove notes how an upgrade has ended.
func (*Board) prove(r *Row, n Notification) {
	switch states[n.Tag()] {
	case Upgraded:
		r.Before, r.Version = cmp.Or(n.Data.Before, r.Version), cmp.Or(n.Data.After, n.Data.TargetMinorVersion)
	case Failed, Unverified:
		r.Troubles = append(r.Troubles, fmt.Sprintf("%s in wave %d: %s", n.Tag(), n.Data.Wave, n.Data.why()))
	}
}

// note takes what is said of one instance. What was upgraded needs nothing when it is looked at later: it stays upgraded here.
func (b *Board) note(e Entry) {
	r, state := b.byID[e.DBInstanceID], states[e.Status]
	if r == nil || state == "" || r.State == Upgraded {
		return
	}
	if state == LeftAlone && slices.Contains(passing, e.Reason) {
		state = NotStarted
	}
	r.State, r.Reason, r.Detail, r.Wave = state, e.Reason, e.Detail, cmp.Or(e.Wave, r.Wave)
	if e.Reason == "in_progress" {
		r.Busy = cmp.Or(r.Busy, e.Detail)
	}
	r.Target = cmp.Or(e.TargetMinorVersion, r.Target)
}

// Count says how many instances are in one of the states.
func (b *Board) Count(of ...State) (n int) {
	for _, r := range b.rows {
		for _, state := range of {
			if r.State == state {
				n++
			}
		}
	}
	return n
}

// Now says what is happening.
func (b *Board) Now() string {
	moving := b.Count(Called, Upgrading)
	switch {
	case b.ended:
		return "The rollout has ended."
	case b.halted && moving > 0:
		return "HALTED: nothing more is started, and what is in flight is watched to its end."
	case b.halted:
		return "HALTED: nothing more is started."
	case moving > 0:
		return fmt.Sprintf("Rollout %d, wave %d is under way.", max(len(b.rollouts), 1), max(b.wave, 1))
	case b.wave > 0:
		return fmt.Sprintf("Rollout %d, wave %d has ended, and bakes.", len(b.rollouts), b.wave)
	}
	return "The function looks at the fleet."
}

// Tally says how far it is.
func (b *Board) Tally() string {
	var told []string
	for _, part := range []struct {
		word   string
		states []State
	}{
		{"upgraded", []State{Upgraded}},
		{"failed", []State{Failed, Unverified}},
		{"under way", []State{Called, Upgrading}},
		{"to come", []State{Planned, NotStarted}},
		{"left alone", []State{LeftAlone}},
		{"not looked at", []State{Waiting}},
	} {
		if n := b.Count(part.states...); n > 0 {
			told = append(told, fmt.Sprintf("%d %s", n, part.word))
		}
	}
	return strings.Join(told, ", ")
}
