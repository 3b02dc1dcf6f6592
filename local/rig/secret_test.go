package rig_test

import (
	"errors"
	"testing"

	"rds-kernel-upgrade/local/rig"
)

func TestASecretIsFoundInEveryForm(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		secret, text string
		want         string
	}{
		"it is not there":       {"a/B=", "a/B", ""},
		"as it is":              {"a/B=", "(a/B=)", `"a/B=" stands in (a/B=) (a/B=) &errors.errorString{s:"(a/B=)"}`},
		"as a URL has it":       {"a/B=", "a%2FB%3D", `"a%2FB%3D" stands in a%2FB%3D a%2FB%3D &errors.errorString{s:"a%2FB%3D"}`},
		"as a URL in a URL":     {"a/B=", "a%252FB%253D", `"a%252FB%253D" stands in a%252FB%253D a%252FB%253D &errors.errorString{s:"a%252FB%253D"}`},
		"in lower case":         {"a/B=", "a%2fb%3d", `"a%2fb%3d" stands in a%2fb%3d a%2fb%3d &errors.errorString{s:"a%2fb%3d"}`},
		"no secret to look for": {"", "x", "a secret to look for is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := watch(t, func(tb testing.TB) {
				tb.Helper()
				rig.NoSecret(tb, errors.New(test.text), test.secret)
			})
			if said != test.want {
				t.Errorf("it said %q, want %q", said, test.want)
			}
		})
	}
}
