package fleet

import (
	"context"
	"maps"
	"slices"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/parallel"
)

// tagsOf is how many instances one call for tags takes.
const tagsOf = 50

// tags reads the tags of the instances that can be meant, of 50 with one call. Those that are known are not read again.
func (o Observer) tags(ctx context.Context, fleet []Instance, s Scope) {
	regions := map[string]chunk{}
	for n := range fleet {
		i := &fleet[n]
		if seen, known := o.known(*i); known {
			i.Tags = seen.Tags
		}
		if i.Fault == nil && i.Tags == nil && (s.Possible == nil || s.Possible(*i)) {
			regions[i.RegionID] = append(regions[i.RegionID], i)
		}
	}
	var chunks []chunk
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		chunks = slices.AppendSeq(chunks, slices.Chunk(regions[region], tagsOf))
	}
	parallel.Do(o.Workers, len(chunks), func(n int) { o.askForTags(ctx, chunks[n]) })
}

// askForTags reads the tags of instances of one region.
func (o Observer) askForTags(ctx context.Context, some chunk) {
	var tags map[string]map[string]string
	err := pace.RetryFew(ctx, func() (err error) {
		tags, err = o.Reader.Tags(ctx, some[0].RegionID, some.ids())
		return err
	})
	for _, i := range some {
		if err != nil {
			i.Fault = fault.From(err)
			continue
		}
		if i.Tags = tags[i.ID]; i.Tags == nil {
			i.Tags = map[string]string{}
		}
	}
}
