package schema_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/rig"
)

const reference = "../docs/notifications.md"

// document is what the reference tables have to agree with.
type document struct {
	Defs struct {
		Data     struct{ Properties map[string]any } `json:"data"`
		Instance struct {
			Properties map[string]any
		} `json:"instance"`
		Progress struct{ Properties map[string]any } `json:"progress"`
	} `json:"$defs"`
	Properties struct {
		Type struct{ Pattern string } `json:"type"`
	} `json:"properties"`
}

func read(t *testing.T) (d document) {
	t.Helper()
	text, err := os.ReadFile("notification.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func firstCells(rows [][]string) (cells []string) {
	for _, row := range rows {
		cells = append(cells, row[0])
	}
	slices.Sort(cells)
	return cells
}

func TestTheReferenceNamesEveryField(t *testing.T) {
	t.Parallel()
	d := read(t)
	want := slices.Sorted(maps.Keys(d.Defs.Data.Properties))
	want = append(want, slices.Sorted(maps.Keys(d.Defs.Instance.Properties))...)
	slices.Sort(want)
	if diff := cmp.Diff(want, firstCells(rig.Table(t, reference, "field"))); diff != "" {
		t.Errorf("docs/notifications.md (-schema +table):\n%s", diff)
	}
}

func TestTheReferenceNamesEveryFieldOfARollout(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(maps.Keys(read(t).Defs.Progress.Properties))
	if diff := cmp.Diff(want, firstCells(rig.Table(t, reference, "of a rollout"))); diff != "" {
		t.Errorf("docs/notifications.md (-schema +table):\n%s", diff)
	}
}

func TestTheReferenceNamesEveryEvent(t *testing.T) {
	t.Parallel()
	var want []string
	for _, event := range read(t).Defs.Data.Properties["event"].(map[string]any)["enum"].([]any) {
		want = append(want, event.(string))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, firstCells(rig.Table(t, reference, "event"))); diff != "" {
		t.Errorf("docs/notifications.md (-schema +table):\n%s", diff)
	}
}

func TestTheReferenceNamesEveryReason(t *testing.T) {
	t.Parallel()
	var want []string
	for _, reason := range read(t).Defs.Instance.Properties["reason"].(map[string]any)["enum"].([]any) {
		want = append(want, reason.(string))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, firstCells(rig.Table(t, reference, "reason"))); diff != "" {
		t.Errorf("docs/notifications.md (-schema +table):\n%s", diff)
	}
}

func TestTheReferenceNamesEveryTag(t *testing.T) {
	t.Parallel()
	pattern := read(t).Properties.Type.Pattern
	_, list, _ := strings.Cut(pattern, "(")
	want := strings.Split(strings.TrimSuffix(list, ")$"), "|")
	slices.Sort(want)
	if diff := cmp.Diff(want, firstCells(rig.Table(t, reference, "tag"))); diff != "" {
		t.Errorf("docs/notifications.md (-schema +table):\n%s", diff)
	}
}
