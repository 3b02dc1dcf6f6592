package upgrade

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/version"
	"rds-kernel-upgrade/function/internal/window"
)

// aim is the version that an instance is to get, or why it gets none.
type aim struct {
	target, asked string // asked is what is sent as TargetMinorVersion
	why           string
	skip          *Skip
}

func (q Question) aim(i Instance) aim {
	if q.Request.Fleet != nil {
		return q.aimFleet(i)
	}
	asked := q.Request.Upgrade.TargetMinorVersion
	a := aim{target: asked, asked: asked}
	if asked == "" {
		a.target = i.LatestKernelVersion
	} else if offer, found := i.offer(asked); found {
		a.asked = offer.Version // in the form in which RDS lists it
	}
	if a.skip = q.skipVersion(i, a.target); a.skip == nil {
		a.skip = q.skipReplicas(i, a.target)
	}
	if a.skip == nil && q.Request.Upgrade.WithReplicas && i.takesReplicasAlong() {
		a.why = "RDS restarts its read-only instances before it, those that are below " + a.target + ": " + strings.Join(i.ReplicaIDs, ", ")
	}
	return a
}

// skipReplicas leaves a single PostgreSQL primary alone whose upgrade would restart read-only instances of which the request does not
// speak.
func (q Question) skipReplicas(i Instance, target string) *Skip {
	if !i.takesReplicasAlong() || q.Request.Upgrade.WithReplicas {
		return nil
	}
	var behind []string
	for _, id := range i.ReplicaIDs {
		if why := i.behind(id, target); why != "" {
			behind = append(behind, id+" "+why)
		}
	}
	if len(behind) == 0 {
		return nil
	}
	return skip(ReplicaFirst, "RDS would restart its read-only instances with it, those that are below %s: %s: upgrade them first, or send \"withReplicas\":true if that is meant",
		target, strings.Join(behind, ", "))
}

// behind says why a read-only instance that was read for its primary is not known to have reached a version, "" if it has.
func (i Instance) behind(id, target string) string {
	n := slices.IndexFunc(i.Replicas, func(r Instance) bool { return r.ID == id })
	switch {
	case n < 0 || i.Replicas[n].Fault != nil:
		return "could not be read"
	case version.Reached(i.Replicas[n].CurrentKernelVersion, target):
		return ""
	default:
		return "runs " + i.Replicas[n].CurrentKernelVersion
	}
}

// offer returns the listed version that a text names.
func (i Instance) offer(named string) (Offer, bool) {
	n := slices.IndexFunc(i.Offers, func(o Offer) bool { return version.Same(o.Version, named) })
	if n < 0 {
		return Offer{}, false
	}
	return i.Offers[n], true
}

// skipVersion compares what is with what is wanted of one instance:
//
//	current \ target    unknown   other family   older                     equal        newer
//	unknown             unknown   unknown        unknown                   unknown      unknown
//	known               unknown   unknown        asked: would_downgrade    up_to_date   asked: if offered
//	                                             latest: up_to_date                     latest: if old enough
func (q Question) skipVersion(i Instance, target string) *Skip {
	order, comparable := version.Compare(i.CurrentKernelVersion, target)
	asked := q.Request.Upgrade.TargetMinorVersion != ""
	switch {
	case !comparable:
		return skip(UnknownVersion, "the order of %q and %q is not known", i.CurrentKernelVersion, target)
	case order == 0, order > 0 && !asked:
		return skip(UpToDate, "CurrentKernelVersion is %s", i.CurrentKernelVersion)
	case order > 0:
		return skip(WouldDowngrade, "CurrentKernelVersion %s is newer than %s", i.CurrentKernelVersion, target)
	case asked:
		return q.skipOffer(i, target)
	}
	if refusal := q.Policy.Versions.Refusal(target, false, q.Now); refusal != "" {
		return skip(VersionNotOffered, "%s", refusal)
	}
	return nil
}

func (q Question) skipOffer(i Instance, target string) *Skip {
	offer, found := i.offer(target)
	if !found && i.Unlisted > 0 { // it may be one of those that RDS does not list: RDS knows
		offer, found = Offer{Version: target, Online: true}, true
	}
	if !found {
		return skip(VersionNotOffered, "%s is not among the versions that RDS lists for the instance", target)
	}
	if refusal := q.refuses(offer); refusal != "" {
		return skip(VersionNotOffered, "%s", refusal)
	}
	return nil
}

// unlisted says that RDS has more versions than it lists, "" if it lists all.
func (i Instance) unlisted() string {
	if i.Unlisted == 0 {
		return ""
	}
	return fmt.Sprintf("; RDS lists %d of %d versions, and the others cannot be asked for", len(i.Offers), len(i.Offers)+i.Unlisted)
}

// refuses says why an offered version may not be a target, "" if it may.
func (q Question) refuses(o Offer) string {
	switch {
	case !o.Online:
		return o.Version + " has been taken offline"
	case o.Expired:
		return o.Version + " has expired"
	case o.Beta && !q.Policy.Versions.Beta:
		return o.Version + " is a beta, and the policy's versions.beta is false"
	default:
		return q.Policy.Versions.Refusal(o.Version, q.severity() == "critical", q.Now)
	}
}

