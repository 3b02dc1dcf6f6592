package state

import (
	"fmt"
	"strings"
)

// flaw is what is wrong with a document, and where. It grows its path on the way up.
type flaw struct {
	path, problem string
}

func flawed(format string, args ...any) *flaw { return &flaw{problem: fmt.Sprintf(format, args...)} }

// Error returns the path and the problem.
func (f *flaw) Error() string {
	if f.path == "" {
		return "the document " + f.problem
	}
	return f.path + " " + f.problem
}

// in puts a step in front of the path: a field's name, or a place in a list such as [3].
func (f *flaw) in(step string) *flaw {
	if f == nil {
		return nil
	}
	if f.path != "" && !strings.HasPrefix(f.path, "[") {
		step += "."
	}
	f.path = step + f.path
	return f
}

// at puts a place in a list in front of the path.
func (f *flaw) at(n int) *flaw { return f.in(fmt.Sprintf("[%d]", n)) }

// under puts a key of a map in front of the path.
func (f *flaw) under(key string) *flaw { return f.in(fmt.Sprintf("[%s]", quoted(key))) }

// quoted returns the beginning of a text, in quotes.
func quoted(text string) string {
	const most = 40
	if len(text) > most {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(text[:most], ""))
	}
	return fmt.Sprintf("%q", text)
}
