package events_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/local/rig"
)

func TestTheReferenceNamesEveryField(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for _, row := range rig.Table(t, "../docs/requests.md", "field") {
		got[row[0]] = row[1]
	}
	if diff := cmp.Diff(events.Fields(), got); diff != "" {
		t.Errorf("docs/requests.md (-code +table):\n%s", diff)
	}
}

func TestTheReferenceNamesEveryKind(t *testing.T) {
	t.Parallel()
	kinds := map[events.Kind]bool{
		events.KindUpgrade: true, events.KindAdvisory: true, events.KindSweep: true, events.KindTick: true, events.KindStatus: true, events.KindStop: true,
	}
	rows := rig.Table(t, "../docs/requests.md", "kind")
	for _, row := range rows {
		if !kinds[events.Kind(row[0])] {
			t.Errorf("%s is no kind", row[0])
		}
	}
	if len(rows) != len(kinds) {
		t.Errorf("%d kinds in the table, want %d", len(rows), len(kinds))
	}
}
