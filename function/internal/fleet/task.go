package fleet

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/parallel"
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
	n := slices.IndexFunc(i.Tasks, func(t Task) bool { return id != "" && t.ID == id })
	if n < 0 {
		return Task{}, false
	}
	return i.Tasks[n], true
}

// TaskSince reports whether a task of the instance has begun since a time. Which tasks are upgrades is not documented, so any counts:
// waiting in vain is better than calling twice.
func (i Instance) TaskSince(since time.Time) bool {
	since = since.Truncate(time.Second) // RDS has whole seconds only
	return slices.ContainsFunc(i.Tasks, func(t Task) bool { return t.Start.IsZero() || !t.Start.Before(since) })
}

// OpenTask returns a task of the instance that has not ended, if there is one.
func (i Instance) OpenTask() (Task, bool) {
	n := slices.IndexFunc(i.Tasks, Task.Open)
	if n < 0 {
		return Task{}, false
	}
	return i.Tasks[n], true
}

// tasksOf is how many instances one call for tasks takes.
const tasksOf = 30

// question is what one call for tasks asks, besides for which instances.
type question struct {
	region string
	since  time.Time
}

// tasks asks for the tasks that matter, of 30 instances with one call. Those that are known are not asked for again.
func (o Observer) tasks(ctx context.Context, fleet []Instance, s Scope) {
	if s.Tasks == nil {
		return
	}
	questions := map[question]chunk{}
	for n := range fleet {
		i := &fleet[n]
		if i.Fault != nil || i.Listed {
			continue
		}
		since, matter := s.Tasks(*i)
		switch {
		case !matter:
		case i.TasksAsked && !i.TasksSince.After(since):
			i.Tasks, i.TasksSince = i.tasksFrom(since), since
		default:
			q := question{i.RegionID, since}
			questions[q] = append(questions[q], i)
		}
	}
	var chunks []chunk
	var since []time.Time // of each chunk
	for q, all := range questions {
		for some := range slices.Chunk(all, tasksOf) {
			chunks, since = append(chunks, some), append(since, q.since)
		}
	}
	parallel.Do(o.Workers, len(chunks), func(n int) { o.askForTasks(ctx, chunks[n], since[n]) })
}

// tasksFrom returns the tasks that began at a time or later, or have not begun.
func (i Instance) tasksFrom(since time.Time) (tasks []Task) {
	for _, t := range i.Tasks {
		if t.Start.IsZero() || !t.Start.Before(since) {
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// askForTasks asks for the tasks of instances of one region since a time. A call that fails is no fault of the instances: TasksAsked stays
// false.
func (o Observer) askForTasks(ctx context.Context, some chunk, since time.Time) {
	var tasks map[string][]Task
	err := pace.RetryFew(ctx, func() (err error) {
		tasks, err = o.Reader.Tasks(ctx, some[0].RegionID, some.ids(), since, o.Now)
		return err
	})
	for _, i := range some {
		i.Tasks, i.TasksAsked, i.TasksSince = tasks[i.ID], err == nil, since
	}
}
