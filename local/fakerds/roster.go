package fakerds

import (
	"cmp"
	"slices"
)

// roster is the fleet in the order in which it was added, found by id and by region, so that no call costs more for a fleet that is
// larger than what it asks for.
type roster struct {
	byID     map[string]*record
	all      []*record
	byRegion map[string][]*record
	added    int
}

func newRoster() roster { return roster{byID: map[string]*record{}, byRegion: map[string][]*record{}} }

// put adds an instance, or replaces the one with the same id in its place.
func (f *roster) put(i Instance) {
	r := f.byID[i.DBInstanceID]
	if r == nil {
		f.added++
		r = &record{place: f.added}
		f.byID[i.DBInstanceID] = r
		f.all = append(f.all, r)
	} else {
		f.leave(r)
	}
	r.Instance, r.jobs = i, nil
	f.enter(r)
}

// enter lists a record under its region.
func (f *roster) enter(r *record) {
	list := f.byRegion[r.RegionID]
	at, _ := slices.BinarySearchFunc(list, r, byPlace)
	f.byRegion[r.RegionID] = slices.Insert(list, at, r)
}

// leave takes a record from the list of its region.
func (f *roster) leave(r *record) {
	list := f.byRegion[r.RegionID]
	if at, listed := slices.BinarySearchFunc(list, r, byPlace); listed {
		f.byRegion[r.RegionID] = slices.Delete(list, at, at+1)
	}
}

func (f *roster) remove(id string) {
	r := f.byID[id]
	if r == nil {
		return
	}
	f.leave(r)
	delete(f.byID, id)
	if at, listed := slices.BinarySearchFunc(f.all, r, byPlace); listed {
		f.all = slices.Delete(f.all, at, at+1)
	}
}

// change lets an instance become another, under the same id.
func (f *roster) change(r *record, change func(*Instance)) {
	id := r.DBInstanceID
	f.leave(r)
	change(&r.Instance)
	r.DBInstanceID = id
	f.enter(r)
}

// named gives the instances with these ids, or without ids all, in the order of the fleet, each once.
func (f *roster) named(ids []string) []*record {
	if len(ids) == 0 {
		return f.all
	}
	var found []*record
	for _, id := range ids {
		if r := f.byID[id]; r != nil {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, byPlace)
	return slices.Compact(found)
}

func byPlace(a, b *record) int { return cmp.Compare(a.place, b.place) }
