package plan

import (
	"cmp"
	"fmt"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
)

// question is what one request asks about the instances that it selects.
type question struct {
	Setting
	request events.Request
}

func (s Setting) question(r events.Request) question { return question{s, r} }

// skip says why an instance is left alone, in the words of notifications and of people.
type skip struct {
	reason Reason
	detail string
}

func skipf(reason Reason, format string, args ...any) *skip {
	return &skip{reason, fmt.Sprintf(format, args...)}
}

// refused returns a refusal as the reason to leave an instance alone, nil if there is none.
func refused(reason Reason, refusal string) *skip {
	if refusal == "" {
		return nil
	}
	return &skip{reason, refusal}
}

// Scope returns what has to be observed for a request.
func (s Setting) Scope(r events.Request) fleet.Scope {
	q := s.question(r)
	f := r.Fleet
	if f == nil {
		return fleet.Scope{
			Regions: []string{q.region()}, IDs: []string{r.Upgrade.DBInstanceID},
			Replica: func(i fleet.Instance) bool { return i.TakesReplicasAlong() && !r.Upgrade.WithReplicas },
			Offered: func(i fleet.Instance) bool { return r.Upgrade.TargetMinorVersion != "" && i.Supported() },
			Tasks: func(i fleet.Instance) (since time.Time, matter bool) { // it may be called at once
				return q.Now.Add(-history), q.skipInstance(i) == nil && i.Running() && q.aim(i).skip == nil
			},
		}
	}
	regions, _ := s.Policy.SelectRegions(f.Select.RegionIDs, s.Region)
	return fleet.Scope{
		Regions: regions, IDs: f.Select.DBInstanceIDs,
		Filter:    fleet.Filter{Engine: f.Select.Engine, ResourceGroupID: f.Select.ResourceGroupID, Tags: f.Select.Tags},
		Replica:   func(fleet.Instance) bool { return true },
		Possible:  func(i fleet.Instance) bool { return q.skipKind(i) == nil },
		Candidate: func(i fleet.Instance) bool { return q.skipInstance(i) == nil },
		Offered: func(i fleet.Instance) bool { // a sweep needs none for one that runs the latest
			return q.skipInstance(i) == nil && (f.Advisory != nil || !version.Reached(i.CurrentKernelVersion, i.LatestKernelVersion))
		},
	}
}

// region is that of a request for one instance.
func (q question) region() string { return cmp.Or(q.request.Upgrade.RegionID, q.Region) }

// skipInstance returns why an instance is left alone whatever its version, nil if it is not. It needs no more than the listing and the tags, so
// that an instance that it stops need not be read. That an instance is busy stops nobody: it passes.
func (q question) skipInstance(i fleet.Instance) *skip {
	return cmp.Or(q.skipKind(i), q.unselected(i), q.skipState(i))
}

// unselected returns which part of a selection an instance does not fit that the selection names by its id, nil if it fits. A listing has only
// those that fit; what is asked for by id is read whatever else is selected.
func (q question) unselected(i fleet.Instance) *skip {
	const detail = "it is named in select.DBInstanceId, and does not fit %s"
	s := cmp.Or(q.request.Fleet, &events.Fleet{}).Select
	switch {
	case len(s.DBInstanceIDs) == 0:
		return nil
	case s.Engine != "" && i.Engine != s.Engine:
		return skipf(Held, detail, "select.Engine")
	case s.ResourceGroupID != "" && i.ResourceGroupID != s.ResourceGroupID:
		return skipf(Held, detail, "select.ResourceGroupId")
	case !i.Has(s.Tags):
		return skipf(Held, detail, "select.tags")
	default:
		return nil
	}
}

// skipKind returns why a request about a fleet cannot mean an instance of this kind. The page of the listing is all that it costs.
func (q question) skipKind(i fleet.Instance) *skip {
	f := q.request.Fleet
	switch {
	case f == nil:
		return nil
	case !i.Supported():
		return unsupported(i)
	case f.Advisory != nil && !advisory.Concerns(*f.Advisory, i.Engine, i.EngineVersion):
		return skipf(NotAffected, "%s says nothing about %s %s", f.Advisory.ID, i.Engine, i.EngineVersion)
	default:
		return nil
	}
}

func unsupported(i fleet.Instance) *skip {
	return skipf(EngineUnsupported, "%s on %s: the call takes MySQL, and PostgreSQL on disks that are not local", i.Engine, i.StorageType)
}

// skipState returns why an instance may not be called, as it is now: its tags, its lock, its rest.
func (q question) skipState(i fleet.Instance) *skip {
	in, refusal := q.Policy.OptIn, q.Policy.Hold.Refusal(i.Tags, q.Now)
	switch {
	case q.request.Fleet != nil && i.Tags[in.Tag] != in.Value:
		return skipf(NotOptedIn, "it has not the tag %s=%s", in.Tag, in.Value)
	case refusal != "":
		return refused(Held, refusal)
	case !i.Supported():
		return unsupported(i)
	case i.Locked():
		return skipf(Locked, "LockMode is %s", i.LockMode)
	case i.Resting():
		return skipf(NotRunning, "DBInstanceStatus is %s", i.Status)
	default:
		return nil
	}
}

// place returns when an instance may be upgraded, or why there is no time for it: by what the request says about time, or else by the policy's tempo.
func (q question) place(i fleet.Instance) (window.Placed, *skip) {
	ask := window.Ask{UpgradeTime: q.request.Upgrade.UpgradeTime, SwitchTime: q.request.Upgrade.SwitchTime, MaintainTime: i.MaintainTime}
	if f := q.request.Fleet; f != nil {
		tempo := q.Policy.Pace(advisoryOf(q.request).Severity)
		ask.UpgradeTime, ask.SwitchTime = cmp.Or(f.Schedule.UpgradeTime, tempo.UpgradeTime), f.Schedule.SwitchTime
	}
	if ask.UpgradeTime == events.SpecifyTime && !ask.SwitchTime.After(q.Now) {
		return window.Placed{}, skipf(OutsideWindow, "the SwitchTime that was asked for has passed: send the request again with another")
	}
	placed, _, why := q.Policy.Place(ask, q.Now)
	return placed, refused(OutsideWindow, why)
}
