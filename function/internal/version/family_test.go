package version_test

import (
	"testing"

	"rds-kernel-upgrade/function/internal/version"
)

func TestAFamilyBeginsWithAnyLetter(t *testing.T) {
	t.Parallel()
	for letter := 'a'; letter <= 'z'; letter++ {
		want := string(letter) + "1"
		if got, known := version.Family(want + "_20260228"); !known || got != want {
			t.Errorf("the family of %s_20260228: got %q, %t", want, got, known)
		}
	}
}
