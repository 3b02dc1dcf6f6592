package events

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// A schema says what an object may have.
type schema struct {
	name   string // as errors call the object
	fields []field
	rule   func(*reading) string // what is wrong with the object as a whole
	loose  bool                  // it may have fields that are not ours, as long as they are not ours misspelt
}

// A field is one row of a schema.
type field struct {
	name  string
	of    []Kind                // the kinds of request that have it, of the fields of a request; nil: all
	check func(value)           // notes what is wrong with a value; nil: it may be anything
	rule  func(*reading) string // what is wrong with its presence or absence, seen with the fields above it

	// inStop is the check in a request of KindStop, where the field is the id of what it is elsewhere. It is nil if the check is the same.
	inStop func(value)
}

// A value is what an object or a list has in one place.
type value struct {
	json.RawMessage
	path string
	now  time.Time
	to   *[]Problem
}

func (v value) note(problem string) {
	if problem != "" {
		*v.to = append(*v.to, Problem{v.path, problem})
	}
}

var (
	ofUpgrade        = []Kind{KindUpgrade}
	ofAdvisoryOrStop = []Kind{KindAdvisory, KindStop}
	ofFleets         = []Kind{KindAdvisory, KindSweep}
	ofFleetsOrStop   = []Kind{KindAdvisory, KindSweep, KindStop}
	ofUpgrades       = []Kind{KindUpgrade, KindAdvisory, KindSweep}
)

// request has the fields in the order of the API's documentation, after the kind that decides about them and before what
// the API does not have.
var request = schema{name: "a request", rule: stopsOne, fields: []field{
	{name: "kind", check: text(checkKind)},
	{name: "Action", of: ofUpgrade, check: text(oneOf("UpgradeDBInstanceKernelVersion"))},
	{name: "DBInstanceId", of: ofUpgrade, check: text(form(instanceID, wantInstanceID)), rule: required("DBInstanceId", wantInstanceID)},
	{name: "UpgradeTime", of: ofUpgrade, check: text(upgradeTimes)},
	{name: "SwitchTime", of: ofUpgrade, check: text(ascii(checkSwitchTime)), rule: switchTimeFitsUpgradeTime("with the default " + string(Immediate))},
	{name: "TargetMinorVersion", of: ofUpgrade, check: text(form(minorVersion, wantMinorVersion))},
	{name: "RegionId", of: ofUpgrade, check: text(regions)},
	{name: "withReplicas", of: ofUpgrade, check: trueOrFalse},
	{name: "advisory", of: ofAdvisoryOrStop, check: checkAdvisory, inStop: idToStop(identifier(1, maxID), wantAdvisoryID), rule: advisoryNeedsItself},
	{name: "select", of: ofFleets, check: selection.check},
	{name: "schedule", of: ofFleets, check: schedule.check},
	{name: "rollout", of: ofFleetsOrStop, check: rollout.check, inStop: idToStop(form(rolloutID, wantRolloutID), wantRolloutID)},
	{name: "mode", of: ofUpgrades, check: text(oneOf(string(Apply), string(Plan)))},
	{name: "planHash", of: ofUpgrades, check: text(form(planHash, wantPlanHash)), rule: planHashFitsMode},
}}

const (
	wantInstanceID   = "want the id of an instance, such as rm-bp1abcd: a letter, then 1 to 63 letters, digits or hyphens"
	wantMinorVersion = "want a minor version, such as rds_20260228: 1 to 64 letters, digits, dots, hyphens or underscores"
	wantRegionID     = "want the id of a region, such as cn-hangzhou"
	wantPlanHash     = "want the planHash of a published plan: 32 digits or letters from a to f"
	wantAdvisory     = "want what is wrong, and where it is fixed, or an OSV record as published"
)

// The forms are loose. The API alone knows which ids and versions exist, and a new prefix must not need a new release
// of this function; but what passes is safe to put into a URL, a tag and a log line.
var (
	instanceID   = lazily(`^[A-Za-z][A-Za-z0-9-]{1,63}$`)
	minorVersion = lazily(`^[A-Za-z0-9_.-]{1,64}$`)
	regionID     = lazily(`^[a-z]{2,8}(-[a-z0-9]{1,20}){1,5}$`)
	planHash     = lazily(`^[0-9a-f]{32}$`)
)

var (
	upgradeTimes = oneOf(string(Immediate), string(MaintainTime), string(SpecifyTime))
	regions      = form(regionID, wantRegionID)
)

// RegionProblem returns what is wrong with the id of a region, by the rule that requests follow, and "" if nothing is.
func RegionProblem(id string) string { return textProblem(id, regions, time.Time{}) }

const (
	legacy      = "is a legacy parameter that this function never sends: leave it out"
	platform    = "is set by the function itself: leave it out"
	credentials = "has no place in a message, the function signs with its own role: leave it out, and replace the key if it was real"
	sentOnce    = "is not a parameter of UpgradeDBInstanceKernelVersion: leave it out, the function sees to it that an upgrade starts once"
)

// neverSent has an answer for each name that is no field of any object, but that somebody has a reason to expect.
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
}

func (s schema) fieldNames() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

// insteadOf says where a fleet's request has what an upgrade's has at the top.
var insteadOf = map[string]string{
	"DBInstanceId": ": put it into select", "RegionId": ": put it into select",
	"UpgradeTime": ": put it into schedule", "SwitchTime": ": put it into schedule",
	"withReplicas": ": leave it out, and select the read-only instances too",
}

// belongs says to which kinds a field belongs, to a request of another kind that has it.
func (f field) belongs(r *reading) string {
	kind := r.kind()
	if f.of == nil || slices.Contains(f.of, kind) {
		return ""
	}
	names := make([]string, len(f.of))
	for i, k := range f.of {
		names[i] = string(k)
	}
	problem := "belongs to a request of kind " + either(names) + ", and this one is of kind " + cmp.Or(r.texts["kind"], string(kind))
	switch {
	case kind == KindUpgrade && len(r.values("kind")) == 0:
		problem += ", since it names none"
	case slices.Contains(ofFleets, kind):
		problem += insteadOf[f.name]
	}
	return problem
}

var kinds = oneOf(string(KindUpgrade), string(KindAdvisory), string(KindSweep), string(KindTick), string(KindStatus), string(KindStop))

// checkKind accepts the kinds, and the old name of one.
func checkKind(value string, now time.Time) string {
	if value == followUps {
		return ""
	}
	problem := kinds(value, now)
	if problem != "" && nearest(value, []string{followUps}) != "" {
		problem += ", did you mean " + string(KindTick) + "?"
	}
	return problem
}

// advisoryNeedsItself wants a request of KindAdvisory to have one.
func advisoryNeedsItself(r *reading) string {
	if r.kind() != KindAdvisory {
		return ""
	}
	return required("advisory", wantAdvisory)(r)
}

// planHashFitsMode refuses a condition for doing what is not to be done.
func planHashFitsMode(r *reading) string {
	if len(r.values("planHash")) == 0 || r.texts["mode"] != string(Plan) {
		return ""
	}
	return "goes only with mode apply: with mode plan nothing is applied"
}

// required wants a field to be there.
func required(name, want string) func(*reading) string {
	return func(r *reading) string {
		if len(r.values(name)) > 0 {
			return ""
		}
		return strings.TrimSuffix("is missing: "+want, ": ")
	}
}
