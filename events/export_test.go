package events

import (
	"fmt"
	"strings"
)

// Fields gives each field of a request with the kinds that have it, nested ones by their paths.
func Fields() map[string]string {
	all := map[string]string{}
	for _, f := range request.fields {
		kinds := "all"
		if f.of != nil {
			kinds = strings.Trim(strings.ReplaceAll(fmt.Sprint(f.of), " ", ", "), "[]")
		}
		all[f.name] = kinds
	}
	for _, nested := range []struct {
		path string
		schema
	}{
		{"select.", selection},
		{"schedule.", schedule},
		{"rollout.", rollout},
		{"rollout.waves[].", wave},
		{"advisory.", bulletin},
		{"advisory.affected[].", affected},
	} {
		top, _, _ := strings.Cut(nested.path, ".")
		for _, f := range nested.fields {
			all[nested.path+f.name] = all[top]
		}
	}
	return all
}

// Characters returns the characters that are known by name, in the order of the table.
func Characters() []rune {
	all := make([]rune, len(characters))
	for i, c := range characters {
		all[i] = c.rune
	}
	return all
}
