package upgrade_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/upgrade"
)

func claim(state upgrade.ClaimState, rollout string, change ...func(*upgrade.Claim)) upgrade.Claim {
	c := upgrade.Claim{State: state, Target: newer, Rollout: rollout, Due: now, At: now}
	for _, f := range change {
		f(&c)
	}
	return c
}

var answer = upgrade.Acceptance{
	TaskID: "226917711", RequestID: "DA2ECBA0-4745-4491-9166-799FF8984AC9", TargetMinorVersion: newer,
}

func TestAClaimSurvivesTheTag(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		claim upgrade.Claim
		text  string
	}{
		"an intent has no answer yet": {
			claim(upgrade.Intent, "0123456789abcdef"),
			"intent rds_20260228 0123456789abcdef 20261122t120000z 20261122t120000z",
		},
		"a called one keeps the API's answer": {
			claim(upgrade.Called, "0123456789abcdef", func(c *upgrade.Claim) { c.Acceptance = answer; c.Due = now.Add(time.Hour) }),
			"called rds_20260228 0123456789abcdef 20261122t130000z 20261122t120000z 226917711 da2ecba0474544919166799ff8984ac9",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.claim.String(); got != c.text {
				t.Errorf("got  %q\nwant %q", got, c.text)
			}
			back, err := upgrade.ParseClaim(strings.ToUpper(c.text)) // a tag's value has no reliable case
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.claim, *back); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAClaimFitsIntoATag(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		target, task string
		wantTask     bool
		wantRequest  bool
	}{
		"the longest known version leaves room for both ids": {"rds_postgres_1500_20251130", "226917711", true, true},
		"a longer task id pushes the request id out":         {"rds_postgres_1500_20251130", "t-83br18hloy3faf1234", true, false},
		"the longest version that may be asked for":          {strings.Repeat("v", 64), strings.Repeat("7", 9), false, false},
		"a task id with a blank is left out":                 {newer, "22 33", false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := claim(upgrade.Called, "0123456789abcdef", func(k *upgrade.Claim) {
				k.Target, k.Acceptance = c.target, answer
				k.TaskID = c.task
			}).String()
			if len(text) > 128 {
				t.Errorf("%d characters: %q", len(text), text)
			}
			back, err := upgrade.ParseClaim(text)
			if err != nil {
				t.Fatal(err)
			}
			if (back.TaskID != "") != c.wantTask || (back.RequestID != "") != c.wantRequest || back.Target != c.target {
				t.Errorf("read back %+v from %q", back, text)
			}
		})
	}
}

func TestARequestIDOfAnotherFormIsKeptAsItIs(t *testing.T) {
	t.Parallel()
	c, err := upgrade.ParseClaim("called rds_20260228 r 20261122t120000z 20261122t120000z 1 abc123")
	if err != nil || c.RequestID != "ABC123" {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestAForeignTagIsNoClaim(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":            "",
		"a word":           "true",
		"an unknown state": "done rds_20260228 r 20261122t120000z 20261122t120000z",
		"a broken time":    "intent rds_20260228 r tomorrow 20261122t120000z",
		"no rollout":       "intent rds_20260228 .2 20261122t120000z 20261122t120000z",
		"too many parts":   "intent rds_20260228 r 20261122t120000z 20261122t120000z 1 2 3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, err := upgrade.ParseClaim(text); err == nil || c != nil || !strings.Contains(err.Error(), upgrade.ClaimTag) {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
}

func FuzzParseClaim(f *testing.F) {
	f.Add(claim(upgrade.Intent, "r").String())
	f.Add(claim(upgrade.Called, "r", func(c *upgrade.Claim) { c.Acceptance = answer }).String())
	f.Add("called  x y")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := upgrade.ParseClaim(text)
		if err != nil {
			return
		}
		again, err := upgrade.ParseClaim(c.String())
		if err != nil || again.Target != c.Target || !again.Due.Equal(c.Due) {
			t.Errorf("%q became %q: %v", text, c.String(), err)
		}
	})
}
