package upgrade

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Task is an entry of RDS's task history (DescribeHistoryTasks).
type Task struct {
	ID     string
	Status TaskStatus
	Start  time.Time // zero if RDS gives none
	Reason string    // RDS's, why it failed
}

// TaskStatus is the state of a task, in RDS's words.
type TaskStatus string

// The states of a task.
const (
	TaskScheduled  TaskStatus = "Scheduled"
	TaskWaiting    TaskStatus = "Waiting"
	TaskRunning    TaskStatus = "Running"
	TaskSucceeded  TaskStatus = "Succeed"
	TaskFailed     TaskStatus = "Failed"
	TaskCancelling TaskStatus = "Cancelling"
	TaskCanceled   TaskStatus = "Canceled"
)

// open reports whether the task has not ended.
func (t Task) open() bool {
	return !slices.Contains([]TaskStatus{TaskSucceeded, TaskFailed, TaskCanceled}, t.Status)
}

// String describes the task for people: "task 226917711 is Scheduled, with StartTime 2026-12-01T18:00:00Z".
func (t Task) String() string {
	text := fmt.Sprintf("task %s is %s", t.ID, t.Status)
	if !t.Start.IsZero() {
		text += ", with StartTime " + stamp(t.Start)
	}
	if t.Reason != "" {
		text += ": " + t.Reason
	}
	return text
}

// task returns the task with an id, if RDS knows it.
func (i Instance) task(id string) (Task, bool) {
	n := slices.IndexFunc(i.Tasks, func(t Task) bool { return id != "" && strings.EqualFold(t.ID, id) }) // a claim folds case
	if n < 0 {
		return Task{}, false
	}
	return i.Tasks[n], true
}

// taskSince reports whether a task of the instance has begun since a time. Which tasks are upgrades is not documented, so any counts:
// waiting in vain is better than calling twice.
func (i Instance) taskSince(since time.Time) bool {
	since = since.Truncate(time.Second) // RDS has whole seconds only
	return slices.ContainsFunc(i.Tasks, func(t Task) bool { return t.Start.IsZero() || !t.Start.Before(since) })
}

// openTask returns a task that has not ended.
func (i Instance) openTask() (Task, bool) {
	n := slices.IndexFunc(i.Tasks, Task.open)
	if n < 0 {
		return Task{}, false
	}
	return i.Tasks[n], true
}

// pending describes a task that has not begun, "" of any other.
func (t Task) pending() string {
	if t.Status != TaskScheduled && t.Status != TaskWaiting {
		return ""
	}
	return "RDS's " + t.String()
}
