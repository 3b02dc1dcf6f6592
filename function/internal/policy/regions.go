package policy

import (
	"fmt"
	"slices"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/settings"
)

// RegionsOf returns the regions in which the function works: those of the policy, or the function's own if the policy has none.
func (p Policy) RegionsOf(own string) []string {
	if len(p.Regions) == 0 {
		return []string{own}
	}
	return slices.Clone(p.Regions)
}

// SelectRegions returns the regions of a request that asks for some, in the order of the request. A request that asks for none means all of
// RegionsOf. When one that is asked for is not among them, SelectRegions returns no region, and a refusal that says what to do.
func (p Policy) SelectRegions(asked []string, own string) (regions []string, refusal string) {
	allowed := p.RegionsOf(own)
	if len(asked) == 0 {
		return allowed, ""
	}
	permitted := func(region string) bool { return slices.Contains(allowed, region) }
	if outside := slices.DeleteFunc(slices.Clone(asked), permitted); len(outside) > 0 {
		return nil, p.outside(outside, allowed)
	}
	return slices.Clone(asked), ""
}

// outside says that regions are not among those that are allowed.
func (p Policy) outside(asked, allowed []string) string {
	reason := "the policy allows only "
	if len(p.Regions) == 0 {
		reason = "the policy names no regions, so only the function's own is allowed, "
	}
	reason += settings.Listed(allowed, "and")
	const advice = ": leave out what is not allowed, or add it to regions in policy.yaml"
	return "select.RegionId asks for " + settings.Listed(asked, "and") + ", but " + reason + advice
}

// checkRegions adds to the file's problems each region that is none, or that stands in the list a second time.
func (p Policy) checkRegions(file *settings.File) {
	for i, region := range p.Regions {
		path := fmt.Sprintf("regions[%d]", i)
		if problem := events.RegionProblem(region); problem != "" {
			file.Wrong(path, problem)
		} else if first := slices.Index(p.Regions, region); first < i {
			file.Wrong(path, fmt.Sprintf("%s is the same as regions[%d]: want each once", settings.Quote(region), first))
		}
	}
}
