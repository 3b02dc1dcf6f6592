package advisory_test

import (
	"testing"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
)

// PostgreSQL's majors have one number from 10 on, and two before. The instance was built from an unknown version of its major.
func TestAMajorOfPostgreSQLIsOneNumberFromTenOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		engineVersion     string
		introduced, fixed string
		want              advisory.Verdict
	}{
		"9.4 ends before 9.5":                   {"9.4", "9.5", "9.6", notAffected},
		"9.4 is all of it before 9.5":           {"9.4", "9.4", "9.5", affected},
		"10 does not end before 10.1":           {"10.0", "10", "10.1", unknown},
		"10 has a version between 10.1 and 11":  {"10.0", "10.1", "11", unknown},
		"10 is all of it before 11":             {"10.0", "10", "11", affected},
		"10 ends before 11":                     {"10.0", "11", "12", notAffected},
		"15 has a version between 15.1 and 16":  {"15.0", "15.1", "16", unknown},
		"a fix in 10 is about what precedes it": {"10.0", "", "10.23", unknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bulletin := ranges(events.Range{Introduced: c.introduced, Fixed: c.fixed})
			if c.introduced == "" {
				bulletin = fixedIn("PostgreSQL", c.engineVersion, c.fixed)
			}
			s := advisory.Subject{Engine: "PostgreSQL", EngineVersion: c.engineVersion, Current: "rds_postgres_1000_20240101"}
			if got, why := advisory.Judge(bulletin, s); got != c.want {
				t.Errorf("got %s (%s), want %s", got, why, c.want)
			}
		})
	}
}
