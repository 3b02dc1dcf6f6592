package golden_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/golden"
)

func TestAScenarioHasEveryStageAndNothingElse(t *testing.T) {
	t.Parallel()
	whole := []string{"1-event.json", "fleet.json", "2-request.json", "3-plan.json", "4-outcome.json", "5-notification.json"}
	for name, c := range map[string]struct {
		files, want []string
	}{
		"with every stage nothing is wrong":           {whole, nil},
		"what it may have besides is not wrong":       {append(whole[:6:6], "policy.yaml", "setting.json", "state.json", "meanwhile.json", "6-state.json"), nil},
		"a stage that nobody wrote is missed":         {whole[:5], []string{"lacks 5-notification.json"}},
		"a file that no test reads would say nothing": {append(whole[:6:6], "policy.yml"), []string{"has policy.yml, which is no file of a scenario"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			for _, file := range c.files {
				if err := os.WriteFile(filepath.Join(folder, file), []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, golden.Wrong(folder)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestASettingIsTheUsualUnlessTheFilesSayOtherwise(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	usual := golden.SettingOf(t, folder)
	if usual.Clock.IsZero() || usual.Timeout.Duration == 0 || usual.Bucket != "" || usual.State != "" || usual.Meanwhile != "" || usual.Policy != "" {
		t.Errorf("got %+v", usual)
	}
	for file, text := range map[string]string{
		"setting.json":   `{"clock":"2026-11-22T12:10:00Z","timeout":"15s","faults":["PutObject=5xx:1"],"bucket":"versioned","environment":{"MODE":"off"}}`,
		"state.json":     `{"number":7}`,
		"meanwhile.json": `{"number":8}`,
		"policy.yaml":    "mode: plan\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := golden.SettingOf(t, folder)
	got := []string{s.Clock.String(), s.Timeout.String(), s.Faults[0], string(s.Bucket), s.Variables["MODE"], s.State, s.Meanwhile, s.Policy}
	want := []string{"2026-11-22 12:10:00 +0000 UTC", "15s", "PutObject=5xx:1", "versioned", "off", `{"number":7}`, `{"number":8}`, "mode: plan\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
