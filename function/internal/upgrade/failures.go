package upgrade

import (
	"fmt"
	"strings"
)

// Failures counts what went against maxFailures.
func (r *Rollout) Failures() int { return len(r.failures()) }

// failures returns what has failed or was never proven. What somebody has deleted is none of it.
func (r *Rollout) failures() (all []Finished) {
	for _, f := range r.Finished {
		if f.Status != Skipped {
			all = append(all, f)
		}
	}
	return all
}

// Overdrawn says why the rollout has to halt, "" if it need not.
func (r *Rollout) Overdrawn() string {
	allowed := 0
	if r.Request.Fleet != nil {
		allowed = r.Request.Fleet.Rollout.MaxFailures
	}
	if r.Request.Fleet == nil || r.Failures() <= allowed {
		return ""
	}
	failures := r.failures()
	names := make([]string, 0, len(failures))
	for _, f := range failures {
		names = append(names, f.DBInstanceID+" "+string(f.Status))
	}
	const most = 5
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("and %d more", len(failures)-most))
	}
	return fmt.Sprintf("%d did not succeed, and the request allows %d: %s", r.Failures(), allowed, strings.Join(names, ", "))
}
