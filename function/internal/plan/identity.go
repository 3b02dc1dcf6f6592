package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"rds-kernel-upgrade/events"
)

// MessageID names a message by what stays the same when it is delivered again. A rollout has the id of the message that began it.
func MessageID(trigger events.Trigger, message string) string {
	return Digest("rollout", string(trigger), message)[:16]
}

// Digest returns a short name for texts in their order.
func Digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// KeyOf returns what a request asks for, as a key: an advisory with its selection, a sweep with its selection, or one instance and what is to
// be done with it. Two requests with one key ask for the same, however fast and in whichever waves, and in whichever order they list things.
func KeyOf(r events.Request) string {
	parts := []any{r.Kind, r.Upgrade}
	if r.Fleet != nil {
		selection := r.Fleet.Select
		selection.RegionIDs = slices.Sorted(slices.Values(selection.RegionIDs))
		selection.DBInstanceIDs = slices.Sorted(slices.Values(selection.DBInstanceIDs))
		parts = []any{r.Kind, AdvisoryOf(r), selection}
	}
	text, _ := json.Marshal(parts) // texts, numbers, times, and lists and maps of them, whose keys are in order
	return Digest(string(text))[:16]
}

// AdvisoryOf returns the id of the advisory that a request is about, "" if there is none.
func AdvisoryOf(r events.Request) string { return advisoryOf(r).ID }

// advisoryOf returns the advisory that a request is about, an empty one if there is none.
func advisoryOf(r events.Request) *events.Advisory {
	return cmp.Or(cmp.Or(r.Fleet, &events.Fleet{}).Advisory, &events.Advisory{})
}
