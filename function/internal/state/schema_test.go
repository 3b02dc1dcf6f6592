package state_test

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/state"
)

// object is an object of the schema.
type object struct {
	Required   []string
	Properties map[string]struct{ Description string }
}

func TestTheSchemaDescribesEveryField(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../../../schema/state.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(file, &schema); err != nil {
		t.Fatal(err)
	}
	types := map[string]reflect.Type{
		"document": reflect.TypeFor[state.Document](), "archive": reflect.TypeFor[state.Archive](), "rollout": reflect.TypeFor[state.Rollout](),
		"wave": reflect.TypeFor[state.Wave](), "rolloutTold": reflect.TypeFor[state.RolloutTold](), "member": reflect.TypeFor[state.Member](),
		"call": reflect.TypeFor[state.Call](), "end": reflect.TypeFor[state.End](), "last": reflect.TypeFor[state.Last](),
		"instance": reflect.TypeFor[state.Instance](), "fail": reflect.TypeFor[state.Fail](), "task": reflect.TypeFor[state.Task](),
		"message": reflect.TypeFor[state.Message](), "cause": reflect.TypeFor[state.Cause](),
	}
	for name, o := range schema.Defs {
		if len(o.Properties) > 0 && types[name] == nil {
			t.Errorf("the schema has %s, which is no type", name)
		}
	}
	for name, typ := range types {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want, got, required []string
			for n := range typ.NumField() {
				field, options, _ := strings.Cut(typ.Field(n).Tag.Get("json"), ",")
				want = append(want, field)
				if options == "" {
					required = append(required, field)
				}
			}
			for field, property := range schema.Defs[name].Properties {
				got = append(got, field)
				if property.Description == "" {
					t.Errorf("%s has no description", field)
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("fields (-type +schema):\n%s", diff)
			}
			if diff := cmp.Diff(required, schema.Defs[name].Required); diff != "" {
				t.Errorf("required fields (-type +schema):\n%s", diff)
			}
		})
	}
}
