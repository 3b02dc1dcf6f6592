package plan

import (
	"fmt"
	"slices"
	"strings"

	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/version"
)

// aim is the version that an instance is to get, or why it gets none.
type aim struct {
	target  string
	why     string // what the upgrade mends, in words for people
	verdict advisory.Verdict
	skip    *skip
}

func (q question) aim(i fleet.Instance) aim {
	if q.request.Fleet != nil {
		return aimFleet(q, i)
	}
	asked := q.request.Upgrade.TargetMinorVersion
	a := aim{target: asked}
	if asked == "" {
		a.target = i.LatestKernelVersion
	} else if offer, found := i.Offer(asked); found {
		a.target = offer.Version // in the form in which RDS lists it
	}
	if a.skip = skipVersion(q, i, a.target); a.skip == nil {
		a.skip = skipReplicas(q, i, a.target)
	}
	if q.request.Upgrade.WithReplicas && i.TakesReplicasAlong() {
		a.why = "RDS restarts its read-only instances before it, those that are below " + a.target + ": " + strings.Join(i.ReplicaIDs, ", ")
	}
	return a
}

// skipReplicas leaves a single PostgreSQL primary alone whose upgrade would restart read-only instances of which the request does not
// speak.
func skipReplicas(q question, i fleet.Instance, target string) *skip {
	if !i.TakesReplicasAlong() || q.request.Upgrade.WithReplicas {
		return nil
	}
	var below []string
	for _, id := range i.ReplicaIDs {
		if why := behind(i, id, target); why != "" {
			below = append(below, id+" "+why)
		}
	}
	if len(below) == 0 {
		return nil
	}
	return skipf(ReplicaFirst, "RDS would restart its read-only instances with it, those that are below %s: %s: upgrade them first, or send \"withReplicas\":true if that is meant",
		target, strings.Join(below, ", "))
}

// behind returns why a read-only instance that was read for its primary is not known to have reached a version, "" if it has.
func behind(primary fleet.Instance, id, target string) string {
	n := slices.IndexFunc(primary.Replicas, func(r fleet.Instance) bool { return r.ID == id })
	switch {
	case n < 0 || primary.Replicas[n].Fault != nil:
		return "could not be read"
	case version.Reached(primary.Replicas[n].CurrentKernelVersion, target):
		return ""
	default:
		return "runs " + primary.Replicas[n].CurrentKernelVersion
	}
}

// skipVersion compares what is with what is wanted of one instance:
//
//	current \ target    unknown   other family   older                     equal        newer
//	unknown             unknown   unknown        unknown                   unknown      unknown
//	known               unknown   unknown        asked: would_downgrade    up_to_date   asked: if offered
//	                                             latest: up_to_date                     latest: if old enough
func skipVersion(q question, i fleet.Instance, target string) *skip {
	order, comparable := version.Compare(i.CurrentKernelVersion, target)
	asked := q.request.Upgrade.TargetMinorVersion != ""
	switch {
	case !comparable:
		return skipf(UnknownVersion, "the order of %q and %q is not known", i.CurrentKernelVersion, target)
	case order == 0, order > 0 && !asked:
		return skipf(UpToDate, "CurrentKernelVersion is %s", i.CurrentKernelVersion)
	case order > 0:
		return skipf(WouldDowngrade, "CurrentKernelVersion %s is newer than %s", i.CurrentKernelVersion, target)
	case asked:
		return skipOffer(q, i, target)
	}
	return refused(VersionNotOffered, q.Policy.Versions.Refusal(target, false, q.Now))
}

func skipOffer(q question, i fleet.Instance, target string) *skip {
	offer, found := i.Offer(target)
	switch {
	case !found && i.Unlisted > 0: // it may be one of those that RDS does not list: RDS knows
		offer = fleet.Offer{Version: target, Online: true}
	case !found:
		return skipf(VersionNotOffered, "%s is not among the versions that RDS lists for the instance", target)
	}
	return refused(VersionNotOffered, refusalOf(q, offer))
}

