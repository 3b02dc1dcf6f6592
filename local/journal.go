package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"

	"rds-kernel-upgrade/local/tape"
	"rds-kernel-upgrade/schema"
)

// journal reads the log lines in what the function prints.
type journal struct{ tape.Tape }

// logLine is a line of the function's log, as far as it is told here.
type logLine struct {
	Message            string   `json:"msg"`
	DBInstanceID       string   `json:"DBInstanceId"`
	Target             string   `json:"target"`
	Step               string   `json:"step"`
	Skip               string   `json:"skip"`
	Detail             string   `json:"detail"`
	Problems           []string `json:"problems"`
	Status             string   `json:"status"`
	TaskID             string   `json:"TaskId"`
	TargetMinorVersion string   `json:"TargetMinorVersion"`
}

func (j *journal) lines() (lines []logLine) {
	scanner := bufio.NewScanner(strings.NewReader(j.String()))
	for scanner.Scan() {
		var l logLine
		if json.Unmarshal(scanner.Bytes(), &l) == nil {
			lines = append(lines, l)
		}
	}
	return lines
}

// decisions tells what the function decided.
func (j *journal) decisions() (told []string) {
	for _, l := range j.lines() {
		switch {
		case l.Message == "plan" && l.Step != "":
			told = append(told, fmt.Sprintf("upgrade %s to %s, %s", l.DBInstanceID, l.Target, l.Step))
		case l.Message == "plan" && l.Skip != "":
			told = append(told, fmt.Sprintf("leave %s: %s (%s)", l.DBInstanceID, l.Skip, l.Detail))
		case l.Message == "request" && len(l.Problems) > 0:
			told = append(told, "refuse it: "+strings.Join(l.Problems, "\n                    "))
		}
	}
	return told
}

// answer tells what the API answered to the upgrade call.
func (j *journal) answer() string {
	for _, l := range j.lines() {
		if l.Message == "outcome" && l.TaskID != "" {
			return fmt.Sprintf("TaskId=%s TargetMinorVersion=%s", l.TaskID, l.TargetMinorVersion)
		}
	}
	return ""
}

// message is a notification, as it was read back from the queue.
type message struct {
	ID, Type string
	Data     struct {
		DBInstanceID       string `json:"DBInstanceId"`
		TargetMinorVersion string `json:"TargetMinorVersion"`
		TaskID             string `json:"TaskId"`
		Reason             string `json:"reason"`
		Problems           []string
	}
}

func readMessage(body string) (m message, err error) {
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, err
	}
	return m, schema.Check([]byte(body), m.tag())
}

func (m message) tag() string { return m.Type[strings.LastIndex(m.Type, ".")+1:] }

// String tells it in a line.
func (m message) String() string {
	text := m.tag()
	for _, part := range []string{m.Data.DBInstanceID, m.Data.Reason, m.Data.TargetMinorVersion} {
		if part != "" {
			text += " " + part
		}
	}
	if m.Data.TaskID != "" {
		text += " TaskId=" + m.Data.TaskID
	}
	if n := len(m.Data.Problems); n > 0 {
		text += fmt.Sprintf(" with %d problems", n)
	}
	return text + " id=" + m.ID
}
