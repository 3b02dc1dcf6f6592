package state_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/function/internal/state"
)

func TestACopySharesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := documents().Draw(t, "document")
		clone := d.Clone()
		if diff := cmp.Diff(d, clone); diff != "" {
			t.Fatalf("(-document +copy):\n%s", diff)
		}
		if !state.Equal(d, clone) {
			t.Fatal("they are not equal")
		}
		known := map[uintptr]string{}
		addresses(reflect.ValueOf(d), "document", func(at uintptr, path string) { known[at] = path })
		addresses(reflect.ValueOf(clone), "copy", func(at uintptr, path string) {
			if other := known[at]; other != "" {
				t.Fatalf("%s is %s", path, other)
			}
		})
	})
}

// addresses visits everything in a value that could be changed through another one.
func addresses(v reflect.Value, path string, visit func(at uintptr, path string)) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			visit(v.Pointer(), path)
			addresses(v.Elem(), path, visit)
		}
	case reflect.Slice:
		if v.Len() > 0 {
			visit(v.Pointer(), path)
		}
		for n := range v.Len() {
			addresses(v.Index(n), fmt.Sprintf("%s[%d]", path, n), visit)
		}
	case reflect.Map:
		if !v.IsNil() {
			visit(v.Pointer(), path)
		}
		for _, key := range v.MapKeys() {
			addresses(v.MapIndex(key), fmt.Sprintf("%s[%s]", path, key), visit)
		}
	case reflect.Struct:
		for n := range v.NumField() {
			addresses(v.Field(n), path+"."+v.Type().Field(n).Name, visit)
		}
	}
}

func TestEqualSeesEveryChangeButTheWriter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(d *state.Document)
		equal  bool
	}{
		"no change":               {func(*state.Document) {}, true},
		"another writer":          {func(d *state.Document) { d.Number, d.Nonce, d.By, d.Written = 7, "x", "y", noon.Add(1) }, true},
		"an empty list":           {func(d *state.Document) { d.Rollouts[2].Waves = []state.Wave{} }, true},
		"a member's state":        {by("rm-2", func(m *state.Member) { m.State = state.Failed }), false},
		"a moment":                {by("rm-2", func(m *state.Member) { m.Call.At = m.Call.At.Add(1) }), false},
		"a letter of the request": {of("r-wait", func(r *state.Rollout) { r.Request.Fleet.Select.Tags["env"] = "prot" }), false},
		"what is remembered":      {func(d *state.Document) { d.Instances[0].Fail.Target = older }, false},
		"an end":                  {func(d *state.Document) { delete(d.Last, "77aa") }, false},
		"a message":               {func(d *state.Document) { d.Messages[3].Told = noon }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := document(t), document(t)
			c.change(b)
			if state.Equal(a, b) != c.equal || state.Equal(b, a) != c.equal {
				t.Errorf("equal is %t, want %t", state.Equal(a, b), c.equal)
			}
		})
	}
}

func TestARequestThatCannotBeWrittenIsCopiedAllTheSame(t *testing.T) {
	t.Parallel()
	d := document(t)
	d.Rollouts[0].Request.Fleet.Schedule.SwitchTime = beyond
	if diff := cmp.Diff(d, d.Clone()); diff != "" {
		t.Errorf("(-document +copy):\n%s", diff)
	}
	if state.Equal(d, d) {
		t.Error("what cannot be written equals nothing")
	}
}
