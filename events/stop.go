package events

import "time"

// Stop names what a request of KindStop stops. Exactly one of its fields is set.
type Stop struct {
	Rollout  string `json:"rollout,omitempty"`  // the id of a rollout, as notifications print it: 16 lower-case hexadecimal digits
	Advisory string `json:"advisory,omitempty"` // the id of an advisory
}

const (
	wantRolloutID  = "want the id of a rollout as notifications print it, such as a7dc258ff8bf0089: 16 digits or lower-case letters from a to f"
	wantAdvisoryID = "want the id of an advisory, such as CVE-2026-1"
	stopSample     = `{"kind":"stop","rollout":"a7dc258ff8bf0089"}`
)

var rolloutID = lazily(`^[0-9a-f]{16}$`)

// idToStop accepts an id. A request that begins a rollout has an object under the same key, so the error about one says that an id is wanted.
func idToStop(check func(string, time.Time) string, want string) func(value) {
	return func(v value) {
		switch kind := kindOf(v.RawMessage); {
		case kind != "a string":
			v.note(want + ", got " + kind)
		case string(v.RawMessage) == `""`:
			v.note("is empty: " + want)
		default:
			text(check)(v)
		}
	}
}

// stopsOne wants a request of KindStop to name one rollout or one advisory.
func stopsOne(r *reading) string {
	if r.kind() != KindStop {
		return ""
	}
	problem := exactlyOne("rollout", "advisory")(r)
	if problem != "" {
		problem += ", such as " + stopSample
	}
	return problem
}
