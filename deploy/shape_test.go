package deploy_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// rule checks one value of a YAML document and says what is wrong with it.
type rule func(path string, value any) []string

// object checks a mapping key by key. A key that no rule knows is a mistake: nobody else would notice it.
func object(required, optional map[string]rule) rule {
	return func(path string, value any) []string {
		m, ok := value.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: got %s: want a mapping", path, kind(value))}
		}
		var problems []string
		for _, key := range slices.Sorted(maps.Keys(required)) {
			if _, ok := m[key]; !ok {
				problems = append(problems, fmt.Sprintf("%s: %s is missing", path, key))
			}
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			check := required[key]
			if check == nil {
				check = optional[key]
			}
			if check == nil {
				problems = append(problems, fmt.Sprintf("%s: unknown key %s", path, key))
				continue
			}
			problems = append(problems, check(path+"."+key, m[key])...)
		}
		return problems
	}
}

func list(element rule) rule {
	return func(path string, value any) []string {
		elements, ok := value.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s: got %s: want a list", path, kind(value))}
		}
		var problems []string
		for n, e := range elements {
			problems = append(problems, element(fmt.Sprintf("%s[%d]", path, n), e)...)
		}
		return problems
	}
}

// each checks a list by one rule for each element, in this order.
func each(rules ...rule) rule {
	return func(path string, value any) []string {
		elements, ok := value.([]any)
		if !ok || len(elements) != len(rules) {
			return []string{fmt.Sprintf("%s: got %s: want a list of %d", path, kind(value), len(rules))}
		}
		var problems []string
		for n, check := range rules {
			problems = append(problems, check(fmt.Sprintf("%s[%d]", path, n), elements[n])...)
		}
		return problems
	}
}

// exactly is for values of which there is one right one.
func exactly[T comparable](want T) rule {
	return func(path string, value any) []string {
		if got, ok := value.(T); !ok || got != want {
			return []string{fmt.Sprintf("%s: got %s: want %#v", path, kind(value), want)}
		}
		return nil
	}
}

func text(pattern, want string) rule {
	form := regexp.MustCompile(`^(?:` + pattern + `)$`)
	return func(path string, value any) []string {
		if s, ok := value.(string); !ok || !form.MatchString(s) {
			return []string{fmt.Sprintf("%s: got %s: want %s", path, kind(value), want)}
		}
		return nil
	}
}

func prose() rule { return text(`(?s).+`, "a text") }

func boolean() rule {
	return func(path string, value any) []string {
		if _, ok := value.(bool); !ok {
			return []string{fmt.Sprintf("%s: got %s: want true or false", path, kind(value))}
		}
		return nil
	}
}

// whole is a whole number within bounds, and a multiple of step.
func whole(low, high, step int) rule {
	return func(path string, value any) []string {
		if n, ok := value.(int); !ok || n < low || n > high || n%step != 0 {
			return []string{fmt.Sprintf("%s: got %s: want a whole number from %d to %d, a multiple of %d", path, kind(value), low, high, step)}
		}
		return nil
	}
}

// parses checks a text by the error of a function.
func parses(parse func(string) error) rule {
	return func(path string, value any) []string {
		s, ok := value.(string)
		if !ok {
			return []string{fmt.Sprintf("%s: got %s: want a text", path, kind(value))}
		}
		if err := parse(s); err != nil {
			return []string{fmt.Sprintf("%s: %q: %v", path, s, err)}
		}
		return nil
	}
}

// kind describes a value for a message.
func kind(value any) string {
	switch v := value.(type) {
	case nil:
		return "nothing"
	case map[string]any:
		return "a mapping of " + strings.Join(slices.Sorted(maps.Keys(v)), ", ")
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case string:
		return fmt.Sprintf("%q", v)
	default:
		return fmt.Sprintf("%T %v", v, v)
	}
}
