package fakerds

import (
	"fmt"
	"time"
)

const (
	running  = "Running"
	unlocked = "Unlock"
)

// job is one accepted upgrade. All that becomes of it follows from the clock.
type job struct {
	id                   int
	target               string
	accepted, start, end time.Time
	upgrade              Upgrade
	begun, done          bool
}

// settle brings an instance to where the clock says that it is.
func (r *record) settle(now time.Time) {
	j := r.pending()
	if j == nil {
		return
	}
	if !j.begun && !now.Before(j.start) {
		j.begun = true
		r.DBInstanceStatus = j.upgrade.Status
	}
	if now.Before(j.end) {
		return
	}
	j.done = true
	r.DBInstanceStatus = running
	if !j.upgrade.Silent && !j.upgrade.Fails {
		r.CurrentKernelVersion = j.target
	}
}

// pending gives the upgrade that is scheduled or running.
func (r *record) pending() *job {
	if len(r.jobs) == 0 || r.jobs[len(r.jobs)-1].done {
		return nil
	}
	return r.jobs[len(r.jobs)-1]
}

// status is the job's in the words of DescribeHistoryTasks.
func (j *job) status() string {
	switch {
	case !j.begun:
		return "Scheduled"
	case !j.done:
		return running
	case j.upgrade.Fails:
		return "Failed"
	default:
		return "Succeed"
	}
}

// window is a maintenance window as the time of day, in UTC, at which it opens and how long it is open.
type window struct{ opens, lasts time.Duration }

// parseWindow reads HH:mmZ-HH:mmZ. A window that ends before it begins goes on past midnight.
func parseWindow(text string) (window, error) {
	const form = "15:04Z"
	if len(text) != len("18:00Z-22:00Z") || text[6] != '-' {
		return window{}, fmt.Errorf("MaintainTime %q is not of the form 18:00Z-22:00Z", text)
	}
	from, err1 := time.Parse(form, text[:6])
	to, err2 := time.Parse(form, text[7:])
	if err1 != nil || err2 != nil || from.Equal(to) {
		return window{}, fmt.Errorf("MaintainTime %q is not of the form 18:00Z-22:00Z", text)
	}
	lasts := to.Sub(from)
	if lasts < 0 {
		lasts += 24 * time.Hour
	}
	return window{time.Duration(from.Hour())*time.Hour + time.Duration(from.Minute())*time.Minute, lasts}, nil
}

// next is now inside the window, and otherwise the time at which it opens next.
func (w window) next(now time.Time) time.Time {
	midnight := now.UTC().Truncate(24 * time.Hour)
	for day := -1; ; day++ {
		opens := midnight.AddDate(0, 0, day).Add(w.opens)
		if now.Before(opens) {
			return opens
		}
		if now.Before(opens.Add(w.lasts)) {
			return now
		}
	}
}
