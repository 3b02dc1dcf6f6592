package state

import (
	"time"

	"rds-kernel-upgrade/events"
)

// Version is the version of the format that this package writes, and the newest one that it reads.
const Version = 1

// Document is the state of all rollouts of one function. Its lists are in the order in which they are written: see Sort.
type Document struct {
	// Version is the version of the format.
	Version int `json:"version"`
	// Number counts the documents: each one is written once, and follows the one before it.
	Number int64 `json:"number"`
	// Nonce is random and made for one Save. It says whose write stands under a number when the answer to it was lost.
	Nonce string `json:"nonce"`
	// Written is the time of the decision that the document holds. The caller of Save sets it.
	Written time.Time `json:"written"`
	// By is the request id of the invocation that wrote the document, in Function Compute.
	By string `json:"by"`

	// Rollouts are those that wait, are under way, or ended a short time ago.
	Rollouts []*Rollout `json:"rollouts,omitempty"`
	// Last has, by key of a rollout, its latest halt, stop or close. A request that was published before does not begin it again.
	Last map[string]Last `json:"last,omitempty"`
	// Instances has what outlives a rollout, of the few instances of which there is anything.
	Instances []*Instance `json:"instances,omitempty"`
	// Tasks are upgrades that RDS has scheduled by itself, as they were seen.
	Tasks []*Task `json:"tasks,omitempty"`
	// Messages are the requests of the last days, each with what is published about it.
	Messages []*Message `json:"messages,omitempty"`
}

// Ending says how a rollout came to an end.
type Ending string

// The ends of a rollout.
const (
	EndedHalted  Ending = "halted"
	EndedStopped Ending = "stopped" // an operator's request did it, perhaps before any rollout of that key had begun
	EndedClosed  Ending = "closed"
)

// Last is the latest end of the rollouts of one key.
type Last struct {
	// At is when it ended, and after that was published, when it was published.
	At time.Time `json:"at"`
	// Ended says how.
	Ended Ending `json:"ended"`
	// Rollout is the rollout that ended; empty when a stop found none.
	Rollout string `json:"rollout,omitempty"`
}

// Instance is what is remembered of one instance independently of a rollout.
type Instance struct {
	DBInstanceID string `json:"DBInstanceId"`
	RegionID     string `json:"RegionId"`
	// Fail is its latest failure; nil if it never failed, or has been upgraded since then.
	Fail *Fail `json:"fail,omitempty"`
	// Landed is when it was seen to run the target of a failure after all. A bake begins with it.
	Landed time.Time `json:"landed,omitzero"`
}

// Fail is the memory of a failure. No timer and no older request asks the instance again.
type Fail struct {
	// At is when it failed, and after that was published, when it was published.
	At time.Time `json:"at"`
	// Target is the kernel version that it did not reach.
	Target string `json:"target"`
	// Rollout is the rollout in which it failed.
	Rollout string `json:"rollout"`
}

// Task is an upgrade that RDS has scheduled by itself. The fields in PascalCase are those of DescribeActiveOperationTasks.
type Task struct {
	ID           string    `json:"Id"`
	DBInstanceID string    `json:"DBInstanceId"`
	RegionID     string    `json:"RegionId"`
	StartTime    time.Time `json:"StartTime,omitzero"`
	SwitchTime   time.Time `json:"SwitchTime,omitzero"`
	Deadline     time.Time `json:"Deadline,omitzero"`
	// Seen is when it was last seen.
	Seen time.Time `json:"seen"`
	// Told is when it was published as it stands here.
	Told time.Time `json:"told,omitzero"`
}

// Answer says what a request has come to.
type Answer string

// The answers to requests.
const (
	AnswerBegan   Answer = "began"   // it began the rollout, whose report is what is published
	AnswerJoined  Answer = "joined"  // the rollout had begun, or has ended: nothing new
	AnswerRefused Answer = "refused" // it is not served
	AnswerStopped Answer = "stopped" // it is a stop; it is answered when no intent of the key is left
	AnswerGiven   Answer = "given"   // it asked a question, which was answered at once
)

// Message is one request, so that a repeated delivery changes nothing, and so that exactly one answer to it is published.
type Message struct {
	// ID names the message: the same for each delivery of it.
	ID string `json:"id"`
	// Received is when its first delivery was read.
	Received time.Time `json:"received"`
	// Published is when it was sent; zero if the envelope does not say.
	Published time.Time `json:"published,omitzero"`
	// Cause is the delivery that was read first.
	Cause Cause `json:"cause"`
	// Answer says what it has come to.
	Answer Answer `json:"answer"`
	// Rollout is the rollout that the answer is about.
	Rollout string `json:"rollout,omitempty"`
	// Key is what a stop has stopped, as in Last.
	Key string `json:"key,omitempty"`
	// Detail explains the answer to people.
	Detail string `json:"detail,omitempty"`
	// Told is when the answer was published; of one that began a rollout, when the report was.
	Told time.Time `json:"told,omitzero"`
}

// Cause is one delivery of a message, as notifications repeat it.
type Cause struct {
	Trigger     events.Trigger `json:"trigger"`
	MessageID   string         `json:"messageId,omitempty"`
	FCRequestID string         `json:"fcRequestId"`
	RetryCount  int            `json:"retryCount"`
}
