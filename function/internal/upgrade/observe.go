package upgrade

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/parallel"
)

// Reader is what Observe needs of the RDS API.
type Reader interface {
	Prober
	Fleet(ctx context.Context, region string, f Filter) ([]Instance, error)
	Tags(ctx context.Context, region string, ids []string) (map[string]map[string]string, error)
	// Offers returns the versions that RDS lists for a kind of instance, and how many more there are that it counts and does not list.
	Offers(ctx context.Context, k Kind) (offers []Offer, unlisted int, err error)
}

// Scope says what to look at.
type Scope struct {
	Regions []string
	IDs     []string // these instances; without them, all that the filter lets through
	Filter  Filter
	// Replica reports whether the read-only instances of an instance are looked at, too. Without it, none are.
	Replica func(Instance) bool
	// Possible tells which instances can be meant at all; of the others not even the tags are read. Without it, all can.
	Possible func(Instance) bool
	// Candidate tells which instances of a listing have to be read; all that were asked for by id are.
	Candidate func(Instance) bool
	// Offered tells for which instances the API's versions are wanted.
	Offered func(Instance) bool
	// Doubt returns the time since when a task of an instance matters, and whether any does. Without it only those of intents do.
	Doubt func(Instance) (since time.Time, matters bool)
}

// Observer looks at instances. It reads each at most once, several at the same time.
type Observer struct {
	Reader  Reader
	Now     time.Time
	Workers int
	Known   map[string]Instance // what this run has read before, by id
}

// Observe gives the fleet: what the listing shows, tags and claims, and of the candidates all that decides. What keeps one
// instance from being read is that instance's Fault; the error is of a listing that could not be had.
func (o Observer) Observe(ctx context.Context, s Scope) ([]Instance, error) {
	fleet, err := o.list(ctx, s)
	if err != nil {
		return nil, err
	}
	o.tag(ctx, s, fleet)
	if s.Candidate != nil {
		o.each(fleet, func(i *Instance) {
			if i.Listed && i.Fault == nil && s.Candidate(*i) {
				o.read(ctx, i)
			}
		})
	}
	if s.Replica != nil {
		o.replicas(ctx, s, fleet)
	}
	o.offers(ctx, fleet, s)
	o.tasks(ctx, fleet, s)
	return fleet, nil
}

// Unseen gives the fleet without looking at it.
func Unseen(region string, ids []string) []Instance {
	fleet := make([]Instance, 0, len(ids))
	for _, id := range ids {
		fleet = append(fleet, Instance{ID: id, RegionID: region})
	}
	return fleet
}

// each does something with all instances, several at the same time.
func (o Observer) each(fleet []Instance, do func(*Instance)) {
	parallel.Do(o.Workers, len(fleet), func(n int) { do(&fleet[n]) })
}

