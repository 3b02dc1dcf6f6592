package upgrade

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Report closes the account of a request. Where there is only one instance, its fields stand at the top as well, so that the
// subscriber of a single upgrade need not look into the list.
func (a Account) Report(detail string, outcomes []Outcome) []Notification {
	return a.list(Reported, detail, outcomes)
}

// Halt tells that a rollout goes no further, why, and how far it has come.
func (a Account) Halt(why string, outcomes []Outcome) []Notification {
	var touched []Outcome
	for _, o := range outcomes {
		if o.Status != Skipped || o.Reason == Held || o.Wait {
			touched = append(touched, o)
		}
	}
	all := a.list(Halted, why, touched)
	counts := countsOf(entriesOf(outcomes))
	for n := range all {
		all[n].Subject, all[n].Data.Entry = "", Entry{Status: Halted, Reason: Held, Detail: why}
		all[n].Data.Counts = counts
	}
	return all
}

// maxEntries bounds the entries of one message, in bytes, so that the whole stays below 64 KB.
const maxEntries = 56_000

// list tells of all instances of the request, in as many parts as it takes.
func (a Account) list(status Status, detail string, outcomes []Outcome) []Notification {
	entries := entriesOf(outcomes)
	if len(entries) == 0 && detail == "" {
		detail = "no instance fits the selection"
	}
	parts, counts, hash := split(entries), countsOf(entries), ""
	if status == Planned {
		hash = planHash(entries)
	}
	all := make([]Notification, 0, len(parts))
	for n, part := range parts {
		name := ""
		if n > 0 {
			name = "part " + strconv.Itoa(n+1)
		}
		m := a.notification(status, a.Rollout, "", name)
		if len(entries) == 1 {
			m.Subject, m.Data.Entry = outcomes[0].Instance.ARN(a.Account), entries[0]
		}
		m.Data.Mode, m.Data.Status, m.Data.Instances, m.Data.Counts = a.Mode, status, part, counts
		if detail != "" {
			m.Data.Detail = detail
		}
		if len(parts) > 1 {
			m.Data.Part, m.Data.Parts = n+1, len(parts)
		}
		m.Data.PlanHash = hash
		if status == Planned || status == Reported {
			m.Data.Notes = a.Notes
		}
		all = append(all, m)
	}
	return all
}

func entriesOf(outcomes []Outcome) []Entry {
	entries := make([]Entry, 0, len(outcomes))
	for _, o := range outcomes {
		entries = append(entries, o.Entry())
	}
	return entries
}

// countsOf counts all instances once, each under its status.
func countsOf(entries []Entry) map[Status]int {
	counts := map[Status]int{}
	for _, e := range entries {
		counts[e.Status]++
	}
	return counts
}

// split cuts a list between entries. There is always one part, be it empty.
func split(entries []Entry) [][]Entry {
	parts := [][]Entry{{}}
	size := 0
	for _, e := range entries {
		text, _ := json.Marshal(e) // strings and numbers only
		if size += len(text) + 1; size > maxEntries && len(parts[len(parts)-1]) > 0 {
			parts, size = append(parts, nil), len(text)
		}
		last := len(parts) - 1
		parts[last] = append(parts[last], e)
	}
	return parts
}

// PlanHash names a plan by what it would do: the same plan has the same hash.
func PlanHash(plan []Decision) string { return planHash(entriesOf(Preview(plan, ""))) }

func planHash(entries []Entry) string {
	lines := make([]string, 0, len(entries))
	for _, e := range entries {
		lines = append(lines, strings.Join([]string{
			e.DBInstanceID, string(e.Status), string(e.Reason), e.TargetMinorVersion, e.UpgradeTime, e.SwitchTime, strconv.Itoa(e.Wave),
		}, " "))
	}
	return digest(lines...)
}
