package sts_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/local/sts"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestLookup(t *testing.T) {
	clock := start
	given := sts.Key{ID: "STS.given", Secret: "s", Token: "given-token", Expires: start.Add(time.Minute)}
	long := sts.Key{ID: "LTAI", Secret: "secret"}
	keys := sts.NewKeyring(func() time.Time { return clock }, long, given)
	temporary := keys.Issue(time.Hour)
	cases := []struct {
		name      string
		after     time.Duration
		id, token string
		want      error
	}{
		{"a long-term key", 0, long.ID, "", nil},
		{"a long-term key, years later", 9 * 365 * 24 * time.Hour, long.ID, "", nil},
		{"a long-term key with a temporary key's token", 0, long.ID, temporary.Token, sts.ErrMismatch},
		{"a long-term key with a forged token", 0, long.ID, "forged", sts.ErrMalformedToken},
		{"a temporary key", 0, temporary.ID, temporary.Token, nil},
		{"a temporary key at its last moment", time.Hour - 1, temporary.ID, temporary.Token, nil},
		{"a temporary key that has run out", time.Hour, temporary.ID, temporary.Token, sts.ErrExpired},
		{"a temporary key without its token", 0, temporary.ID, "", sts.ErrMissingToken},
		{"a temporary key with a forged token", 0, temporary.ID, "forged", sts.ErrMalformedToken},
		{"a temporary key with another one's token", 0, temporary.ID, given.Token, sts.ErrMismatch},
		{"a temporary key that was given", 0, given.ID, given.Token, nil},
		{"a temporary key that was given and has run out", time.Minute, given.ID, given.Token, sts.ErrExpired},
		{"an unknown key", 0, "LTAI-nobody", "", sts.ErrUnknownKey},
		{"an unknown key with a good token", 0, "LTAI-nobody", temporary.Token, sts.ErrUnknownKey},
		{"no key", 0, "", "", sts.ErrUnknownKey},
	}
	all := map[string]sts.Key{long.ID: long, given.ID: given, temporary.ID: temporary}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			clock = start.Add(tc.after)
			got, err := keys.Lookup(tc.id, tc.token)
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if tc.want == nil && got != all[tc.id] || tc.want != nil && got != (sts.Key{}) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestExpireAllEndsTemporaryKeysAlone(t *testing.T) {
	long := sts.Key{ID: "LTAI", Secret: "secret"}
	keys := sts.NewKeyring(func() time.Time { return start }, long)
	before := keys.Issue(time.Hour)
	keys.ExpireAll()
	after := keys.Issue(time.Hour)
	if _, err := keys.Lookup(before.ID, before.Token); !errors.Is(err, sts.ErrExpired) {
		t.Errorf("issued before: %v", err)
	}
	for _, key := range []sts.Key{long, after} {
		if _, err := keys.Lookup(key.ID, key.Token); err != nil {
			t.Errorf("%s: %v", key.ID, err)
		}
	}
}

func TestIssuedKeysAreAllDifferent(t *testing.T) {
	keys := sts.NewKeyring(func() time.Time { return start })
	var mu sync.Mutex
	var all sync.WaitGroup
	seen := map[string]bool{}
	for range 100 {
		all.Go(func() {
			key := keys.Issue(time.Hour)
			mu.Lock()
			defer mu.Unlock()
			seen[key.ID], seen[key.Secret], seen[key.Token] = true, true, true
			if !key.Expires.Equal(start.Add(time.Hour)) {
				t.Errorf("expires %s", key.Expires)
			}
		})
	}
	all.Wait()
	if len(seen) != 300 {
		t.Errorf("%d different ids, secrets and tokens of 300", len(seen))
	}
}
