package fleet

import (
	"context"
	"fmt"
	"slices"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/version"
)

// Offer is a kernel version that RDS lists for a kind of instance.
type Offer struct {
	Version               string
	Community             string // the community version that it is built from, where RDS says it
	Online, Beta, Expired bool
}

// Offer returns the listed version that a text names, in whichever of its forms.
func (i Instance) Offer(named string) (Offer, bool) {
	return first(i.Offers, func(o Offer) bool { return version.Same(o.Version, named) })
}

// Kind is a kind of instance: RDS lists the same versions for all instances of it. A kind that RDS has no words for is one instance,
// DBInstanceID.
type Kind struct {
	RegionID, Engine, EngineVersion, NodeType, StorageType string
	DBInstanceID                                           string
}

// The words that DescribeDBMiniEngineVersions has for kinds of instances.
var (
	nodeTypes    = []string{"Basic", "HighAvailability", "cluster", "Finance"}
	storageTypes = []string{"local_ssd", "general_essd", "cloud_ssd", "cloud_essd", "cloud_essd2", "cloud_essd3"}
)

// Kind returns the kind by which the versions for an instance are listed. The list for one PostgreSQL instance has only versions
// above its own, so it is never another instance's.
func (i Instance) Kind() Kind {
	if !slices.Contains(nodeTypes, i.Category) || !slices.Contains(storageTypes, i.StorageType) {
		return Kind{RegionID: i.RegionID, DBInstanceID: i.ID}
	}
	return Kind{RegionID: i.RegionID, Engine: i.Engine, EngineVersion: i.EngineVersion, NodeType: i.Category, StorageType: i.StorageType}
}

// offers asks once for each kind of instance which versions there are.
func (o Observer) offers(ctx context.Context, fleet []Instance, s Scope) {
	if s.Offered == nil {
		return
	}
	kinds := map[string][]*Instance{}
	for n := range fleet {
		if i := &fleet[n]; i.Fault == nil && !i.Listed && s.Offered(*i) {
			kind := fmt.Sprint(i.Kind())
			kinds[kind] = append(kinds[kind], i)
		}
	}
	o.ask(ctx, kinds, len(fleet), o.offersOf)
}

// offersOf asks for the versions for instances of one kind, unless they are known of one of them.
func (o Observer) offersOf(ctx context.Context, same []*Instance) {
	var offers []Offer
	var unlisted int
	var err error
	if n := slices.IndexFunc(same, func(i *Instance) bool { return len(i.Offers) > 0 }); n >= 0 {
		offers, unlisted = same[n].Offers, same[n].Unlisted
	} else {
		offers, err = pace.RetryFew(ctx, func() (listed []Offer, err error) {
			listed, unlisted, err = o.Reader.Offers(ctx, same[0].Kind())
			return listed, err
		})
	}
	for _, i := range same {
		i.Offers, i.Unlisted = offers, unlisted
		if err != nil {
			i.Fault = fault.From(err)
		}
	}
}
