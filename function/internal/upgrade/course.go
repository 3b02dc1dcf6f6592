package upgrade

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/policy"
	"rds-kernel-upgrade/function/internal/version"
)

// AdvisoryID names the advisory that a request is about, "" if none.
func AdvisoryID(r events.Request) string {
	if r.Fleet == nil || r.Fleet.Advisory == nil {
		return ""
	}
	return r.Fleet.Advisory.ID
}

// Scope says what the request means.
func (q Question) Scope() Scope {
	s := Scope{Regions: []string{q.Region}}
	if !q.Doubt.IsZero() {
		places := newPlacing(q)
		s.Doubt = func(i Instance) (time.Time, bool) { return q.Doubt, i.Claim == nil && q.behind(i, places) }
	}
	fleet := q.Request.Fleet
	if fleet == nil {
		s.Regions, s.IDs = q.region(), []string{q.Request.Upgrade.DBInstanceID}
		s.Replica = func(i Instance) bool { return i.takesReplicasAlong() && !q.Request.Upgrade.WithReplicas }
		s.Offered = func(i Instance) bool { return q.Request.Upgrade.TargetMinorVersion != "" && i.supported() }
		return s
	}
	if len(fleet.Select.RegionIDs) > 0 {
		s.Regions = fleet.Select.RegionIDs
	}
	s.IDs, s.Replica = fleet.Select.DBInstanceIDs, func(Instance) bool { return true }
	s.Filter = Filter{Engine: fleet.Select.Engine, ResourceGroupID: fleet.Select.ResourceGroupID, Tags: fleet.Select.Tags}
	s.Possible, s.Candidate, s.Offered = q.Possible, q.Candidate, q.offered
	return s
}

// behind reports whether an instance would be called, but for its turn and its time: only of such ones a task matters.
func (q Question) behind(i Instance, places *placing) bool {
	stopped, _ := q.skipInstance(i, places.concerns)
	return stopped == nil && q.past(i) == nil && places.aim(i).skip == nil
}

func (q Question) region() []string {
	if r := q.Request.Upgrade.RegionID; r != "" {
		return []string{r}
	}
	return []string{q.Region}
}

// offered tells whether the versions that the API offers decide about an instance. A sweep wants none for one that runs the latest.
func (q Question) offered(i Instance) bool {
	if stopped, _ := q.skipInstance(i, q.concerns); stopped != nil {
		return false
	}
	return q.Request.Fleet.Advisory != nil || !version.Reached(i.CurrentKernelVersion, i.LatestKernelVersion)
}

// Unseen gives what the request names without looking at it.
func (q Question) Unseen() []Instance {
	if q.Request.Fleet != nil {
		return nil
	}
	return Unseen(q.region()[0], []string{q.Request.Upgrade.DBInstanceID})
}

// Alive tells whether a plan has met claims of its own rollout: its request was delivered before.
func Alive(plan []Decision) bool {
	return slices.ContainsFunc(plan, func(d Decision) bool { return d.Alive })
}

// NextWave gives the steps of the next wave, and how many are to follow in later ones.
func NextWave(plan []Decision) (steps []Step, behind int) {
	for _, d := range plan {
		switch {
		case d.Step == nil:
		case d.Step.Wave == 1:
			steps = append(steps, *d.Step)
		default:
			behind++
		}
	}
	return steps, behind
}

// InFlight gives what is in flight, by region.
func (r *Rollout) InFlight() map[string][]string {
	regions := map[string][]string{}
	for _, f := range r.Flight {
		regions[f.RegionID] = append(regions[f.RegionID], f.DBInstanceID)
	}
	return regions
}

// foreign is how far RDS's clock may be from ours.
const foreign = 10 * time.Minute

// Watched returns the time since when the tasks of an instance in flight matter, and whether they do, until the version is there: the
// call's own task, if its id is known; and every task since the call if nothing says which one is the call's.
func (r *Rollout) Watched(i Instance) (since time.Time, matters bool) {
	n := slices.IndexFunc(r.Flight, func(f Flight) bool { return f.DBInstanceID == i.ID })
	if n < 0 || i.proven(r.Flight[n].Target) {
		return time.Time{}, false
	}
	f := r.Flight[n]
	if f.taskID(i) == "" && i.Claim == nil {
		return f.At, true
	}
	return f.At.Add(-foreign), f.taskID(i) != ""
}

// taskID returns the id of the call's task, "" if it is not known.
func (f Flight) taskID(i Instance) string {
	if i.Claim == nil {
		return f.TaskID
	}
	return cmp.Or(f.TaskID, i.Claim.TaskID)
}

// GoesOn tells whether the fleet is to be observed now; if not, Next says when there is something to do.
func (r *Rollout) GoesOn(p policy.Policy, watched bool, now time.Time) bool {
	if r.Seq > 0 && r.Halt == "" {
		r.Halt = r.halt(p)
		if r.Halt != "" {
			return true // it has to be told how far it has come
		}
	}
	q := Question{Request: r.Request, Policy: p}
	switch {
	case len(r.Flight) > 0:
		r.Next = r.nextLook(p.Verify, now)
		return false
	case watched && r.Halt == "" && r.Behind > 0 && r.Proven > 0 && q.bake() > 0:
		r.Next = now.Add(q.bake())
		return false
	default:
		return true
	}
}

