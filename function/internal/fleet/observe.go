package fleet

import (
	"context"
	"maps"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/parallel"
)

// Reader is the part of the RDS API that an Observer uses. Its errors are faults (fault.Error). It returns all of a list or an error; what it
// does not know of, such as the tags of an instance that is gone, is missing from its maps.
type Reader interface {
	// Instance returns the attributes of an instance, without its tags. One that is missing is a fault of kind NotFound.
	Instance(ctx context.Context, region, id string) (Instance, error)
	// Fleet lists the instances of a region that the filter lets through. They have Listed set.
	Fleet(ctx context.Context, region string, f Filter) ([]Instance, error)
	// Tags returns the tags of up to 50 instances, by instance.
	Tags(ctx context.Context, region string, ids []string) (map[string]map[string]string, error)
	// Offers returns the versions that RDS lists for a kind of instance, and how many more there are that it counts and does not list.
	Offers(ctx context.Context, k Kind) (offers []Offer, unlisted int, err error)
	// Tasks returns the tasks of up to 30 instances that began at the given time or later, by instance.
	Tasks(ctx context.Context, region string, ids []string, since, now time.Time) (map[string][]Task, error)
}

// Filter says which instances a listing returns. What is empty filters nothing.
type Filter struct {
	Engine, ResourceGroupID string
	Tags                    map[string]string // at most 5 pairs
}

// Whole reports whether the filter lets every instance through.
func (f Filter) Whole() bool { return f.Engine == "" && f.ResourceGroupID == "" && len(f.Tags) == 0 }

// Scope says what to observe.
type Scope struct {
	Regions []string // at least one if there are ids; without any, nothing is observed
	IDs     []string // these instances, each once; without them, all that the filter lets through
	Filter  Filter   // of a listing: instances that are asked for by id are not filtered
	// Possible reports whether an instance can be meant at all: of the others not even the tags are read. Without it, all can.
	Possible func(Instance) bool
	// Candidate reports whether an instance of a listing has to be read; all that were asked for by id are. Without it, none has to.
	Candidate func(Instance) bool
	// Replica reports whether those read-only instances of an instance are read, too, that are not in the fleet. Without it, none are, and no
	// replica of the fleet is read for the sake of its primary.
	Replica func(Instance) bool
	// Offered reports whether the versions that RDS lists for an instance are wanted. Without it, none are.
	Offered func(Instance) bool
	// Tasks returns the time since when the tasks of an instance matter, and whether any do. Without it, none do.
	Tasks func(Instance) (since time.Time, matter bool)
}

// Observer observes instances. It reads each at most once, and several at the same time.
type Observer struct {
	Reader  Reader
	Now     time.Time
	Workers int
	// Known are instances that this invocation has observed before, by id. What was read of them is not read again: attributes, tags, versions,
	// and tasks.
	Known map[string]Instance
}

// Observe returns the fleet: the instances of the listing with their tags, and the candidates with their attributes, versions and tasks. What
// keeps one instance from being read is that instance's Fault; the error is that of a region that could not be listed.
func (o Observer) Observe(ctx context.Context, s Scope) ([]Instance, error) {
	fleet, err := o.list(ctx, s)
	if err != nil {
		return nil, err
	}
	o.tags(ctx, fleet, s)
	if s.Candidate != nil {
		o.each(fleet, func(i *Instance) {
			if i.Listed && i.Fault == nil && s.Candidate(*i) {
				o.read(ctx, i)
			}
		})
	}
	o.replicas(ctx, fleet, s)
	o.offers(ctx, fleet, s)
	o.tasks(ctx, fleet, s)
	return fleet, nil
}

// each calls do for every instance, for several at the same time.
func (o Observer) each(fleet []Instance, do func(*Instance)) {
	parallel.Do(o.Workers, len(fleet), func(n int) { do(&fleet[n]) })
}

