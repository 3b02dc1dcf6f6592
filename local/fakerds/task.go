package fakerds

import (
	"fmt"
	"slices"
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
	if refusal := s.region(q); refusal != nil {
		return nil, refusal
	}
	size, refusal := q.number("PageSize", 10, 100, 10)
	if refusal != nil {
		return nil, refusal
	}
	page, refusal := numberedPage(q, size)
	if refusal != nil {
		return nil, refusal
	}
	filter, refusal := taskFilter(q)
	if refusal != nil {
		return nil, refusal
	}
	found := s.tasks(q, filter)
	items := []document{}
	for _, t := range found[page.from(len(found)):page.to(len(found))] {
		items = append(items, t.record.taskDocument(t.job, q.now, s.options.Account))
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
	for _, r := range s.fleet.named(filter.instances) {
		if !r.in(q.get("RegionId")) || q.get("ResourceGroupId") != "" && q.get("ResourceGroupId") != r.ResourceGroupID {
			continue
		}
		r.settle(q.now)
		for _, j := range r.jobs {
			if filter.fits(j) {
				found = append(found, task{r, j})
			}
		}
	}
	return found
}

// tasks is what DescribeHistoryTasks is asked for. An empty list stands for everything.
type tasks struct {
	from, to                       time.Time
	instances, ids, types, statues []string
}

func taskFilter(q query) (tasks, *acs3.Refusal) {
	from, err := time.Parse(acs3.TimeFormat, q.get("FromStartTime"))
	if err != nil {
		return tasks{}, invalid("FromStartTime")
	}
	to, err := time.Parse(acs3.TimeFormat, q.get("ToStartTime"))
	if err != nil || to.Before(from) {
		return tasks{}, invalid("ToStartTime")
	}
	if kept := q.now.Add(-historyKept); from.Before(kept) {
		from = kept // documented: taken for exactly 30 days ago, not refused
	}
	if kind := q.get("InstanceType"); kind != "" && kind != "Instance" {
		return tasks{}, invalid("InstanceType")
	}
	filter := tasks{from: from, to: to}
	for _, list := range []struct {
		parameter string
		into      *[]string
	}{
		{"InstanceId", &filter.instances},
		{"TaskId", &filter.ids},
		{"TaskType", &filter.types},
		{"Status", &filter.statues},
	} {
		if text := q.get(list.parameter); text != "" {
			*list.into = strings.Split(text, ",")
		}
		if len(*list.into) > maxIDs {
			return tasks{}, invalid(list.parameter)
		}
	}
	return filter, filter.checkStatus()
}

func (t tasks) checkStatus() *acs3.Refusal {
	documented := []string{"Scheduled", running, "Succeed", "Failed", "Cancelling", "Canceled", "Waiting"}
	for _, status := range t.statues {
		if !slices.Contains(documented, status) {
			return invalid("Status")
		}
	}
	return nil
}

func (t tasks) fits(j *job) bool {
	return !j.accepted.Before(t.from) && !j.accepted.After(t.to) && allows(t.ids, j.historyID()) &&
		allows(t.types, taskType) && allows(t.statues, j.status())
}

func allows(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }

// historyID has the form of the ids of this action, which is not that of the upgrade's TaskId.
func (j *job) historyID() string { return fmt.Sprintf("t-local%d", j.id) }

func (r *record) taskDocument(j *job, now time.Time, account string) document {
	ended, step := "", "exec_task"
	if j.done {
		ended = j.end.UTC().Format(acs3.TimeFormat)
	}
	if !j.begun {
		step = "wait_switch_time"
	}
	return document{
		{"TaskId", j.historyID()},
		{"InstanceId", r.DBInstanceID},
		{"InstanceName", r.DBInstanceDescription},
		{"InstanceType", "Instance"},
		{"TaskType", taskType},
		{"Status", j.status()},
		{"Progress", j.progress(now)},
		{"CurrentStepName", step},
		{"RemainTime", int(max(j.end.Sub(now), 0).Seconds())},
		{"StartTime", j.accepted.UTC().Format(acs3.TimeFormat)},
		{"EndTime", ended},
		{"DbType", strings.ToLower(r.Engine)},
		{"Product", "rds"},
		{"RegionId", r.RegionID},
		{"CallerSource", "User"},
		{"CallerUid", account},
		{"Uid", account},
		{"TaskDetail", fmt.Sprintf(`{"TargetMinorVersion":%q,"SwitchTime":%q}`, j.target, j.start.UTC().Format(acs3.TimeFormat))},
		{"ActionInfo", ""},
		{"ReasonCode", ""},
	}
}

func (j *job) progress(now time.Time) float64 {
	whole := j.end.Sub(j.start)
	if whole <= 0 || !now.Before(j.end) {
		return 100
	}
	return float64(max(now.Sub(j.start), 0)*100) / float64(whole)
}
