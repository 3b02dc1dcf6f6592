package show

import (
	"encoding/json"
	"fmt"
	"strings"

	"rds-kernel-upgrade/schema"
)

// Notification is what a subscriber reads in a message of the result topic, as far as it is told here.
type Notification struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	Data Data   `json:"data"`
}

// Data is what a notification says of its instance, or of all.
type Data struct {
	Entry
	Before    string         `json:"before"`
	After     string         `json:"after"`
	Observed  string         `json:"observedAt"`
	Rollout   string         `json:"rollout"`
	Joined    string         `json:"joined"` // the rollout that the answer to another message is about
	Event     string         `json:"event"`  // of a wave
	Looks     int            `json:"looks"`
	Counts    map[string]int `json:"counts"` // status → number, over all parts
	Part      int            `json:"part"`
	Parts     int            `json:"parts"`
	Instances []Entry        `json:"instances"`
	Problems  []string       `json:"problems"`
	Cause     struct {
		MessageID string `json:"messageId"`
	} `json:"cause"`
}

// Entry is one instance.
type Entry struct {
	DBInstanceID         string `json:"DBInstanceId"`
	CurrentKernelVersion string `json:"CurrentKernelVersion"`
	TargetMinorVersion   string `json:"TargetMinorVersion"`
	Status               string `json:"status"`
	Reason               string `json:"reason"`
	Detail               string `json:"detail"`
	Wave                 int    `json:"wave"`
	Error                struct {
		Message string `json:"message"`
	} `json:"error"`
}

// Read reads a notification, and refuses one that the published schema does not allow.
func Read(body string) (n Notification, err error) {
	if err := json.Unmarshal([]byte(body), &n); err != nil {
		return n, fmt.Errorf("notification: %w", err)
	}
	return n, schema.Check([]byte(body), n.Tag())
}

// Tag is the status, by which subscribers filter.
func (n Notification) Tag() string { return n.Type[strings.LastIndex(n.Type, ".")+1:] }

// Name is the tag, with the event of a wave. The report that answers a message which began nothing is an answer.
func (n Notification) Name() string {
	switch {
	case n.Data.Event != "":
		return n.Tag() + " " + n.Data.Event
	case n.Data.Joined != "" && n.Tag() == "report":
		return "answer"
	default:
		return n.Tag()
	}
}

// Last reports whether no part follows.
func (n Notification) Last() bool { return n.Data.Part == n.Data.Parts }

// why says what is told about the reason.
func (e Entry) why() string {
	for _, text := range []string{e.Detail, e.Error.Message, words(e.Reason)} {
		if text != "" {
			return text
		}
	}
	return "no reason is told"
}
