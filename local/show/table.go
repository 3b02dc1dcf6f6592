package show

import (
	"fmt"
	"slices"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Frame is the room that a table has. A Width or Height of 0 has no limit.
type Frame struct {
	Width, Height int
	Color         bool
}

// The widths from which on a table shows whole versions, the descriptions, and the engines.
const (
	wide   = 150
	medium = 116
	narrow = 92
)

// foldable are the rows that a low screen does without, the first ones first.
var foldable = []State{LeftAlone, Upgraded, Waiting, NotStarted, Planned}

// Table draws the fleet, region by region. What does not fit is told as a number, and what is moving is shown always.
func (b *Board) Table(f Frame) string {
	t := table.NewWriter()
	t.SetStyle(style(f))
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "kernel version → target", WidthMin: 22}, {Name: "status", WidthMin: 22}, {Name: "wave", Align: text.AlignRight}})
	t.SuppressTrailingSpaces()
	t.AppendHeader(f.cells("instance", "description", "engine", "kernel version → target", "wave", "status"))
	hidden := b.folded(f.Height)
	for n, region := range b.regions() {
		if n > 0 {
			t.AppendSeparator()
		}
		rows, left := b.visible(region, hidden)
		t.AppendRow(f.heading(region, len(rows), left))
		for _, r := range rows {
			t.AppendRow(f.row(r))
		}
	}
	return t.Render()
}

func style(f Frame) table.Style {
	s := table.StyleLight
	s.Options = table.Options{SeparateHeader: true}
	s.Format.Header = text.FormatDefault
	s.Size.WidthMax = f.Width
	s.Box.PaddingLeft, s.Box.PaddingRight = "", "  "
	return s
}

// cells leaves out what has no room.
func (f Frame) cells(id, description, engine, version, wave, status string) table.Row {
	switch {
	case f.Width > 0 && f.Width < narrow:
		return table.Row{id, version, wave, status}
	case f.Width > 0 && f.Width < medium:
		return table.Row{id, engine, version, wave, status}
	}
	return table.Row{id, description, engine, version, wave, status}
}

func (f Frame) row(r Row) table.Row {
	version := short
	if f.Width == 0 || f.Width >= wide {
		version = step
	}
	return f.cells(r.ID, r.Description, r.Engine, version(r.versions()), r.wave(), f.paint(r.State, r.Status()))
}

func (f Frame) heading(region string, shown, hidden int) table.Row {
	row := f.cells(region, "", "", "", "", "")
	row[1] = fmt.Sprintf("%d instances", shown+hidden)
	if hidden > 0 {
		row[1] = fmt.Sprintf("%d, %d not shown", shown+hidden, hidden)
	}
	return row
}

// paints are the colours of a terminal, by the numbers of ECMA-48 (SGR).
var paints = map[State]int{Called: 33, Upgrading: 33, Upgraded: 32, Failed: 31, Unverified: 31, LeftAlone: 90}

func (f Frame) paint(s State, word string) string {
	if number := paints[s]; f.Color && number != 0 {
		return fmt.Sprintf("\x1b[%dm%s\x1b[0m", number, word)
	}
	return word
}

func (b *Board) regions() (names []string) {
	for _, r := range b.rows {
		if !slices.Contains(names, r.Region) {
			names = append(names, r.Region)
		}
	}
	return names
}

// folded gives the states whose rows are left out, so that the table has no more lines than there is room for.
func (b *Board) folded(height int) []State {
	regions := len(b.regions())
	lines := 2 + regions + (regions - 1) + len(b.rows) // two for the header, a heading each, and a line between them
	n := 0
	for ; height > 0 && lines > height && n < len(foldable); n++ {
		lines -= b.Count(foldable[n])
	}
	return foldable[:n]
}

// visible gives the rows of a region that are shown, and how many are not.
func (b *Board) visible(region string, hidden []State) (rows []Row, left int) {
	for _, r := range b.rows {
		switch {
		case r.Region != region:
		case slices.Contains(hidden, r.State):
			left++
		default:
			rows = append(rows, *r)
		}
	}
	return rows, left
}