// list returns the instances that were asked for by id, or else those of the regions' listings.
func (o Observer) list(ctx context.Context, s Scope) ([]Instance, error) {
	if len(s.IDs) > 0 {
		return o.named(ctx, s), nil
	}
	parts := make([][]Instance, len(s.Regions))
	err := parallel.Try(ctx, o.Workers, len(parts), func(ctx context.Context, n int) (err error) {
		parts[n], err = pace.Retry(ctx, func() ([]Instance, error) { return o.Reader.Fleet(ctx, s.Regions[n], s.Filter) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// named reads the instances that were asked for by id, each in the first region that has it.
func (o Observer) named(ctx context.Context, s Scope) []Instance {
	fleet := make([]Instance, len(s.IDs))
	for n, id := range s.IDs {
		fleet[n].ID = id
	}
	o.each(fleet, func(i *Instance) {
		for _, region := range s.Regions {
			i.RegionID, i.Fault = region, nil
			if o.read(ctx, i) || i.Fault.Kind != fault.NotFound {
				return
			}
		}
	})
	return fleet
}

// read reads the attributes of an instance, and reports whether it could. Tags that it has remain as they are. If it could not, the instance
// has its Fault.
func (o Observer) read(ctx context.Context, i *Instance) bool {
	seen, known := o.known(*i)
	if !known {
		var err error
		if seen, err = pace.RetryFew(ctx, func() (Instance, error) { return o.Reader.Instance(ctx, i.RegionID, i.ID) }); err != nil {
			i.Fault = fault.From(err)
			return false
		}
	}
	if i.Tags != nil {
		seen.Tags = i.Tags
	}
	*i = seen
	return true
}

// known returns what this invocation has read of an instance, if it has read its attributes. Its replicas are known for themselves.
func (o Observer) known(i Instance) (Instance, bool) {
	seen, found := o.Known[i.ID]
	if !found || seen.RegionID != i.RegionID || seen.Listed || seen.Fault != nil {
		return Instance{}, false
	}
	seen.Replicas = nil
	return seen, true
}

// ask makes one call for at most so many instances of one group, and several calls at the same time.
func (o Observer) ask(ctx context.Context, groups map[string][]*Instance, most int, call func(context.Context, []*Instance)) {
	var parts [][]*Instance
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		parts = slices.AppendSeq(parts, slices.Chunk(groups[group], most))
	}
	parallel.Do(o.Workers, len(parts), func(n int) { call(ctx, parts[n]) })
}

// ids returns the ids of instances.
func ids(some []*Instance) (all []string) {
	for _, i := range some {
		all = append(all, i.ID)
	}
	return all
}

// tagsOf is how many instances one call for tags takes.
const tagsOf = 50

// tags reads the tags of the instances that can be meant, of 50 of a region with one call. Those that are known are not read again.
func (o Observer) tags(ctx context.Context, fleet []Instance, s Scope) {
	regions := map[string][]*Instance{}
	for n := range fleet {
		i := &fleet[n]
		if seen, known := o.known(*i); known {
			i.Tags = seen.Tags
		}
		if i.Fault == nil && i.Tags == nil && (s.Possible == nil || s.Possible(*i)) {
			regions[i.RegionID] = append(regions[i.RegionID], i)
		}
	}
	o.ask(ctx, regions, tagsOf, o.askForTags)
}

// askForTags reads the tags of instances of one region.
func (o Observer) askForTags(ctx context.Context, some []*Instance) {
	tags, err := pace.RetryFew(ctx, func() (map[string]map[string]string, error) {
		return o.Reader.Tags(ctx, some[0].RegionID, ids(some))
	})
	for _, i := range some {
		if err != nil {
			i.Fault = unread(fault.From(err))
		} else if i.Tags = tags[i.ID]; i.Tags == nil {
			i.Tags = map[string]string{}
		}
	}
}

// unread returns the fault of each of the instances that one call was about. That one of them is not found does not mean that each of them is gone.
func unread(f *fault.Error) *fault.Error {
	if f.Kind != fault.NotFound {
		return f
	}
	each := *f
	each.Kind = fault.Unavailable
	return &each
}

// replicas reads the read-only instances whose versions the decision about their primary needs: those that are in the fleet in their own
// place, the others as the primary's Replicas.
func (o Observer) replicas(ctx context.Context, fleet []Instance, s Scope) {
	if s.Replica == nil {
		return
	}
	places := map[string]int{}
	for n, i := range fleet {
		places[i.ID] = n
	}
	unread := unreadReplicas(fleet, places)
	parallel.Do(o.Workers, len(unread), func(n int) {
		i := &fleet[unread[n]]
		if replica := *i; o.read(ctx, &replica) { // one that cannot be read stays as it is listed: only its primary needs more of it
			*i = replica
		}
	})
	o.each(fleet, func(i *Instance) {
		if i.Listed || i.Fault != nil || !s.Replica(*i) {
			return
		}
		for _, id := range i.ReplicaIDs {
			if _, found := places[id]; !found {
				replica := Instance{ID: id, RegionID: i.RegionID}
				o.read(ctx, &replica)
				i.Replicas = append(i.Replicas, replica)
			}
		}
	})
}

// unreadReplicas returns the places in the fleet of the read-only instances that were only listed, and whose primary was read and would
// restart them.
func unreadReplicas(fleet []Instance, places map[string]int) (unread []int) {
	for _, primary := range fleet {
		if primary.Listed || primary.Fault != nil || !primary.TakesReplicasAlong() {
			continue
		}
		for _, id := range primary.ReplicaIDs {
			if n, found := places[id]; found && fleet[n].Listed && fleet[n].Fault == nil {
				unread = append(unread, n)
			}
		}
	}
	slices.Sort(unread)
	return slices.Compact(unread)
}
