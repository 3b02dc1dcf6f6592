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
		path, kinds string
		schema
	}{
		{"select.", "advisory, sweep", selection},
		{"schedule.", "advisory, sweep", schedule},
		{"rollout.", "advisory, sweep", rollout},
		{"rollout.waves[].", "advisory, sweep", wave},
		{"advisory.", "advisory", bulletin},
		{"advisory.affected[].", "advisory", affected},
	} {
		for _, f := range nested.fields {
			all[nested.path+f.name] = nested.kinds
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
