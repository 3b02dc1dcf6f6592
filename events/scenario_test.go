package events_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/local/golden"
)

// TestScenarios owns the stage from event to request of testdata/scenarios. The request is shown as a message that asks for it with
// nothing left out, and one about a fleet in the form in which a rollout remembers it.
func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, folder := range golden.Scenarios(t, "..") {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			event, err := os.ReadFile(folder + "/1-event.json")
			if err != nil {
				t.Fatal(err)
			}
			messages, err := events.Decode(event)
			if err != nil || len(messages) != 1 || messages[0].Err != nil {
				t.Fatalf("got %+v, %v; want one message", messages, err)
			}
			request, err := events.Parse(messages[0].Body, now)
			golden.JSON(t, folder+"/2-request.json", view(t, request, err))
		})
	}
}

func view(t *testing.T, request events.Request, err error) any {
	t.Helper()
	var invalid *events.Invalid
	if errors.As(err, &invalid) {
		return map[string]any{"problems": invalid.Problems}
	}
	if err != nil {
		t.Fatal(err)
	}
	if request.Kind != events.KindUpgrade {
		return request
	}
	shown := map[string]any{
		"kind": request.Kind, "DBInstanceId": request.Upgrade.DBInstanceID, "UpgradeTime": request.Upgrade.UpgradeTime,
	}
	for name, value := range map[string]string{
		"mode": string(request.Mode), "planHash": request.PlanHash, "RegionId": request.Upgrade.RegionID, "TargetMinorVersion": request.Upgrade.TargetMinorVersion,
	} {
		if value != "" {
			shown[name] = value
		}
	}
	if request.Upgrade.WithReplicas {
		shown["withReplicas"] = true
	}
	if !request.Upgrade.SwitchTime.IsZero() {
		shown["SwitchTime"] = request.Upgrade.SwitchTime
	}
	return shown
}