func (q Question) severity() string {
	if q.Request.Fleet == nil || q.Request.Fleet.Advisory == nil {
		return ""
	}
	return q.Request.Fleet.Advisory.Severity
}

// aimFleet chooses the newest version that may be a target, and with an advisory has the fix. A rollout that has once given an
// instance of this kind a version gives it to all: what the canary has proven, not what came out since.
//
//	the advisory says        not_affected, unknown (unknown_version)
//	no version is comparable unknown_version
//	one is newer and may be  step
//	one is newer, may not be version_not_offered with an advisory, else up_to_date
//	none is newer            up_to_date
func (q Question) aimFleet(i Instance) aim {
	subject := subjectOf(i)
	a := aim{}
	if bulletin := q.Request.Fleet.Advisory; bulletin != nil {
		verdict, why := advisory.Judge(*bulletin, subject)
		switch a.why = bulletin.ID + ": " + why; verdict {
		case advisory.NotAffected:
			a.skip = skip(NotAffected, "%s", a.why)
		case advisory.Unknown:
			a.skip = skip(UnknownVersion, "%s", a.why)
		}
	}
	if a.skip != nil {
		return a
	}
	best, refusal, known := q.best(i, subject)
	a.target, a.asked, refusal = best, best, refusal+i.unlisted()
	switch {
	case best != "":
		a.why = strings.TrimPrefix(a.why+refusal, "; ")
	case !known:
		a.skip = skip(UnknownVersion, "no version that RDS lists compares with %q%s", i.CurrentKernelVersion, i.unlisted())
	case q.Request.Fleet.Advisory != nil:
		a.skip = skip(VersionNotOffered, "%s; no version that has the fix may be a target%s", a.why, refusal)
	default:
		a.skip = skip(UpToDate, "CurrentKernelVersion is %s%s", i.CurrentKernelVersion, refusal)
	}
	return a
}

// best gives the newest version that may be the target, "" if there is none; then why the newest of all may not be. known says that
// the API offers a version that compares with the instance's.
func (q Question) best(i Instance, subject advisory.Subject) (best, refusal string, known bool) {
	newer, known := i.newerOffers()
	for _, offer := range newer {
		no := q.refuses(offer)
		switch {
		case no != "" && refusal != "", !q.pinned(i, offer.Version), !q.fixes(subject, offer.Version):
		case no != "":
			refusal = "; " + no
		default:
			return offer.Version, "", known
		}
	}
	return "", refusal, known
}

// newerOffers gives what is offered beyond the instance's own version, the newest first. known says that its order is known to any.
func (i Instance) newerOffers() (newer []Offer, known bool) {
	_, known = version.Compare(i.CurrentKernelVersion, i.LatestKernelVersion)
	for _, offer := range i.Offers {
		order, comparable := version.Compare(offer.Version, i.CurrentKernelVersion)
		known = known || comparable
		if comparable && order > 0 {
			newer = append(newer, offer)
		}
	}
	slices.SortStableFunc(newer, func(a, b Offer) int {
		order, _ := version.Compare(b.Version, a.Version)
		return order
	})
	return newer, known
}

func (q Question) pinned(i Instance, target string) bool {
	if q.Memory == nil {
		return true
	}
	pin, pinned := q.Memory.Pins[i.kind()]
	return !pinned || version.Same(pin, target)
}

func (q Question) fixes(s advisory.Subject, target string) bool {
	bulletin := q.Request.Fleet.Advisory
	return bulletin == nil || advisory.Fixes(*bulletin, s, target)
}

// concerns tells whether the request's advisory may be about an instance, by what the listing shows.
func (q Question) concerns(i Instance) bool {
	return advisory.Concerns(*q.Request.Fleet.Advisory, i.Engine, i.EngineVersion)
}

func subjectOf(i Instance) advisory.Subject {
	s := advisory.Subject{Engine: i.Engine, EngineVersion: i.EngineVersion, Current: i.CurrentKernelVersion}
	for _, o := range i.Offers {
		s.Builds = append(s.Builds, advisory.Build{Version: o.Version, Community: o.Community})
	}
	return s
}

// kind names what the API offers the same versions for.
func (i Instance) kind() string {
	family, _ := version.Family(i.CurrentKernelVersion)
	return fmt.Sprintf("%s %s %s %s %s", i.Engine, i.EngineVersion, i.Category, i.StorageType, family)
}

// ask is what the request says about time, or else the policy's tempo.
func (q Question) ask() window.Ask {
	if q.Request.Fleet == nil {
		return window.Ask{UpgradeTime: q.Request.Upgrade.UpgradeTime, SwitchTime: q.Request.Upgrade.SwitchTime}
	}
	if s := q.Request.Fleet.Schedule; s.UpgradeTime != "" {
		return window.Ask{UpgradeTime: s.UpgradeTime, SwitchTime: s.SwitchTime}
	}
	return window.Ask{UpgradeTime: q.Policy.Pace(q.severity()).UpgradeTime}
}

// bake is how long a proven wave is watched before the next.
func (q Question) bake() time.Duration {
	if q.Request.Fleet == nil {
		return 0
	}
	if asked := q.Request.Fleet.Rollout.Bake; asked != nil {
		return *asked
	}
	return time.Duration(*q.Policy.Pace(q.severity()).Bake)
}
