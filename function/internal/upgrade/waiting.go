package upgrade

import (
	"fmt"
	"time"
)

// wait gives an accepted upgrade time, or ends it.
func (s *sight) wait() {
	i, late := s.Instance, s.late()
	task, _ := i.task(s.taskID(i))
	ended := s.Left || task.Status == TaskSucceeded
	s.Task = ""
	switch {
	case s.taskEnds(task):
	case ended && i.running() && !s.Back && !late: // the version may be shown a little later than the status
		s.Back, s.stays = true, true
	case ended && i.running():
		s.end(Failed, fmt.Sprintf("it came back with %s, not with %s", i.CurrentKernelVersion, s.Target))
	case !late:
		s.stays, s.Task = true, task.pending()
	case s.blind():
		s.stays = true
	default:
		s.expire(task)
	}
}

// taskEnds ends an upgrade whose task has failed or was cancelled, and reports whether it has.
func (s *sight) taskEnds(task Task) bool {
	switch task.Status {
	case TaskFailed:
		s.end(Failed, "RDS's "+task.String())
	case TaskCanceled:
		s.end(Failed, "RDS's "+task.String()+": somebody has cancelled it")
	default:
		return false
	}
	return true
}

// blind reports whether the call's task is known and RDS could not be asked for it: then an upgrade that has had all its time gets as
// much again, so that one answer that was lost does not decide.
func (s *sight) blind() bool {
	return s.taskID(s.Instance) != "" && !s.Instance.TasksAsked && s.now.Before(s.Due.Add(2*time.Duration(s.verify.GiveUp)))
}

// expire ends what has had all its time.
func (s *sight) expire(task Task) {
	i, known := s.Instance, ""
	if task.ID != "" {
		known = "; RDS's " + task.String()
	}
	switch {
	case s.Left:
		s.end(Failed, fmt.Sprintf("it has not come back: DBInstanceStatus is %s%s", i.Status, known))
	case s.taskID(i) == "" && i.taskSince(s.At):
		s.end(Failed, fmt.Sprintf("it was called, and runs %s", i.CurrentKernelVersion))
	default:
		s.end(Unverified, fmt.Sprintf("%s after it was due it runs %s, and no restart was seen%s", s.verify.GiveUp, i.CurrentKernelVersion, known))
	}
}
