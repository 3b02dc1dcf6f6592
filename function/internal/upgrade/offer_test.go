package upgrade_test

import (
	"testing"

	"rds-kernel-upgrade/function/internal/upgrade"
)

// One version that compares with the instance's own, the latest or one on offer, is enough to know that there is nothing newer.
func TestAnInstanceIsUpToDateIfAnyVersionComparesAndNoneIsNewer(t *testing.T) {
	t.Parallel()
	const other = "xcluster80_20260301"
	latest := func(version string) change {
		return func(i *upgrade.Instance) { i.LatestKernelVersion = version }
	}
	for name, c := range map[string]struct {
		change []change
		want   upgrade.Reason
	}{
		"the latest compares, what is offered does not":  {[]change{latest(newer), offers(online(other))}, upgrade.UpToDate},
		"the latest is not told, one on offer compares":  {[]change{latest(""), offers(online(older))}, upgrade.UpToDate},
		"the first on offer compares, the last does not": {[]change{latest(""), offers(online(older), online(other))}, upgrade.UpToDate},
		"the last on offer compares, the first does not": {[]change{latest(other), offers(online(other), online(older))}, upgrade.UpToDate},
		"none compares": {[]change{latest(other), offers(online(other))}, upgrade.UnknownVersion},
		"none is told":  {[]change{latest(""), offers()}, upgrade.UnknownVersion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := member(id, append([]change{current(newer)}, c.change...)...)
			checkReason(t, sweep().Decide([]upgrade.Instance{i})[0], c.want)
		})
	}
}