// halt says why nothing more may be called, "" if there is no reason.
func (r *Rollout) halt(p policy.Policy) string {
	switch {
	case p.Mode != policy.Apply:
		return fmt.Sprintf("the policy's mode is %s", p.Mode)
	case r.Overdrawn() != "":
		return r.Overdrawn()
	case r.Room() == 0:
		return "the rollout has as many instances as one follow-up can remember: send the request again for the rest"
	default:
		return ""
	}
}

// Allowed is how many calls may still fail before the rollout halts; negative: any number.
func (r *Rollout) Allowed() int {
	if r.Request.Fleet == nil {
		return -1
	}
	return max(0, r.Request.Fleet.Rollout.MaxFailures-r.Failures())
}

// Ends tells whether nothing is left to do, or else sets when to go on: at once with the steps of later waves; after verify.first when
// nothing could be called, or all that is left is busy, and with that no longer than verify.giveUp.
func (r *Rollout) Ends(outcomes []Outcome, v policy.Verify, now time.Time) bool {
	if len(r.Flight) > 0 {
		return false
	}
	if r.Halt != "" {
		return true
	}
	steps, waits := r.undone(outcomes)
	switch {
	case steps && !r.stuck && (r.Waiting.IsZero() || now.Before(r.Waiting.Add(time.Duration(v.GiveUp)))):
		r.Next = now
		return false
	case steps, waits:
		return !r.Patient(v, now)
	default:
		return true
	}
}

// undone tells whether there are steps of later waves, and whether there is anything that may be done later.
func (r *Rollout) undone(outcomes []Outcome) (steps, waits bool) {
	for _, o := range outcomes {
		steps = steps || o.Status == Pending && o.Fault == nil
		waits = waits || o.Status == Pending || o.Wait && r.Request.Fleet != nil
	}
	return steps, waits
}

// Patient tells whether to wait a little longer for what is busy, and sets when to look again.
func (r *Rollout) Patient(v policy.Verify, now time.Time) bool {
	if r.Waiting.IsZero() {
		r.Waiting = now
	}
	r.Next = now.Add(time.Duration(v.First))
	return now.Before(r.Waiting.Add(time.Duration(v.GiveUp)))
}

// Stopped gives the outcomes of a plan whose rollout has been halted.
func (r *Rollout) Stopped(plan []Decision) []Outcome {
	flight := map[string]Outcome{}
	for _, o := range r.Unproven() {
		flight[o.Instance.ID] = o
	}
	outcomes := make([]Outcome, 0, len(plan))
	for _, d := range plan {
		o, flying := flight[d.Instance.ID]
		if !flying {
			o = d.outcome(r.ID)
		}
		outcomes = append(outcomes, o)
	}
	return r.Hold(outcomes)
}

// Hold leaves alone what was to be called and is not, since the rollout has been halted. Of one that was busy it is said what with.
func (r *Rollout) Hold(outcomes []Outcome) []Outcome {
	for n := range outcomes {
		o := &outcomes[n]
		if o.Status == Pending {
			o.Status, o.Reason, o.Detail, o.Fault, o.Wave = Skipped, Held, "the rollout was halted: "+r.Halt, nil, 0
		}
		if with := r.BusyWith[o.Instance.ID]; with != "" && o.Status == Skipped && (o.Reason == Held || o.Reason == InProgress) {
			o.Reason, o.Detail = InProgress, "it was busy when its turn came: "+with
		}
	}
	return outcomes
}

// Undecided makes the outcomes of calls whose effect does not show yet ones that a follow-up will find out about.
func Undecided(outcomes []Outcome) []Outcome {
	for n, o := range outcomes {
		if o.inDoubt() {
			outcomes[n].Status, outcomes[n].Reason = Pending, InProgress
		}
	}
	return outcomes
}

// Silent gives outcomes of which the rollout's own follow-up tells, and with whose claims it does what is to be done.
func Silent(outcomes []Outcome) []Outcome {
	for n := range outcomes {
		outcomes[n].Told, outcomes[n].Release, outcomes[n].Becomes = true, false, nil
	}
	return outcomes
}

// Account returns one outcome for each instance: those of the plan, what this rollout has finished with that the selection no
// longer has, and those of its members that are gone.
func (r *Rollout) Account(outcomes []Outcome) []Outcome {
	all := slices.Clone(outcomes)
	for n := range all {
		if all[n].Status == Pending {
			all[n].Status = Skipped
		}
	}
	known := make(map[string]bool, len(all))
	for _, o := range all {
		known[o.Instance.ID] = true
	}
	for _, f := range r.Finished {
		if !known[f.DBInstanceID] {
			known[f.DBInstanceID] = true
			all = append(all, f.outcome(r.ID))
		}
	}
	for _, f := range r.missing(known) {
		all = append(all, f.outcome(r.ID))
	}
	return all
}

// Uncalled leaves alone what had no turn, where there is no later one.
func Uncalled(outcomes []Outcome) []Outcome {
	for n, o := range outcomes {
		if o.Status == Pending && o.Fault == nil {
			outcomes[n].Status = Skipped
		}
	}
	return outcomes
}
