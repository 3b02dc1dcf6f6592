package events

import "fmt"

// maxTags leaves one of the five pairs that DescribeDBInstances takes to the policy's opt-in tag.
const maxTags = 4

const (
	maxTagKey   = 64
	maxTagValue = 128
	wantTags    = `want 1 to 4 pairs such as {"env":"prod"}`
)

// checkTags takes pairs of a tag's key and value, each key once.
func checkTags(v value) {
	o, problem := readObject(v.RawMessage)
	switch {
	case problem != "":
		v.note(wantTags + ", got " + kindOf(v.RawMessage))
	case len(o) == 0 || len(o) > maxTags:
		v.note(fmt.Sprintf("has %d pairs: %s", len(o), wantTags))
	default:
		checkPairs(v, o)
	}
}

func checkPairs(v value, o object) {
	seen := map[string]bool{}
	for _, m := range o {
		pair := v.at(join(v.path, m.key), m.value)
		text(printable(0, maxTagValue))(pair)
		if problem := printable(1, maxTagKey)(m.key, v.now); problem != "" {
			pair.note("the key " + problem)
		}
		if seen[m.key] {
			pair.note("is given twice: want it once")
		}
		seen[m.key] = true
	}
}
