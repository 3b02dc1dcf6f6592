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
	"gone":                "has been deleted since",
	"unread":              "could not be read",
	"held":                "is held by a tag, or its rollout was halted",
	"in_progress":         "something else is being done to it",
	"already_scheduled":   "is to be upgraded already",
	"failed_before":       "failed before, and nobody has asked for it again",
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

// short leaves out the family of the versions, which the engine's version says as well: 20250531 → 20260228.
func short(before, after string) string {
	return step(day(before), day(after))
}

// day cuts a version down to its day and what stands behind it: 20250530_14.18 of rds_postgres_1400_20250530_14.18.
func day(version string) string {
	parts := strings.Split(version, "_")
	for n, part := range parts {
		if len(part) == len("20060102") && strings.Trim(part, "0123456789") == "" {
			return strings.Join(parts[n:], "_")
		}
	}
	return parts[len(parts)-1]
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