// refusalOf returns why an offered version may not be a target, "" if it may.
func refusalOf(q question, o fleet.Offer) string {
	switch {
	case !o.Online:
		return o.Version + " has been taken offline"
	case o.Expired:
		return o.Version + " has expired"
	case o.Beta && !q.Policy.Versions.Beta:
		return o.Version + " is a beta, and the policy's versions.beta is false"
	default:
		return q.Policy.Versions.Refusal(o.Version, advisoryOf(q.request).Severity == "critical", q.Now)
	}
}

// aimFleet chooses the newest version that may be a target, and with an advisory has the fix.
//
//	the advisory says        not_affected, unknown (unknown_version)
//	no version is comparable unknown_version
//	one is newer and may be  that one
//	one is newer, may not be version_not_offered with an advisory, else up_to_date
//	none is newer            up_to_date
func aimFleet(q question, i fleet.Instance) aim {
	subject, a := subjectOf(i), aim{}
	bulletin := q.request.Fleet.Advisory
	if bulletin != nil {
		verdict, why := advisory.Judge(*bulletin, subject)
		a.verdict, a.why = verdict, bulletin.ID+": "+why
	}
	switch a.verdict {
	case advisory.NotAffected:
		a.skip = &skip{NotAffected, a.why}
	case advisory.Unknown:
		a.skip = &skip{UnknownVersion, a.why}
	default:
		aimAtBest(q, &a, i, subject)
	}
	return a
}

// aimAtBest completes the aim of an instance that needs an upgrade, if there is one.
func aimAtBest(q question, a *aim, i fleet.Instance, subject advisory.Subject) {
	best, refusal, known := bestOffer(q, i, subject)
	if i.Unlisted > 0 {
		refusal += fmt.Sprintf("; RDS lists %d of %d versions, and the others cannot be asked for", len(i.Offers), len(i.Offers)+i.Unlisted)
	}
	a.target = best
	switch {
	case best != "":
		a.why = strings.TrimPrefix(a.why+refusal, "; ")
	case !known:
		a.skip = skipf(UnknownVersion, "no version that RDS lists compares with %q%s", i.CurrentKernelVersion, refusal)
	case q.request.Fleet.Advisory != nil:
		a.skip = skipf(VersionNotOffered, "%s; no version that has the fix may be a target%s", a.why, refusal)
	default:
		a.skip = skipf(UpToDate, "CurrentKernelVersion is %s%s", i.CurrentKernelVersion, refusal)
	}
}

// bestOffer returns the newest version that may be the target, "" if there is none; then, if there is none, why the newest that would do may not be;
// then whether RDS lists a version that compares with the instance's.
func bestOffer(q question, i fleet.Instance, subject advisory.Subject) (best, refusal string, known bool) {
	bulletin := q.request.Fleet.Advisory
	newer, known := newerOffers(i)
	for _, offer := range newer {
		no := refusalOf(q, offer)
		switch {
		case no != "" && refusal != "", bulletin != nil && !advisory.Fixes(*bulletin, subject, offer.Version):
		case no != "":
			refusal = "; " + no
		default:
			return offer.Version, "", known
		}
	}
	return "", refusal, known
}

// newerOffers returns what is offered beyond the instance's own version, the newest first, and whether its order is known to any.
func newerOffers(i fleet.Instance) (newer []fleet.Offer, known bool) {
	_, known = version.Compare(i.CurrentKernelVersion, i.LatestKernelVersion)
	for _, offer := range i.Offers {
		order, comparable := version.Compare(offer.Version, i.CurrentKernelVersion)
		known = known || comparable
		if comparable && order > 0 {
			newer = append(newer, offer)
		}
	}
	slices.SortStableFunc(newer, func(a, b fleet.Offer) int {
		order, _ := version.Compare(b.Version, a.Version)
		return order
	})
	return newer, known
}

func subjectOf(i fleet.Instance) advisory.Subject {
	s := advisory.Subject{Engine: i.Engine, EngineVersion: i.EngineVersion, Current: i.CurrentKernelVersion}
	for _, o := range i.Offers {
		s.Builds = append(s.Builds, advisory.Build{Version: o.Version, Community: o.Community})
	}
	return s
}
