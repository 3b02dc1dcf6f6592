package main_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ticks counts the attempts that a running stack has made at the events of each timer.
func ticks(t *testing.T, fc string) map[string]int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fc+"/_local/invocations", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var attempts []struct{ Trigger string }
	if err := json.NewDecoder(answer.Body).Decode(&attempts); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, a := range attempts {
		count[a.Trigger]++
	}
	return count
}

func TestTheTimersOfTheStackTickAsTheFlagsSay(t *testing.T) {
	t.Parallel()
	const payload = `{"DBInstanceId":"rm-bp1orders","mode":"plan"}`
	fc, _, _ := served(t, "--tick-every", "20ms", "--every", "20ms", "--payload", payload)
	for seen := ticks(t, fc); seen["tick"] < 2 || seen["nightly"] < 2; seen = ticks(t, fc) { // or until the time for all tests is up
		time.Sleep(10 * time.Millisecond)
	}
}

func TestATimerWithoutAPeriodTicksWhenItIsTold(t *testing.T) {
	t.Parallel()
	fc, _, _ := served(t, "--tick-every", "0")
	if got := post(t, fc+"/_local/tick/tick", ""); !strings.HasPrefix(got, "202") {
		t.Errorf("got %s", got)
	}
	for len(ticks(t, fc)) == 0 { // or until the time for all tests is up
		time.Sleep(10 * time.Millisecond)
	}
	if seen := ticks(t, fc); seen["tick"] != 1 || seen["nightly"] != 0 {
		t.Errorf("ticks %v: want the one that was asked for", seen)
	}
}
