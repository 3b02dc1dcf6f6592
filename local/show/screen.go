package show

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Call is one call of UpgradeDBInstanceKernelVersion.
type Call struct {
	DBInstanceID, UpgradeTime, TargetMinorVersion string
	Signer                                        string
	Status                                        int
	Code                                          string // of a refusal
}

// Screen draws the board on a terminal, again and again in the same place.
type Screen struct {
	Out   io.Writer
	Board *Board
	Size  func() (width, height int)
	Color bool

	frame string // what stands there
	began time.Time
}

// Say prints something above the table, to stay.
func (s *Screen) Say(text string) {
	s.erase()
	_, _ = fmt.Fprintln(s.Out, text)
}

// Call shows a call.
func (s *Screen) Call(at time.Time, _ Call) { s.Refresh(at) }

// Notification shows a notification. What is about no single instance is told above the table, and so is what went wrong.
func (s *Screen) Notification(at time.Time, n Notification) {
	if state := states[n.Tag()]; state == Failed || state == Unverified {
		s.Say(fmt.Sprintf("   %s %s: %s", n.Tag(), n.Data.DBInstanceID, n.Data.why()))
	}
	for _, line := range summary(n) {
		s.Say("   " + line)
	}
	s.Refresh(at)
}

// Refresh draws what has changed.
func (s *Screen) Refresh(at time.Time) {
	if s.began.IsZero() {
		s.began = at
	}
	width, height := s.Size()
	const below = 3 // the empty line, what is happening now, and the cursor's
	status := fmt.Sprintf("%s %s · %d s", s.Board.Now(), s.Board.Tally(), int(at.Sub(s.began).Seconds()))
	s.draw(s.Board.Table(Frame{width, max(height-below, 1), s.Color}) + "\n\n" + clip(status, width) + "\n")
}

// End draws the whole table a last time, and leaves it there.
func (s *Screen) End() {
	width, _ := s.Size()
	s.draw(s.Board.Table(Frame{Width: width, Color: s.Color}) + "\n")
	s.frame = ""
}

func (s *Screen) draw(frame string) {
	if frame == s.frame {
		return
	}
	s.erase()
	_, _ = io.WriteString(s.Out, frame)
	s.frame = frame
}

// erase takes the last frame away: up to its first line, and clear from there (ECMA-48: CPL and ED).
func (s *Screen) erase() {
	if lines := strings.Count(s.frame, "\n"); lines > 0 {
		_, _ = fmt.Fprintf(s.Out, "\x1b[%dF\x1b[J", lines)
	}
	s.frame = ""
}

// clip keeps a line from being broken by the terminal, which would put the next frame in the wrong place.
func clip(line string, width int) string {
	if runes := []rune(line); width > 0 && len(runes) > width {
		return string(runes[:width])
	}
	return line
}
