package plan

import (
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

// Scope returns what has to be observed for a request.
func (s Setting) Scope(r events.Request) fleet.Scope {
	q := s.question(r)
	f := r.Fleet
	if f == nil {
		return fleet.Scope{
			Regions: []string{q.region()}, IDs: []string{r.Upgrade.DBInstanceID}, Tasks: q.singleTasks,
			Replica: func(i fleet.Instance) bool { return i.TakesReplicasAlong() && !r.Upgrade.WithReplicas },
			Offered: func(i fleet.Instance) bool { return r.Upgrade.TargetMinorVersion != "" && i.Supported() },
		}
	}
	regions, _ := s.Policy.SelectRegions(f.Select.RegionIDs, s.Region)
	return fleet.Scope{
		Regions: regions, IDs: f.Select.DBInstanceIDs,
		Filter:    fleet.Filter{Engine: f.Select.Engine, ResourceGroupID: f.Select.ResourceGroupID, Tags: f.Select.Tags},
		Replica:   func(fleet.Instance) bool { return true },
		Possible:  func(i fleet.Instance) bool { return q.skipKind(i) == nil },
		Candidate: func(i fleet.Instance) bool { return q.skipInstance(i) == nil }, Offered: q.offered,
	}
}

// region is that of a request for one instance.
func (q question) region() string {
	if r := q.request.Upgrade.RegionID; r != "" {
		return r
	}
	return q.Region
}

// singleTasks returns since when the tasks of a single instance matter: it may be called at once.
func (q question) singleTasks(i fleet.Instance) (since time.Time, matter bool) {
	return q.Now.Add(-history), q.skipInstance(i) == nil && i.Running() && q.aim(i).skip == nil
}

// offered reports whether the versions that RDS lists decide about an instance. A sweep wants none for one that runs the latest.
func (q question) offered(i fleet.Instance) bool {
	if q.skipInstance(i) != nil {
		return false
	}
	return q.request.Fleet.Advisory != nil || !version.Reached(i.CurrentKernelVersion, i.LatestKernelVersion)
}

// skipInstance returns why an instance is left alone whatever its version, nil if it is not. It needs no more than the listing and the tags, so
// that an instance that it stops need not be read. That an instance is busy stops nobody: it passes.
func (q question) skipInstance(i fleet.Instance) *skip {
	if s := q.skipKind(i); s != nil {
		return s
	}
	if f := q.request.Fleet; f != nil && len(f.Select.DBInstanceIDs) > 0 {
		if s := unselected(f.Select, i); s != nil {
			return s
		}
	}
	return q.skipState(i)
}

// unselected returns which part of a selection an instance does not fit that the selection names by its id, nil if it fits. A listing has only
// those that fit; what is asked for by id is read whatever else is selected.
func unselected(s events.Select, i fleet.Instance) *skip {
	const detail = "it is named in select.DBInstanceId, and does not fit %s"
	switch {
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
	in := q.Policy.OptIn
	if q.request.Fleet != nil && i.Tags[in.Tag] != in.Value {
		return skipf(NotOptedIn, "it has not the tag %s=%s", in.Tag, in.Value)
	}
	if refusal := q.Policy.Hold.Refusal(i.Tags, q.Now); refusal != "" {
		return skipf(Held, "%s", refusal)
	}
	switch {
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

// ask returns what the request says about time, or else the policy's tempo.
func (q question) ask(i fleet.Instance) window.Ask {
	ask := window.Ask{UpgradeTime: q.request.Upgrade.UpgradeTime, SwitchTime: q.request.Upgrade.SwitchTime}
	if f := q.request.Fleet; f != nil {
		ask = window.Ask{UpgradeTime: f.Schedule.UpgradeTime, SwitchTime: f.Schedule.SwitchTime}
		if ask.UpgradeTime == "" {
			ask = window.Ask{UpgradeTime: q.Policy.Pace(severityOf(q.request)).UpgradeTime}
		}
	}
	ask.MaintainTime = i.MaintainTime
	return ask
}

// place returns when an instance may be upgraded, or why there is no time for it.
func (q question) place(i fleet.Instance) (window.Placed, *skip) {
	ask := q.ask(i)
	if ask.UpgradeTime == events.SpecifyTime && !ask.SwitchTime.After(q.Now) {
		return window.Placed{}, skipf(OutsideWindow, "the SwitchTime that was asked for has passed: send the request again with another")
	}
	placed, ok, why := q.Policy.Place(ask, q.Now)
	if !ok {
		return window.Placed{}, skipf(OutsideWindow, "%s", why)
	}
	return placed, nil
}
