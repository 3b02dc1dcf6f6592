package fakerds

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rds-kernel-upgrade/local/acs3"
)

const (
	historyKept = 30 * 24 * time.Hour
	maxIDs      = 30
	taskType    = "rds_apsaradb_upgrade"
)

// describeTasks is DescribeHistoryTasks: every upgrade that was accepted, scheduled ones too.
func (s *Server) describeTasks(q query) (document, *acs3.Refusal) {
	page := numberedPage(q, q.number("PageSize", 10))
	filter, refusal := taskFilter(q)
	if refusal != nil {
		return nil, refusal
	}
	found := s.tasks(q, filter)
	items := []document{}
	for _, t := range found[page.from(len(found)):page.to(len(found))] {
		items = append(items, s.taskDocument(t.record, t.job, q.now))
	}
	return document{
		{"PageNumber", page.number()},
		{"PageSize", page.size},
		{"TotalCount", len(found)},
		{"Items", items},
	}, nil
}

// task is an upgrade and its instance.
type task struct {
	record *record
	job    *job
}

// tasks gives all that fit, those of an instance beside each other.
func (s *Server) tasks(q query, filter tasks) (found []task) {
	region, group := q.get("RegionId"), q.get("ResourceGroupId")
	for _, r := range s.fleet.named(filter.instances) {
		if !r.in(region) || group != "" && group != r.ResourceGroupID {
			continue
		}
		s.settle(r, q.now)
		for _, j := range r.jobs {
			if filter.fits(j) && allows(filter.ids, s.historyID(j)) && allows(filter.statuses, s.status(j)) {
				found = append(found, task{r, j})
			}
		}
	}
	return found
}

// tasks is what DescribeHistoryTasks is asked for. An empty list stands for everything.
type tasks struct {
	from, to                        time.Time
	instances, ids, types, statuses []string
}

func taskFilter(q query) (tasks, *acs3.Refusal) {
	from, err1 := time.Parse(acs3.TimeFormat, q.get("FromStartTime"))
	to, err2 := time.Parse(acs3.TimeFormat, q.get("ToStartTime"))
	switch kind := q.get("InstanceType"); {
	case err1 != nil:
		return tasks{}, q.invalid("FromStartTime")
	case err2 != nil:
		return tasks{}, q.invalid("ToStartTime")
	case to.Before(from):
		return tasks{}, q.refuse("Param.Invalid.TimeEndBeforeStart")
	case kind != "" && kind != "Instance":
		return tasks{}, q.invalid("InstanceType")
	}
	if kept := q.now.Add(-historyKept); from.Before(kept) {
		from = kept // documented: taken for exactly 30 days ago, not refused
	}
	filter := tasks{from: from, to: to}
	for _, list := range []struct {
		parameter string
		into      *[]string
	}{
		{"InstanceId", &filter.instances},
		{"TaskId", &filter.ids},
		{"TaskType", &filter.types},
		{"Status", &filter.statuses},
	} {
		if text := q.get(list.parameter); text != "" {
			*list.into = strings.Split(text, ",")
		}
		if len(*list.into) > maxIDs {
			return tasks{}, q.invalid(list.parameter)
		}
	}
	return filter, nil
}

func (t tasks) fits(j *job) bool {
	return !j.accepted.Before(t.from) && !j.accepted.After(t.to) && allows(t.types, taskType)
}

func allows(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }

// historyID is the TaskId of the upgrade's answer. Whether the service's history has the same is not documented, so that the options
// have the other form.
func (s *Server) historyID(j *job) string {
	if s.options.OtherTaskIDs {
		return fmt.Sprintf("t-local%d", j.id)
	}
	return strconv.Itoa(j.id)
}

// status is the job's in the words of DescribeHistoryTasks.
func (s *Server) status(j *job) string {
	switch {
	case j.canceled:
		return "Canceled"
	case !j.begun:
		return s.options.ScheduledStatus
	case !j.done:
		return running
	case j.upgrade.Fails:
		return "Failed"
	default:
		return "Succeed"
	}
}

func (s *Server) taskDocument(r *record, j *job, now time.Time) document {
	ended, step, reason, status := "", "exec_task", "", s.status(j)
	if j.done {
		ended = j.end.UTC().Format(acs3.TimeFormat)
	}
	if !j.begun {
		step = "wait_switch_time"
	}
	if status == "Failed" {
		reason = j.upgrade.Reason
	}
	return document{
		{"TaskId", s.historyID(j)},
		{"InstanceId", r.DBInstanceID},
		{"InstanceName", r.DBInstanceDescription},
		{"InstanceType", "Instance"},
		{"TaskType", taskType},
		{"Status", status},
		{"Progress", j.progress(now)},
		{"CurrentStepName", step},
		{"RemainTime", int(max(j.end.Sub(now), 0).Seconds())},
		{"StartTime", j.accepted.UTC().Format(acs3.TimeFormat)},
		{"EndTime", ended},
		{"DbType", strings.ToLower(r.Engine)},
		{"Product", "rds"},
		{"RegionId", r.RegionID},
		{"CallerSource", "User"},
		{"CallerUid", s.options.Account},
		{"Uid", s.options.Account},
		{"TaskDetail", fmt.Sprintf(`{"TargetMinorVersion":%q,"SwitchTime":%q}`, j.target, j.start.UTC().Format(acs3.TimeFormat))},
		{"ActionInfo", ""},
		{"ReasonCode", reason},
	}
}

func (j *job) progress(now time.Time) float64 {
	whole := j.end.Sub(j.start)
	switch {
	case !j.begun:
		return 0
	case whole <= 0 || !now.Before(j.end):
		return 100
	default:
		return float64(max(now.Sub(j.start), 0)*100) / float64(whole)
	}
}
