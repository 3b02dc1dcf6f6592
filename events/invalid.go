package events

import (
	"encoding/json"
	"fmt"
	"strings"
)

// These bound what one message can make a notification say: how many problems, and how many bytes of them as JSON writes them, where
// a letter may take six.
const (
	maxProblems    = 100
	maxProblemText = 24 << 10
)

// Invalid is the error of a message that can never succeed as it is. It lists all that is wrong.
type Invalid struct {
	Subject  string // what is invalid: "event" (the envelope of the message) or "request"
	Problems []Problem
}

// Problem is one thing that is wrong.
type Problem struct {
	Path    string // where, as a JSON path: $.UpgradeTime, or $ for the whole
	Message string // what was seen, and what is accepted
}

// Error lists all problems on one line.
func (i *Invalid) Error() string {
	texts := make([]string, len(i.Problems))
	for n, p := range i.Problems {
		texts[n] = p.String()
	}
	return i.Subject + ": " + strings.Join(texts, "; ")
}

// String leaves out the root of the path, which says nothing on its own.
func (p Problem) String() string {
	place := strings.TrimPrefix(strings.TrimPrefix(p.Path, "$"), ".")
	if place == "" {
		return p.Message
	}
	return place + ": " + p.Message
}

func invalid(subject string, problems ...Problem) *Invalid {
	n, size := 0, 0
	for n < min(len(problems), maxProblems) {
		text, _ := json.Marshal(problems[n].String()) // which cannot fail
		if size += len(text); size > maxProblemText {
			break
		}
		n++
	}
	if extra := len(problems) - n; extra > 0 {
		problems = append(problems[:n:n], Problem{"$", fmt.Sprintf("and %d more", extra)})
	}
	return &Invalid{Subject: subject, Problems: problems}
}

// Unrecognized is the error of an event that fits no envelope, or only one that carries no request.
type Unrecognized struct {
	Seen   string // what arrived, without its content
	Advice string // what is accepted, or what to do
}

// Error says both.
func (u *Unrecognized) Error() string { return "event: got " + u.Seen + ": " + u.Advice }

func unrecognized(seen string) *Unrecognized {
	var accepted []string
	for _, s := range shapes {
		if s.open != nil {
			accepted = append(accepted, s.name)
		}
	}
	return &Unrecognized{Seen: seen, Advice: "want " + either(accepted)}
}
