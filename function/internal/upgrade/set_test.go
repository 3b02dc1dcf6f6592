package upgrade_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/function/internal/upgrade"
)

func TestASetSurvivesTheMessage(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.StringMatching(`(rm|pgm)-[a-z0-9]{1,16}`)).Draw(t, "ids")
		set := setOf(ids...)
		if backwards := setOf(reversed(ids)...); !cmp.Equal(set, backwards) {
			t.Fatal("the order of adding matters")
		}
		text, err := set.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back upgrade.Set
		if err := back.UnmarshalText(text); err != nil || !cmp.Equal(set, back) {
			t.Fatalf("%v became %v, %v", set, back, err)
		}
		for _, id := range ids {
			if !back.Has(id) {
				t.Fatalf("%s is missing", id)
			}
		}
	})
}

func setOf(ids ...string) (s upgrade.Set) {
	for _, id := range ids {
		s.Add(id)
	}
	return s
}

func reversed(ids []string) []string {
	ids = slices.Clone(ids)
	slices.Reverse(ids)
	return ids
}

func TestASetHasNothingElse(t *testing.T) {
	t.Parallel()
	var all []string
	for n := range 10_000 {
		all = append(all, fmt.Sprintf("rm-bp%05d", n))
	}
	set := setOf(all...)
	if len(set) != len(all) || setOf(append(all, all...)...).Has("rm-other") {
		t.Errorf("%d of %d", len(set), len(all))
	}
	for n := range 10_000 {
		if id := fmt.Sprintf("rm-cp%05d", n); set.Has(id) {
			t.Errorf("%s was never added", id)
		}
	}
	text, _ := set.MarshalText()
	each := float64(len(text)) / float64(len(all))
	t.Logf("%d bytes for %d instances: %.2f each", len(text), len(all), each)
	if each > 4.5 {
		t.Errorf("%.2f bytes for each instance, want at most 4.5", each)
	}
}

func TestATextThatIsNoSetIsRefused(t *testing.T) {
	t.Parallel()
	coded := func(distances ...uint64) string {
		var raw []byte
		for _, d := range distances {
			raw = binary.AppendUvarint(raw, d)
		}
		return base64.StdEncoding.EncodeToString(raw)
	}
	for name, text := range map[string]string{
		"not base64":                      "!!",
		"a number that does not end":      base64.StdEncoding.EncodeToString([]byte{0x80}),
		"a number of more than 64 bits":   base64.StdEncoding.EncodeToString([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1}),
		"a place beyond the last":         coded(1 << 32),
		"places that add up beyond it":    coded(1<<32-1, 1),
		"a distance that would turn over": coded(5, 1<<64-5),
		"one place twice":                 coded(5, 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s upgrade.Set
			if err := s.UnmarshalText([]byte(text)); err == nil {
				t.Errorf("%q gives %v", text, s)
			}
		})
	}
	var s upgrade.Set
	if err := s.UnmarshalText([]byte(coded(0, 1<<32-1))); err != nil || len(s) != 2 {
		t.Errorf("the first and the last place: %v, %v", s, err)
	}
}

func FuzzSet(f *testing.F) {
	for _, s := range []upgrade.Set{nil, setOf("rm-1"), setOf("rm-1", "rm-2", "rm-3")} {
		text, _ := s.MarshalText()
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s, back upgrade.Set
		if s.UnmarshalText(text) != nil {
			return
		}
		if !slices.IsSorted(s) || len(slices.Compact(slices.Clone(s))) != len(s) {
			t.Errorf("%q gives %v", text, s)
		}
		again, _ := s.MarshalText()
		if err := back.UnmarshalText(again); err != nil || !cmp.Equal(s, back) {
			t.Errorf("%v became %v, %v", s, back, err)
		}
	})
}
