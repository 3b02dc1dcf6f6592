package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/pace"
)

// Task is an entry of RDS's task history (DescribeHistoryTasks).
type Task struct {
	ID     string
	Status TaskStatus
	Start  time.Time // zero if RDS shows none
	Reason string    // RDS's code for why it failed
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

// Open reports whether the task has not ended.
func (t Task) Open() bool {
	return !slices.Contains([]TaskStatus{TaskSucceeded, TaskFailed, TaskCanceled}, t.Status)
}

// String returns words for people: "task 226917711 is Scheduled, with StartTime 2026-12-01T18:00:00Z".
func (t Task) String() string {
	text := fmt.Sprintf("task %s is %s", t.ID, t.Status)
	if !t.Start.IsZero() {
		text += ", with StartTime " + t.Start.UTC().Format(time.RFC3339)
	}
	if t.Reason != "" {
		text += ": " + t.Reason
	}
	return text
}

// Pending returns words for people about a task that has not begun, and "" about any other one.
func (t Task) Pending() string {
	if t.Status != TaskScheduled && t.Status != TaskWaiting {
		return ""
	}
	return "RDS's " + t.String()
}

// Task returns the task with an id, if RDS has shown it.
func (i Instance) Task(id string) (Task, bool) {
	return first(i.Tasks, func(t Task) bool { return id != "" && t.ID == id })
}

// OpenTask returns a task of the instance that has not ended, if there is one.
func (i Instance) OpenTask() (Task, bool) {
	return first(i.Tasks, Task.Open)
}

// tasksOf is how many instances one call for tasks takes.
const tasksOf = 30

// tasks asks for the tasks that matter, of 30 instances with one call. Those that are known are not asked for again.
func (o Observer) tasks(ctx context.Context, fleet []Instance, s Scope) {
	if s.Tasks == nil {
		return
	}
	questions := map[string][]*Instance{} // by region and time
	for n := range fleet {
		i := &fleet[n]
		if i.Fault != nil || i.Listed {
			continue
		}
		since, matter := s.Tasks(*i)
		switch {
		case !matter:
		case i.TasksAsked && !i.TasksSince.After(since):
			early := func(t Task) bool { return !t.Start.IsZero() && t.Start.Before(since) }
			i.Tasks, i.TasksSince = slices.DeleteFunc(slices.Clone(i.Tasks), early), since
		default:
			i.TasksSince = since
			question := fmt.Sprint(i.RegionID, since)
			questions[question] = append(questions[question], i)
		}
	}
	o.ask(ctx, questions, tasksOf, o.askForTasks)
}

// askForTasks asks for the tasks of instances of one region since the time that they all have. A call that fails is no fault of the instances:
// TasksAsked stays false.
func (o Observer) askForTasks(ctx context.Context, some []*Instance) {
	tasks, err := pace.RetryFew(ctx, func() (map[string][]Task, error) {
		return o.Reader.Tasks(ctx, some[0].RegionID, ids(some), some[0].TasksSince, o.Now)
	})
	for _, i := range some {
		i.Tasks, i.TasksAsked = tasks[i.ID], err == nil
	}
}
