package acs3_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/local/acs3"
)

func TestNonceIsUsedOnceWithin15Minutes(t *testing.T) {
	clock := now
	n := acs3.NewNonces(func() time.Time { return clock })
	steps := []struct {
		name       string
		after      time.Duration
		key, nonce string
		used       bool
	}{
		{"first use", 0, "a", "1", false},
		{"second use", 0, "a", "1", true},
		{"another nonce", 0, "a", "2", false},
		{"another key", 0, "b", "1", false},
		{"just before the end", 15*time.Minute - 1, "a", "1", true},
		{"at the end", 1, "a", "1", false},
		{"right after that", 0, "a", "1", true},
	}
	for _, s := range steps {
		clock = clock.Add(s.after)
		if got := n.Used(s.key, s.nonce); got != s.used {
			t.Errorf("%s: used %v, want %v", s.name, got, s.used)
		}
	}
}

func TestNonceIsUsedOnceByManyAtATime(t *testing.T) {
	n := acs3.NewNonces(func() time.Time { return now })
	var fresh atomic.Int32
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if !n.Used("a", fmt.Sprint(i%10)) {
				fresh.Add(1)
			}
		})
	}
	all.Wait()
	if fresh.Load() != 10 {
		t.Errorf("%d of 10 nonces counted as new", fresh.Load())
	}
}

func TestNonceUsedIsTheGatewaysRefusal(t *testing.T) {
	want := acs3.Refusal{Status: 400, Code: "SignatureNonceUsed", Message: "Specified signature nonce was used already."}
	if got := acs3.NonceUsed(); *got != want {
		t.Errorf("got %+v", got)
	}
}
