package rig

import (
	"os"
	"strings"
	"testing"
)

// Table reads the first table of a Markdown file whose header begins with the given cell. Backquotes are left out of the cells.
func Table(tb testing.TB, file, header string) (rows [][]string) {
	tb.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // the test names the file
	if err != nil {
		tb.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for n := range lines[:len(lines)-1] {
		if cells := cellsOf(lines[n]); len(cells) == 0 || cells[0] != header || !strings.HasPrefix(lines[n+1], "|---") {
			continue
		}
		for _, line := range lines[n+2:] {
			cells := cellsOf(line)
			if len(cells) == 0 {
				break
			}
			rows = append(rows, cells)
		}
		break
	}
	if len(rows) == 0 {
		tb.Fatalf("%s: no table that begins with %q", file, header)
	}
	return rows
}

func cellsOf(line string) (cells []string) {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
		cells = append(cells, strings.ReplaceAll(strings.TrimSpace(cell), "`", ""))
	}
	return cells
}
