package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// The bars of a fleet. Those of speed hold from a size on: ten instances are a chain of calls, each of which needs the answer to the
// one before.
const (
	minFaster = 8
	maxSlower = 1.15
	maxPeak   = 64_000_000

	maxDocument = 300_000 // bytes, of maxMembers members
	maxMembers  = 10_000
	bigEnough   = 1000
)

// setting is a limit, and the ratio that tells how near a run comes to it.
type setting struct {
	title, ratio string
	rate, bar    float64
	atLeast      bool // the bar is the least, not the most
	of           func(result) float64
}

// holds tells whether the ratio is good enough; small fleets have none to keep.
func (s setting) holds(r result) bool {
	ratio := s.of(r)
	return r.size < bigEnough || s.atLeast && ratio >= s.bar || !s.atLeast && ratio <= s.bar
}

// missed tells the bars that were not kept.
func (s setting) missed(results []result) (all []error) {
	for _, r := range results {
		what := fmt.Sprintf("%s, %d instances", strings.ToLower(s.title[:1])+s.title[1:], r.size)
		if !s.holds(r) {
			all = append(all, fmt.Errorf("%s: %.2f %s; the bar is %v", what, s.of(r), s.ratio, s.bar))
		}
		if r.sum() > r.bound() {
			all = append(all, fmt.Errorf("%s: %d calls to RDS; the bound is %d", what, r.sum(), r.bound()))
		}
		all = append(all, r.missed(what)...)
	}
	return all
}

// missed tells the bars that do not depend on the limit.
func (r result) missed(what string) (all []error) {
	miss := func(format string, args ...any) { all = append(all, fmt.Errorf(what+": "+format, args...)) }
	if r.writes > r.maxWrites() {
		miss("%d writes of the document; the bar is %d", r.writes, r.maxWrites())
	}
	if r.bytes > maxDocument {
		miss("a document of %s KB; the bar is %d", kilobytes(r.bytes), maxDocument/1000)
	}
	if r.peak > maxPeak {
		miss("a peak of %s MB; the bar is %d", megabytes(r.peak), maxPeak/1_000_000)
	}
	return all
}

// bound is the most calls to RDS that a run may make.
func (r result) bound() int {
	return up(r.size, 100) + r.size + up(r.size, 50) + r.upgraded + r.kinds
}

// maxWrites is how often the document may be written: a few times for each wave, and once for fifty calls.
func (r result) maxWrites() int { return 6*r.waves + up(r.upgraded, 50) }

// up divides, and rounds up.
func up(n, by int) int { return (n + by - 1) / by }

// columns are the calls to RDS that have one of their own; what else there is stands under "other".
var columns = []struct{ name, action string }{
	{"pages", "DescribeDBInstances"},
	{"tags", "ListTagResources"},
	{"reads", "DescribeDBInstanceAttribute"},
	{"versions", "DescribeDBMiniEngineVersions"},
	{"tasks", "DescribeHistoryTasks"},
	{"upgrades W", upgradeCall},
}

// page prints what was measured.
type page struct {
	console
	markdown bool
}

func (p *page) open(machine string, latency time.Duration) {
	p.say("%s\nEvery call to RDS, MNS and OSS takes %s and what the local cloud needs for it. The function has %d MB and %.0f s, as in s.yaml.\n",
		machine, latency, deployedMemory, deployedTimeout.Seconds())
}

// heading begins a part.
func (p *page) heading(title string) {
	if p.markdown {
		title = "### " + title + "\n"
	}
	p.say("\n%s\n", title)
}

func (p *page) results(s setting, all []result) {
	p.heading(s.title)
	relation := "≤"
	if s.atLeast {
		relation = "≥"
	}
	t := newTable()
	header := table.Row{"instances N"}
	for _, c := range columns {
		header = append(header, c.name)
	}
	t.AppendHeader(append(header, "other", "to RDS", "bound", "to MNS", "told", "to OSS", "writes", "KB", "wall s", fmt.Sprintf("ratio %s %v", relation, s.bar), "peak MB"))
	for _, r := range all {
		t.AppendRow(append(r.counts(), r.told, r.oss, r.writes, kilobytes(r.bytes), seconds(r.wall), s.ratioOf(r), megabytes(r.peak)))
	}
	p.render(t)
	p.say("%s\n", strings.TrimSpace("ratio: "+s.ratio+". "+growth(all)))
}

