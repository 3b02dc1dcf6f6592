package main_test

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// The random simulation plays tales: a fleet, a policy, and a script of what happens in some days, much of it at once. The function, its three
// services and everybody else live in one process and in virtual time. What must hold is asked at every call and at every document that is
// written, and at the end, whatever else has happened.
//
//	simulation_test.go          the tests
//	simulation_tale_test.go     a tale is drawn: the fleet and the policy
//	simulation_script_test.go   its script: what happens, and when
//	simulation_play_test.go     the stage: invocations, processes, deliveries
//	simulation_timer_test.go    the timer, and how a tale is let come to its end
//	simulation_deed_test.go     what people and RDS do besides
//	simulation_wire_test.go     every request of the function, and what may happen to it
//	simulation_call_test.go     what must hold of an upgrade call
//	simulation_write_test.go    what must hold of a document that is written
//	simulation_start_test.go    what must hold of what a document begins
//	simulation_news_test.go     what must hold of notifications
//	simulation_end_test.go      what must hold at the end

var tales = flag.Int("tales", 300, "how many tales the random simulation plays")

// firstDay is when every tale begins: a Sunday.
var firstDay = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestRolloutsKeepTheirPromisesWhateverHappensAtOnce(t *testing.T) {
	t.Parallel()
	const part = 15
	if err := flag.Set("rapid.checks", strconv.Itoa(part)); err != nil {
		t.Fatal(err)
	}
	played := sample(*tales)
	for n := range (played + part - 1) / part {
		t.Run(fmt.Sprintf("tales %d to %d", n*part+1, (n+1)*part), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(rt *rapid.T) { playTale(t, rt) })
		})
	}
}

func playTale(t *testing.T, rt *rapid.T) {
	t.Helper()
	d := drawTale(rt)
	var wrong []string
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(firstDay))
		wrong = d.play(t)
	})
	if len(wrong) > 0 {
		rt.Fatal("\n" + strings.Join(wrong, "\n"))
	}
}
