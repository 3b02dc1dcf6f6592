package upgrade

import (
	"maps"
	"slices"
)

// maxMembers is how many instances a rollout remembers by name. Of a larger one, what is deleted while nothing is known of it but its place
// is missing in the report.
const maxMembers = 500

// Enrol remembers, when a rollout begins, which instances it is to upgrade, so that its report has those that are deleted later.
func (r *Rollout) Enrol(plan []Decision) {
	if r.Wave > 0 || r.Members != nil {
		return
	}
	members := map[string][]string{}
	n := 0
	for _, d := range plan {
		if d.Step != nil || d.Wait || d.Alive {
			members[d.Instance.RegionID] = append(members[d.Instance.RegionID], d.Instance.ID)
			n++
		}
	}
	if n > 0 && n <= maxMembers {
		r.Members = members
	}
}

// isMember reports whether the rollout was to upgrade an instance when it began. A nil rollout has no members.
func (r *Rollout) isMember(i Instance) bool {
	return r != nil && slices.Contains(r.Members[i.RegionID], i.ID)
}

// missing returns what became of the members that an account does not know.
func (r *Rollout) missing(known map[string]bool) (gone []Finished) {
	for _, region := range slices.Sorted(maps.Keys(r.Members)) {
		for _, id := range r.Members[region] {
			f := Finished{
				DBInstanceID: id, RegionID: region, Status: Skipped, Reason: Gone,
				Detail: "it is no longer among the selected instances: it was deleted, or its tags were changed",
			}
			if r.Done.Has(id) {
				f.Status, f.Reason, f.Detail = Completed, "", "since then it has left the selected instances"
			}
			if !known[id] {
				gone = append(gone, f)
			}
		}
	}
	return gone
}