func (o Observer) list(ctx context.Context, s Scope) ([]Instance, error) {
	if len(s.IDs) > 0 {
		return o.named(ctx, s), nil
	}
	parts := make([][]Instance, len(s.Regions))
	err := parallel.Try(ctx, o.Workers, len(parts), func(ctx context.Context, n int) error {
		return Retry(ctx, func() (err error) {
			parts[n], err = o.Reader.Fleet(ctx, s.Regions[n], s.Filter)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return slices.Concat(parts...), nil
}

// named reads the instances that were asked for by id, each in the first region that has it.
func (o Observer) named(ctx context.Context, s Scope) []Instance {
	fleet := Unseen(s.Regions[0], s.IDs)
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

// read reads an instance's attributes over what was known of it, and reports whether it could.
func (o Observer) read(ctx context.Context, i *Instance) bool {
	seen, known := o.Known[i.ID]
	if !known || seen.RegionID != i.RegionID {
		err := Retry(ctx, func() (err error) {
			seen, err = o.Reader.Instance(ctx, i.RegionID, i.ID)
			return err
		})
		if err != nil {
			i.Fault = fault.From(err)
			return false
		}
	}
	seen.Tags, seen.Claim, seen.ClaimFault = i.Tags, i.Claim, i.ClaimFault
	*i = seen
	return true
}

// tag reads the tags, 50 instances at a time, and the claims in them.
func (o Observer) tag(ctx context.Context, s Scope, fleet []Instance) {
	regions := map[string][]*Instance{}
	for n := range fleet {
		if i := &fleet[n]; i.Fault == nil && s.possible(*i) {
			regions[i.RegionID] = append(regions[i.RegionID], i)
		}
	}
	var chunks [][]*Instance
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		chunks = slices.AppendSeq(chunks, slices.Chunk(regions[region], tagged))
	}
	parallel.Do(o.Workers, len(chunks), func(n int) { o.tagChunk(ctx, chunks[n]) })
}

// tagChunk reads the tags of instances of one region.
func (o Observer) tagChunk(ctx context.Context, chunk []*Instance) {
	list := make([]string, 0, len(chunk))
	for _, i := range chunk {
		list = append(list, i.ID)
	}
	var tags map[string]map[string]string
	err := Retry(ctx, func() (err error) {
		tags, err = o.Reader.Tags(ctx, chunk[0].RegionID, list)
		return err
	})
	for _, i := range chunk {
		if err != nil {
			i.Fault = fault.From(err)
			continue
		}
		i.Tags = tags[i.ID]
		if text, claimed := i.Tags[ClaimTag]; claimed {
			i.Claim, i.ClaimFault = ParseClaim(text)
		}
	}
}

func (s Scope) possible(i Instance) bool { return s.Possible == nil || s.Possible(i) }

// replicas reads the read-only instances whose versions their primary needs to know: those that were selected and not read for
// themselves in their own place, the others as the primary's Replicas.
func (o Observer) replicas(ctx context.Context, s Scope, fleet []Instance) {
	selected := map[string]int{}
	for n, i := range fleet {
		selected[i.ID] = n
	}
	unread := unreadReplicas(fleet, selected)
	parallel.Do(o.Workers, len(unread), func(n int) {
		i := &fleet[unread[n]]
		if replica := *i; o.read(ctx, &replica) { // one that cannot be read stays as it is listed: nothing else wants more of it
			*i = replica
		}
	})
	o.each(fleet, func(i *Instance) {
		if i.Listed || i.Fault != nil || !s.Replica(*i) {
			return
		}
		for _, id := range i.ReplicaIDs {
			if _, found := selected[id]; !found {
				replica := Instance{ID: id, RegionID: i.RegionID}
				o.read(ctx, &replica)
				i.Replicas = append(i.Replicas, replica)
			}
		}
	})
}

// unreadReplicas returns the places in the fleet of those read-only instances that were only listed, and whose primary was read and would
// restart them.
func unreadReplicas(fleet []Instance, selected map[string]int) (places []int) {
	for _, primary := range fleet {
		if primary.Listed || primary.Fault != nil || !primary.takesReplicasAlong() {
			continue
		}
		for _, id := range primary.ReplicaIDs {
			if n, found := selected[id]; found && fleet[n].Listed && fleet[n].Fault == nil {
				places = append(places, n)
			}
		}
	}
	slices.Sort(places)
	return slices.Compact(places)
}

// doubt also asks about every intent that shows nothing: its call has an unknown outcome.
func (s Scope) doubt(i Instance) (since time.Time, matters bool) {
	switch {
	case i.Fault != nil || i.Listed:
		return time.Time{}, false
	case i.Claim != nil && i.Claim.State == Intent:
		return i.Claim.At, !i.shows(*i.Claim)
	case s.Doubt != nil:
		return s.Doubt(i)
	default:
		return time.Time{}, false
	}
}

// tasks asks for the tasks that matter, of up to 30 instances at once.
func (o Observer) tasks(ctx context.Context, fleet []Instance, s Scope) {
	type question struct {
		region string
		since  time.Time
	}
	questions := map[question][]*Instance{}
	for n := range fleet {
		if since, matters := s.doubt(fleet[n]); matters {
			q := question{fleet[n].RegionID, since}
			questions[q] = append(questions[q], &fleet[n])
		}
	}
	type part struct {
		question
		some []*Instance
	}
	var parts []part
	for q, all := range questions {
		for some := range slices.Chunk(all, asked) {
			parts = append(parts, part{q, some})
		}
	}
	parallel.Do(o.Workers, len(parts), func(n int) { lookForTasks(ctx, o.Reader, parts[n].some, parts[n].since, o.Now) })
}

// offers asks once for each kind of instance which versions there are.
func (o Observer) offers(ctx context.Context, fleet []Instance, s Scope) {
	if s.Offered == nil {
		return
	}
	kinds := map[Kind][]*Instance{}
	for n := range fleet {
		if i := &fleet[n]; i.Fault == nil && !i.Listed && s.Offered(*i) {
			kinds[i.listedAs()] = append(kinds[i.listedAs()], i)
		}
	}
	keys := slices.SortedFunc(maps.Keys(kinds), func(a, b Kind) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	parallel.Do(o.Workers, len(keys), func(n int) { o.offer(ctx, keys[n], kinds[keys[n]]) })
}

func (o Observer) offer(ctx context.Context, k Kind, alike []*Instance) {
	var offers []Offer
	var unlisted int
	err := Retry(ctx, func() (err error) {
		offers, unlisted, err = o.Reader.Offers(ctx, k)
		return err
	})
	for _, i := range alike {
		i.Offers, i.Unlisted = offers, unlisted
		if err != nil {
			i.Fault = fault.From(err)
		}
	}
}
