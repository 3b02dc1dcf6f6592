package show

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// reasons say why an instance is left alone, for somebody who does not know the tool.
var reasons = map[string]string{
	"up_to_date":          "has the newest version already",
	"not_affected":        "the advisory does not affect the version that it has",
	"not_opted_in":        "has not been opted in with the tag kernel-upgrade=auto",
	"not_running":         "is not running",
	"locked":              "is locked",
	"engine_unsupported":  "RDS has no such upgrade for its engine, or for its disks",
	"unknown_version":     "RDS does not tell its version, so nothing can be compared",
	"would_downgrade":     "would get an older version than it has",
	"version_not_offered": "RDS offers no version that would do",
	"outside_window":      "no permitted time is near",
	"over_budget":         "the budget of the wave is used up",
	"replica_first":       "waits for its read-only instances",
	"deadline":            "the time of the run was over",
	"held":                "another rollout has it",
	"in_progress":         "something else is being done to it",
	"already_scheduled":   "is to be upgraded already",
}

// words says a reason in words; one without is told as it is.
func words(reason string) string {
	if text, known := reasons[reason]; known {
		return text
	}
	return spaced(reason)
}

func spaced(reason string) string { return strings.ReplaceAll(reason, "_", " ") }

// step says a version and what becomes of it.
func step(before, after string) string {
	switch {
	case before == "":
		return "no version told"
	case after == "" || after == before:
		return before
	}
	return before + " → " + after
}

// short leaves the family of the versions out, which the engine's version tells as well: 20250531 → 20260228.
func short(before, after string) string {
	cut := func(version string) string { return version[strings.LastIndex(version, "_")+1:] }
	return step(cut(before), cut(after))
}

// statuses are the words for the statuses in counts.
var statuses = map[string]string{
	"plan": "to be upgraded", "accepted": "under way", "completed": "upgraded", "skipped": "not touched",
}

// sum tells counts by status, the greatest first: 12 upgraded, 1 failed.
func sum(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	told := make([]string, len(names))
	for n, name := range names {
		told[n] = fmt.Sprintf("%d %s", counts[name], cmp.Or(statuses[name], name))
	}
	return strings.Join(told, ", ")
}
