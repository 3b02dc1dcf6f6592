package events

import (
	"slices"
	"time"
)

// A field is one row of what a request may have.
type field struct {
	name  string
	check func(value string, now time.Time) string // what is wrong with a value
	rule  func(*reading) string                    // what is wrong with its presence or absence, seen with the fields above it
}

// fields are in the order of the API's documentation, after the kind that decides about them and before what
// the API does not have.
var fields = []field{
	{name: "kind", check: checkKind},
	{name: "Action", check: oneOf("UpgradeDBInstanceKernelVersion")},
	{name: "DBInstanceId", check: form(instanceID, wantInstanceID), rule: instanceRequired},
	{name: "UpgradeTime", check: oneOf(string(Immediate), string(MaintainTime), string(SpecifyTime))},
	{name: "SwitchTime", check: checkSwitchTime, rule: switchTimeFitsUpgradeTime},
	{name: "TargetMinorVersion", check: form(minorVersion, wantMinorVersion)},
	{name: "RegionId", check: form(regionID, wantRegionID)},
	{name: "mode", check: oneOf(string(Apply), string(Plan))},
}

const (
	wantInstanceID   = "want the id of an instance, such as rm-bp1abcd: a letter, then 1 to 63 letters, digits or hyphens"
	wantMinorVersion = "want a minor version, such as rds_20260228: 1 to 64 letters, digits, dots, hyphens or underscores"
	wantRegionID     = "want the id of a region, such as cn-hangzhou"
)

// The forms are loose. The API alone knows which ids and versions exist, and a new prefix must not need a new release
// of this function; but what passes is safe to put into a URL, a tag and a log line.
var (
	instanceID   = lazily(`^[A-Za-z][A-Za-z0-9-]{1,63}$`)
	minorVersion = lazily(`^[A-Za-z0-9_.-]{1,64}$`)
	regionID     = lazily(`^[a-z]{2,8}(-[a-z0-9]{1,20}){1,5}$`)
)

const (
	legacy      = "is a legacy parameter that this function never sends: leave it out"
	platform    = "is set by the function itself: leave it out"
	credentials = "has no place in a message, the function signs with its own role: leave it out, and replace the key if it was real"
	sentOnce    = "is not a parameter of UpgradeDBInstanceKernelVersion: leave it out, the function sees to it that an upgrade starts once"
	later       = "is not supported by this version"
	laterKind   = "belongs to a kind of request that this version does not support"
)

// neverSent has an answer for each name that is no field, but that somebody has a reason to expect.
var neverSent = map[string]string{
	"ClientToken":          sentOnce,
	"OwnerId":              legacy,
	"OwnerAccount":         legacy,
	"ResourceOwnerId":      legacy,
	"ResourceOwnerAccount": legacy,
	"Version":              platform,
	"Format":               platform,
	"AccessKeyId":          credentials,
	"AccessKeySecret":      credentials,
	"SecurityToken":        credentials,
	"advisory":             laterKind,
	"select":               laterKind,
	"schedule":             laterKind,
	"rollout":              laterKind,
	"planHash":             later,
}

func fieldNames() []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return names
}

// unsupportedKinds are reserved for requests about fleets.
var unsupportedKinds = map[string]bool{"advisory": true, "sweep": true, "follow-ups": true, "follow-up": true}

func checkKind(value string, now time.Time) string {
	if unsupportedKinds[value] {
		return quote(value) + " " + later + ": want upgrade"
	}
	return oneOf(string(KindUpgrade))(value, now)
}

// oneOf accepts the words as they are written.
func oneOf(words ...string) func(string, time.Time) string {
	return func(value string, _ time.Time) string {
		if slices.Contains(words, value) {
			return ""
		}
		problem := quote(value) + " is not a value: want " + either(words) + " (exact case)"
		if len(words) > 1 {
			problem += didYouMean(value, words)
		}
		return problem
	}
}

func form(allowed pattern, want string) func(string, time.Time) string {
	return func(value string, _ time.Time) string {
		if allowed.fits(value) {
			return ""
		}
		return quote(value) + " has another form: " + want
	}
}

func instanceRequired(r *reading) string {
	if len(r.values("DBInstanceId")) > 0 {
		return ""
	}
	return "is missing: " + wantInstanceID
}