// counts gives the cells of a run's calls.
func (r result) counts() table.Row {
	row, other := table.Row{r.size}, r.sum()
	for _, c := range columns {
		row = append(row, r.calls[c.action])
		other -= r.calls[c.action]
	}
	return append(row, other, r.sum(), r.bound(), r.mns)
}

// ratioOf tells the ratio, and whether it keeps its bar.
func (s setting) ratioOf(r result) string {
	word := "kept"
	switch {
	case r.size < bigEnough:
		word = "-"
	case !s.holds(r):
		word = "missed"
	}
	return fmt.Sprintf("%.2f %s", s.of(r), word)
}

// growth tells how wall time and memory have grown with the fleet, from the last size but one to the last.
func growth(all []result) string {
	if len(all) < 2 {
		return ""
	}
	a, b := all[len(all)-2], all[len(all)-1]
	return fmt.Sprintf("From %d to %d instances (%.1f ×) wall time grows %.1f × and peak memory %.1f ×.",
		a.size, b.size, float64(b.size)/float64(a.size), b.wall.Seconds()/a.wall.Seconds(), float64(b.peak)/float64(a.peak))
}

// legend tells what the columns are.
func (p *page) legend() {
	var names []string
	for _, c := range columns {
		names = append(names, strings.TrimSuffix(c.name, " W")+" "+c.action)
	}
	p.say("\nThe columns: %s; told: notifications; writes: of the document; KB: of the document in OSS.\n"+
		"bound: ⌈N/100⌉ + N + ⌈N/50⌉ + W + kinds of instances calls to RDS. Writes: at most 6 a wave, and one for 50 calls. Document: at most %d KB for %d instances.\n"+
		"Peak memory: at most %d MB. The ratios are bars from %d instances on.\n",
		strings.Join(names, ", "), maxDocument/1000, maxMembers, maxPeak/1_000_000, bigEnough)
}

func (p *page) rollout(r result) {
	p.heading(fmt.Sprintf("A whole rollout over %d instances: waves, proofs and the report", r.size))
	t := newTable()
	t.AppendHeader(table.Row{"call", "times"})
	for _, action := range slices.Sorted(maps.Keys(r.calls)) {
		t.AppendRow(table.Row{action, r.calls[action]})
	}
	t.AppendSeparator()
	t.AppendRow(table.Row{"to RDS", r.sum()})
	t.AppendRow(table.Row{"to MNS", r.mns})
	t.AppendRow(table.Row{"to OSS", r.oss})
	p.render(t)
	p.say("%d instances were upgraded and proven in %d waves and %s s; %d notifications; %d writes of the document, of which %d are allowed, and it has %s KB.\n",
		r.upgraded, r.waves, seconds(r.wall), r.told, r.writes, r.maxWrites(), kilobytes(r.bytes))
}

func newTable() table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options, style.Format.Header = table.Options{SeparateHeader: true}, text.FormatDefault
	style.Box.PaddingLeft, style.Box.PaddingRight = "", "  "
	t.SetStyle(style)
	var right []table.ColumnConfig
	for n := range len(columns) + 12 {
		right = append(right, table.ColumnConfig{Number: n + 2, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	t.SuppressTrailingSpaces()
	return t
}

func (p *page) render(t table.Writer) {
	if p.markdown {
		p.say("%s\n\n", t.RenderMarkdown())
		return
	}
	p.say("%s\n", t.Render())
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) }

func kilobytes(bytes int) string { return strconv.FormatFloat(float64(bytes)/1e3, 'f', 1, 64) }

func megabytes(bytes int64) string { return strconv.FormatFloat(float64(bytes)/1e6, 'f', 1, 64) }
