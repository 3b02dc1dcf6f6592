package show

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Account is the closing report of a story, for somebody who has never seen the tool.
type Account struct {
	Advisory string            // what was wrong
	FixedIn  []string          // the versions that have the fix
	Mended   map[string]string // what the operator did to an instance that had failed
}

// Text writes the account of what stands on the board.
func (a Account) Text(b *Board) string {
	var lines []string
	add := func(more ...string) { lines = append(lines, more...) }
	add("What was wrong")
	add(paragraph("   ", strings.Fields(a.Advisory), " ")...)
	add(paragraph("   It is fixed in ", a.FixedIn)...)
	add(fmt.Sprintf("   The request selected %d instances, in %s.", len(b.rows), strings.Join(b.regions(), " and ")), "")
	add(section("Upgraded, in "+b.waves(), b, []State{Upgraded}, func(r Row) string {
		return strings.TrimRight(fmt.Sprintf("%-14s %s  %s", r.Engine, step(r.versions()), r.Disk), " ")
	})...)
	add(section("Left alone", b, []State{LeftAlone}, whyLeft)...)
	add(section("Failed", b, []State{Failed, Unverified}, func(r Row) string { return strings.Join(r.Troubles, "; ") })...)
	add(section("Not begun", b, []State{Waiting, Planned, Called, Upgrading, NotStarted}, Row.Status)...)
	add(busy(b)...)
	add(a.troubles(b)...)
	add(b.Sum())
	return strings.Join(lines, "\n") + "\n"
}

// whyLeft says why an instance is left alone. Of a primary the function's own words have the replica and its version.
func whyLeft(r Row) string {
	if r.Reason == "replica_first" && r.Detail != "" {
		return r.Detail
	}
	return words(r.Reason)
}

// busy says which instances were busy when their turn came, and what became of them.
func busy(b *Board) (lines []string) {
	for _, r := range b.rows {
		if r.Busy == "" {
			continue
		}
		if lines == nil {
			lines = append(lines, "Busy when its turn came")
		}
		story := fmt.Sprintf("%s (%s): %s. It was looked at again, did not count as a failure, and now it %s.", r.ID, r.Description, r.Busy, isNow(*r))
		lines = append(lines, paragraph("   ", strings.Fields(story), " ")...)
	}
	if lines != nil {
		lines = append(lines, "")
	}
	return lines
}

func isNow(r Row) string {
	if r.State == Upgraded {
		return "is upgraded"
	}
	return words(r.Reason)
}

// troubles tells what went wrong on the way, and what became of it.
func (a Account) troubles(b *Board) (lines []string) {
	for _, r := range b.rows {
		if len(r.Troubles) == 0 {
			continue
		}
		if lines == nil {
			lines = append(lines, "What went wrong on the way")
		}
		story := fmt.Sprintf("%s (%s) %s. The rollout halted there.", r.ID, r.Description, strings.Join(r.Troubles, "; then "))
		if mended := a.Mended[r.ID]; mended != "" && r.State == Upgraded {
			story += fmt.Sprintf(" %s Now it is upgraded.", mended)
		}
		lines = append(lines, paragraph("   ", strings.Fields(story), " ")...)
	}
	if lines != nil {
		lines = append(lines, "")
	}
	return lines
}

// waves says in how many waves of how many rollouts the instances were upgraded.
func (b *Board) waves() string {
	seen := map[[2]int]bool{}
	for _, r := range b.rows {
		if r.State == Upgraded {
			seen[[2]int{r.Rollout, r.Wave}] = true
		}
	}
	return fmt.Sprintf("%s of %s", several(len(seen), "wave"), several(len(b.rollouts), "rollout"))
}

func several(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// Sum adds up: each instance stands in one of the terms.
func (b *Board) Sum() string {
	done, left, failed := b.Count(Upgraded), b.Count(LeftAlone), b.Count(Failed, Unverified)
	rest := len(b.rows) - done - left - failed
	text := fmt.Sprintf("%d upgraded + %d left alone + %d failed", done, left, failed)
	if rest > 0 {
		text += fmt.Sprintf(" + %d not begun", rest)
	}
	return fmt.Sprintf("%s = %d selected: each is accounted for once.", text, len(b.rows))
}

// section lists the instances in some states, those together of which the same is to be said.
func section(title string, b *Board, of []State, say func(Row) string) []string {
	members, said := map[string][]string{}, []string{}
	for _, r := range b.rows {
		if !slices.Contains(of, r.State) {
			continue
		}
		about := say(*r)
		if members[about] == nil {
			said = append(said, about)
		}
		members[about] = append(members[about], r.ID)
	}
	if len(said) == 0 {
		return nil
	}
	slices.SortStableFunc(said, func(a, b string) int { return len(members[b]) - len(members[a]) })
	lines := []string{fmt.Sprintf("%s: %d", title, b.Count(of...))}
	for _, about := range said {
		lines = append(lines, fmt.Sprintf("   %2d  %s", len(members[about]), about))
		lines = append(lines, paragraph("       ", members[about])...)
	}
	return append(lines, "")
}

// paragraph sets items behind a label, broken into lines. They are separated by a comma, or by what is given.
func paragraph(label string, items []string, separator ...string) (lines []string) {
	const width, bound = 110, "\u00a0"
	between := ", "
	if len(separator) > 0 {
		between = separator[0]
	}
	whole := make([]string, len(items))
	for n, item := range items { // an item is not broken
		whole[n] = strings.ReplaceAll(item, " ", bound)
	}
	indent := text.StringWidthWithoutEscSequences(label)
	for n, line := range strings.Split(text.WrapSoft(strings.Join(whole, between), width-indent), "\n") {
		if n > 0 {
			label = strings.Repeat(" ", indent)
		}
		lines = append(lines, label+strings.TrimRight(strings.ReplaceAll(line, bound, " "), " "))
	}
	return lines
}
