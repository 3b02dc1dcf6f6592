package plan

import (
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/state"
)

// Record writes down what the calls have come to. A result counts only for the intent that it is of: what was decided about the member since then
// stays.
//
//	the call                         the member
//	was not made                     waits for its turn again; is left out if its rollout was halted (see conclude)
//	was accepted                     is called
//	was refused: the instance busy   waits, as one that is busy (see wait)
//	was refused: it is deleted       is left out
//	was refused for now              waits, as one that is busy
//	was refused for good             failed
//	nobody knows                     stays an intent, and is looked for
func (p *Plan) Record(results []Result) {
	for _, result := range results {
		r, m := p.Document.Flight(result.Intent.Call.DBInstanceID)
		if m != nil && r.ID == result.Intent.Rollout && m.State == state.Intent && m.Call.At.Equal(result.Intent.At) {
			attempt{Plan: p, rollout: r, member: m}.record(result)
			remember(p, r, m)
		}
	}
	conclude(p)
}

func (a attempt) record(result Result) {
	m, f := a.member, result.Fault
	switch {
	case !result.AcceptedAt.IsZero():
		m.State, m.WantedSince = state.Called, time.Time{}
		m.Call.AcceptedAt, m.Call.TaskID, m.Call.RequestID = result.AcceptedAt.UTC().Truncate(time.Second), result.Acceptance.TaskID, result.Acceptance.RequestID
	case f == nil && result.Made, f != nil && f.InDoubt:
		return
	case !result.Made:
		m.State, m.Call = state.Pending, nil
	case Fails(f):
		m.State, m.End = state.Failed, failure(f, a.Now)
	case f.Kind == fault.NotFound:
		*m = leave(*m, a.Now, skipf(Gone, "it was deleted before its call: %s", short(f.Message, maxWhy)))
	case f.Kind == fault.Conflict:
		m.State, m.Call = state.Pending, nil
		a.wait(&skip{InProgress, short(f.Message, maxWhy)})
	default:
		m.State, m.Call = state.Pending, nil
		a.wait(skipf(Unread, "its call was refused for now: %s", short(f.Message, maxWhy)))
	}
}

// Fails reports whether a call with this fault has failed for good, and counts against maxFailures. One that is in doubt, may pass, or has found its
// instance busy or deleted has not.
func Fails(f *fault.Error) bool {
	return !f.InDoubt && !fault.Passing(f) && f.Kind != fault.Conflict && f.Kind != fault.NotFound
}
