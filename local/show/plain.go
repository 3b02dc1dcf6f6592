package show

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Plain prints lines: one for each call and each notification, wave by wave, for a file or a build's log.
type Plain struct {
	Out io.Writer

	began time.Time
	wave  string
	calls map[string]string // the lines of calls whose wave is not known yet, by instance
}

// Say prints something.
func (p *Plain) Say(text string) {
	p.flush()
	p.wave = ""
	p.say("%s\n", text)
}

// Call keeps a call until a notification tells its wave.
func (p *Plain) Call(at time.Time, c Call) {
	if p.calls == nil {
		p.calls = map[string]string{}
	}
	text := fmt.Sprintf("UpgradeTime=%s TargetMinorVersion=%s (%s) → %d %s", c.UpgradeTime, c.TargetMinorVersion, c.Signer, c.Status, c.Code)
	p.calls[c.DBInstanceID] += p.line(at, "RDS call", c.DBInstanceID, strings.TrimSpace(text))
}

// Notification prints a notification.
func (p *Plain) Notification(at time.Time, n Notification) {
	id := n.Data.DBInstanceID
	switch {
	case n.Name() == "wave began": // the calls are in the log before it
		p.wave = ofWave(n)
		p.say("   %s\n", sentence(n.Data.Detail))
		return
	case n.Tag() == "wave":
		p.say("   %s\n", sentence(n.Data.Detail))
		return
	case id == "":
		p.flush()
		p.wave = ""
		for _, line := range summary(n) {
			p.say("   %s\n", line)
		}
		return
	}
	if wave := ofWave(n); wave != p.wave {
		p.wave = wave
		p.say("   Wave %d\n", n.Data.Wave)
	}
	p.say("%s%s", p.calls[id], p.line(at, n.Tag(), id, tell(n)))
	delete(p.calls, id)
}

// ofWave names the wave of a rollout.
func ofWave(n Notification) string { return fmt.Sprintf("%s %d", n.Data.Rollout, n.Data.Wave) }

// sentence begins with a capital.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// Refresh does nothing: what has changed was printed.
func (*Plain) Refresh(time.Time) {}

// End prints what is left.
func (p *Plain) End() { p.flush() }

// flush prints the calls that no notification has followed.
func (p *Plain) flush() {
	for _, id := range slices.Sorted(maps.Keys(p.calls)) {
		p.say("%s", p.calls[id])
	}
	clear(p.calls)
}

func (p *Plain) line(at time.Time, what, id, text string) string {
	if p.began.IsZero() {
		p.began = at
	}
	return fmt.Sprintf("   %5.1fs  %-10s  %-18s  %s\n", at.Sub(p.began).Seconds(), what, id, text)
}

func (p *Plain) say(format string, args ...any) { _, _ = fmt.Fprintf(p.Out, format, args...) }

// tell says what a notification says of its instance.
func tell(n Notification) string {
	d := n.Data
	switch states[n.Tag()] {
	case Upgrading:
		return step(d.CurrentKernelVersion, d.TargetMinorVersion)
	case Upgraded:
		text := step(d.Before, d.After)
		if d.Looks > 0 {
			text += fmt.Sprintf(", proven at look %d", d.Looks)
		}
		return text
	default:
		return d.why()
	}
}

// summary says what a notification says that is about no single instance, line by line.
func summary(n Notification) (lines []string) {
	if n.Data.DBInstanceID != "" {
		return nil
	}
	if n.Tag() == "wave" {
		return []string{sentence(n.Data.Detail)}
	}
	text := n.Name()
	if n.Data.Parts > 1 {
		text += fmt.Sprintf(", part %d of %d", n.Data.Part, n.Data.Parts)
	}
	if counts := sum(n.Data.Counts); counts != "" {
		text += ": " + counts
	}
	lines = append(lines, text)
	if n.Data.Detail != "" {
		lines = append(lines, "  "+n.Data.Detail)
	}
	lines = append(lines, waves(n)...)
	for _, problem := range n.Data.Problems {
		lines = append(lines, "  "+problem)
	}
	return lines
}

// waves says what a plan is going to do, wave by wave.
func waves(n Notification) (lines []string) {
	if n.Tag() != "plan" {
		return nil
	}
	members := map[int][]string{}
	for _, e := range n.Data.Instances {
		if e.Status == "plan" {
			members[e.Wave] = append(members[e.Wave], e.DBInstanceID)
		}
	}
	for _, wave := range slices.Sorted(maps.Keys(members)) {
		lines = append(lines, paragraph(fmt.Sprintf("  wave %d: %2d  ", wave, len(members[wave])), members[wave])...)
	}
	return lines
}
