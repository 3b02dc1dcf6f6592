package upgrade

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// unknownKey is how the YAML package tells of a key that a Go type does not have.
var unknownKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`field (\S+) not found in type (\S+)`) })

// explainKeys says which keys are accepted instead of which Go type lacks one.
func explainKeys(text string) string {
	keys := map[string][]string{}
	policyKeys(reflect.TypeFor[Policy](), keys)
	return unknownKey().ReplaceAllStringFunc(text, func(found string) string {
		m := unknownKey().FindStringSubmatch(found)
		accepted := slices.Sorted(slices.Values(keys[m[2]]))
		last := len(accepted) - 1
		if last < 1 {
			return fmt.Sprintf("%q is not a key", m[1])
		}
		return fmt.Sprintf("%q is not a key: want %s or %s", m[1], strings.Join(accepted[:last], ", "), accepted[last])
	})
}

// policyKeys gathers the keys of a type of the policy, and of those inside it, under the types' names.
func policyKeys(t reflect.Type, keys map[string][]string) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || keys[t.String()] != nil {
		return
	}
	found := map[string]bool{}
	for n := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(n).Tag.Get("yaml"), ",")
		if key == "" {
			continue
		}
		found[key] = true
		policyKeys(t.Field(n).Type, keys)
	}
	keys[t.String()] = slices.Collect(maps.Keys(found))
}
