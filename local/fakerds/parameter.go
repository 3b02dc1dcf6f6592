package fakerds

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rds-kernel-upgrade/local/acs3"
)

// parameter is what the service documents of one parameter of an action.
type parameter struct {
	name        string
	kind        string // string, integer, boolean or array
	required    bool
	least, most int         // of an integer; in an array, most is how many members there may be; 0 is no limit
	values      []string    // that the description names; any value when there are none
	several     bool        // several values, separated by commas
	fields      []parameter // of an array's members; without them a member is a value
	code        string      // with which a value that is not taken is refused; the action's by default
	unmodelled  bool        // the service has it, the local cloud has nothing behind it
}

func text(name string, values ...string) parameter {
	return parameter{name: name, kind: "string", values: values}
}

func integer(name string, least, most int) parameter {
	return parameter{name: name, kind: "integer", least: least, most: most}
}

func boolean(name string) parameter { return parameter{name: name, kind: "boolean"} }

func list(name string, most int, fields ...parameter) parameter {
	return parameter{name: name, kind: "array", most: most, fields: fields}
}

func (p parameter) need() parameter {
	p.required = true
	return p
}

func (p parameter) notModelled() parameter {
	p.unmodelled = true
	return p
}

func (p parameter) severalByComma() parameter {
	p.several = true
	return p
}

func (p parameter) oneOf(values ...string) parameter {
	p.values = values
	return p
}

func (p parameter) refusedAs(code string) parameter {
	p.code = code
	return p
}

// check refuses a request without the parameter where it is required, and one with a value that it does not take. An empty value
// counts as none.
func (p parameter) check(a action, all url.Values) *acs3.Refusal {
	if p.kind == "array" {
		return p.checkMembers(a, all)
	}
	value := all.Get(p.name)
	switch {
	case value == "" && p.required:
		return missing(p.name)
	case value == "":
		return nil
	case !p.takes(value):
		return a.refuseValue(p.name, p.code)
	case p.unmodelled:
		return unmodelled(p.name)
	}
	return nil
}

// takes reports whether the value is of the parameter's type, inside its limits and among its values.
func (p parameter) takes(value string) bool {
	switch p.kind {
	case "integer":
		n, err := strconv.Atoi(value)
		if err != nil || n < p.least || p.most > 0 && n > p.most {
			return false
		}
	case "boolean":
		return value == "true" || value == "false"
	}
	parts := []string{value}
	if p.several {
		parts = strings.Split(value, ",")
	}
	return len(p.values) == 0 || !slices.ContainsFunc(parts, func(part string) bool { return !slices.Contains(p.values, part) })
}

// checkMembers checks name.1, name.2 …, or name.1.Field … of a list.
func (p parameter) checkMembers(a action, all url.Values) *acs3.Refusal {
	members := map[string]bool{}
	for name := range all {
		rest, ok := strings.CutPrefix(name, p.name+".")
		if !ok {
			continue
		}
		number, field, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); err != nil || n < 1 || strconv.Itoa(n) != number || !p.has(field) {
			return a.refuseValue(name, "")
		}
		members[number] = true
	}
	switch {
	case p.required && len(members) == 0:
		return missing(p.name)
	case len(members) > p.most:
		return refusalOf(a.name, p.code)
	}
	return p.checkFields(a, all, members)
}

// checkFields refuses a member of a list without a field that it needs.
func (p parameter) checkFields(a action, all url.Values, members map[string]bool) *acs3.Refusal {
	for number := range members {
		for _, f := range p.fields {
			if f.required && all.Get(p.name+"."+number+"."+f.name) == "" {
				return refusalOf(a.name, f.code)
			}
		}
	}
	return nil
}

// has reports whether the members of a list have this field; "" is the member itself.
func (p parameter) has(field string) bool {
	if len(p.fields) == 0 {
		return field == ""
	}
	return slices.ContainsFunc(p.fields, func(f parameter) bool { return f.name == field })
}

// refuseValue is the refusal of a value that a parameter does not take: under the parameter's own code, or under the action's.
func (a action) refuseValue(name, code string) *acs3.Refusal {
	if code != "" {
		return refusalOf(a.name, code)
	}
	r := refusalOf(a.name, a.invalid)
	if r.Code == invalidParam {
		r.Message = "Specified parameter " + name + " is not valid."
	}
	return r
}
