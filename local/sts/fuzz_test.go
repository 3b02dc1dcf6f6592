package sts_test

import (
	"testing"
	"time"

	"rds-kernel-upgrade/local/sts"
)

// FuzzLookup holds that a key is found by its own id and token alone.
func FuzzLookup(f *testing.F) {
	f.Add("LTAI-local", "")
	f.Add("STS.local-000001", "CAIS-local+token/000001==")
	f.Add("STS.local-000001", "CAIS-local+token/000002==")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, id, token string) {
		now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
		keys := sts.NewKeyring(func() time.Time { return now }, sts.Key{ID: "LTAI-local", Secret: "local-secret"})
		one, two := keys.Issue(time.Hour), keys.Issue(time.Hour)
		key, err := keys.Lookup(id, token)
		right := id == "LTAI-local" && token == "" || id == one.ID && token == one.Token || id == two.ID && token == two.Token
		if right != (err == nil) || right != (key.Secret != "") || right && (key.ID != id || key.Token != token) {
			t.Errorf("%q with %q gives %+v, %v", id, token, key, err)
		}
	})
}
