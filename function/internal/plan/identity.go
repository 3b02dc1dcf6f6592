package plan

import (
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
	if r.Fleet == nil {
		return key(string(r.Kind), r.Upgrade)
	}
	selection := r.Fleet.Select
	selection.RegionIDs, selection.DBInstanceIDs = slices.Clone(selection.RegionIDs), slices.Clone(selection.DBInstanceIDs)
	slices.Sort(selection.RegionIDs)
	slices.Sort(selection.DBInstanceIDs)
	return key(string(r.Kind), AdvisoryOf(r), selection)
}

// key returns the digest of values in their JSON form, in which the keys of maps are in order.
func key(parts ...any) string {
	text, _ := json.Marshal(parts) // texts, numbers, times, and lists and maps of them
	return Digest(string(text))[:16]
}

// AdvisoryOf returns the id of the advisory that a request is about, "" if there is none.
func AdvisoryOf(r events.Request) string {
	if r.Fleet == nil || r.Fleet.Advisory == nil {
		return ""
	}
	return r.Fleet.Advisory.ID
}

// severityOf returns the severity of the advisory that a request is about, "" if there is none, or it is not known.
func severityOf(r events.Request) string {
	if r.Fleet == nil || r.Fleet.Advisory == nil {
		return ""
	}
	return r.Fleet.Advisory.Severity
}
