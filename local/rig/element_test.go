package rig_test

import (
	"encoding/xml"
	"slices"
	"testing"

	"rds-kernel-upgrade/local/rig"
)

func TestAnElementIsReadByPath(t *testing.T) {
	t.Parallel()
	var e rig.Element
	if err := xml.Unmarshal([]byte("<L><M><Id>1</Id></M><N><Id>3</Id></N><M><Id>2</Id><Id>4</Id></M></L>"), &e); err != nil {
		t.Fatal(err)
	}
	if got, want := e.All("M/Id"), []string{"1", "2", "4"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := e.All("M/Name"); got != nil {
		t.Errorf("got %q of what is not there", got)
	}
	if got, want := e.Paths(), []string{"L", "L/M", "L/M/Id", "L/N", "L/N/Id"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
