package upgrade_test

import (
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/upgrade"
)

// A task of an instance stands for this rollout's own call only while it is in doubt whether there was one.
func TestATaskStopsAnInstanceOnlyInDoubt(t *testing.T) {
	t.Parallel()
	doubtful := sweep()
	doubtful.Doubt = now.Add(-time.Hour)
	task := with(func(i *upgrade.Instance) { i.Tasks, i.TasksAsked = someTask, true })
	lapsed := claimed(claim(upgrade.Called, "other", func(c *upgrade.Claim) { c.Due = now.Add(-24 * time.Hour) }))
	for name, c := range map[string]struct {
		question upgrade.Question
		change   []change
		want     upgrade.Reason
	}{
		"in doubt":                 {doubtful, []change{task}, upgrade.InProgress},
		"in doubt, without a task": {doubtful, nil, ""},
		"in doubt, after another rollout's upgrade": {doubtful, []change{task, lapsed}, ""},
		"without doubt": {sweep(), []change{task}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkReason(t, c.question.Decide([]upgrade.Instance{member(id, c.change...)})[0], c.want)
		})
	}
}
