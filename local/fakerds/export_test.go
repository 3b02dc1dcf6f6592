package fakerds

import (
	"net/url"
	"strings"
)

// Parameter is what the fake takes for one parameter of an action.
type Parameter struct {
	Name, Kind           string
	Required, Unmodelled bool
	Least, Most          int
	Values               []string
	Fields               []Parameter
}

// ParametersOf returns what the fake takes for the parameters of an action.
func ParametersOf(name string) []Parameter { return exported(actions()[name].parameters) }

func exported(of []parameter) (all []Parameter) {
	for _, p := range of {
		all = append(all, Parameter{p.name, p.kind, p.required, p.unmodelled, p.least, p.most, p.values, exported(p.fields)})
	}
	return all
}

// Codes returns the codes that an action may be refused with, by status; of "" those of nearly every action.
func Codes(action string) map[int][]string {
	table := documented()[action]
	if action == "" {
		table = common()
	}
	all := map[int][]string{}
	for status, text := range table {
		all[status] = strings.Fields(text)
	}
	return all
}

// Elsewhere returns the codes that the metadata does not have, each with where it was seen.
func Elsewhere() map[string]string {
	all := map[string]string{}
	for _, s := range elsewhere() {
		all[s.code] = s.where
	}
	return all
}

// StatusOf returns the status of an action's refusal with a code, or 0 when the action may not have it.
func StatusOf(action, code string) int { return statusOf(action, code) }

// Read reads a parameter as an action does.
func Read(action, parameter string) string {
	return query{action: actions()[action], parameters: url.Values{}}.get(parameter)
}

// Refuse refuses as an action does.
func Refuse(action, code string) { _ = query{action: actions()[action]}.refuse(code) }
