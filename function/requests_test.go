package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/local/fakerds"
)

// sweep is a request about the whole fleet that waits for no maintenance window.
const sweep = `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"1h"}}`

// written is how many documents there are.
func (w *world) written() int { return len(w.oss.Objects(prefix + "/state/")) }

// at is the event of a message that was published at a time.
func (w *world) at(id, body string, published int64) string {
	w.tb.Helper()
	var event map[string]any
	if err := json.Unmarshal([]byte(w.event(id, body)), &event); err != nil {
		w.tb.Fatal(err)
	}
	event["PublishTime"] = published
	text, err := json.Marshal(event)
	if err != nil {
		w.tb.Fatal(err)
	}
	return string(text)
}

// shown is an answer on one line, without the ids that RDS and the function make.
func (w *world) shown(report *function.Report) (lines []string) {
	w.tb.Helper()
	for _, r := range report.Requests {
		text := fmt.Sprintf("mode %s, state %s, status %s, problems %q, detail %s", r.Mode, r.State, r.Status, r.Problems, r.Detail)
		for _, i := range r.Instances {
			text += fmt.Sprintf("; %s %s %s", i.DBInstanceID, i.Status, i.Reason)
		}
		for _, u := range r.Rollouts {
			text += fmt.Sprintf("; rollout of %s is %s: %s", u.MessageID, u.State, u.Detail)
		}
		lines = append(lines, text)
	}
	return lines
}

// Whoever only asks gets an answer, and nothing is called that was due. No document is written, but for a plan: that the message was answered by one.
func TestWhatOnlyAsksChangesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request string
		want    string
		tags    []string
	}{
		"a status": {
			`{"kind":"status"}`, "mode apply, state , status , problems [], detail ; rollout of M1 is open: 1 proven, wave 2 of 2 is next, with 1 waiting",
			[]string{"report"},
		},
		"a plan for one instance": {`{"DBInstanceId":"rm-3","mode":"plan"}`, "mode plan, state , status , problems [], detail ; rm-3 plan ", []string{"plan", "report"}},
		"a plan for a fleet": {
			`{"kind":"sweep","mode":"plan","schedule":{"UpgradeTime":"Immediate"},"select":{"DBInstanceId":["rm-3"]}}`,
			"mode plan, state , status , problems [], detail ; rm-3 plan ",
			[]string{"plan", "report"},
		},
		"what is no request": {`{"kind":"stats"}`, `mode , state , status rejected, problems ["kind: \"stats\" is not a value: want upgrade`, []string{"rejected"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			twoBehind(t, func(t *testing.T, w *world) {
				t.Helper()
				w.must(w.request("M1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"1h"}}`))
				w.pass(time.Hour)
				time.Sleep(time.Hour) // now the next wave is due
				w.rds.Add(behind("rm-3"))
				w.statuses()
				written, calls := w.written(), w.upgrades()
				report := w.must(w.request("M2", c.request))
				if got := w.shown(report); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
					t.Errorf("got %s\nwant %s", got, c.want)
				}
				if c.tags[0] == "plan" {
					written++
				}
				if w.written() != written || w.upgrades() != calls {
					t.Errorf("%d documents were written, and %d calls made", w.written()-written, w.upgrades()-calls)
				}
				w.sameLines("published", c.tags, w.statuses())
				w.must(w.tick())
				if w.upgrades() != calls+1 {
					t.Error("the tick did not begin the wave that was due")
				}
			})
		})
	}
}

// The answer of each kind, as JSON: a struct, since the runtime would code bytes in base64.
func TestTheAnswerOfEachKind(t *testing.T) {
	t.Parallel()
	const began = `{"fcRequestId":"1-67318f55-00000001-db2afabf2b30","requests":[{"messageId":"M1","rollout":"ID","mode":"apply","state":"open","instances":[` +
		`{"DBInstanceId":"rm-1","DBInstanceName":"rm-1","RegionId":"cn-hangzhou","Engine":"MySQL","EngineVersion":"8.0","CurrentKernelVersion":"rds_20250531","AutoUpgradeMinorVersion":"Manual",` +
		`"TargetMinorVersion":"rds_20260228","UpgradeTime":"Immediate","TaskId":"226917711","wave":1,"status":"accepted"}]}]}`
	for name, c := range map[string]struct{ request, want string }{
		"an upgrade": {oneUpgrade, began},
		"a sweep":    {`{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"}}`, began},
		"a tick":     {`{"kind":"tick"}`, `{"fcRequestId":"1-67318f55-00000001-db2afabf2b30","requests":[{"messageId":"M1","rollout":"ID","mode":"apply"}]}`},
		"a status":   {`{"kind":"status"}`, `{"fcRequestId":"1-67318f55-00000001-db2afabf2b30","requests":[{"messageId":"M1","rollout":"ID","mode":"apply"}]}`},
		"a stop of an advisory": {
			`{"kind":"stop","advisory":"CVE-2026-1"}`, `{"fcRequestId":"1-67318f55-00000001-db2afabf2b30","requests":[{"messageId":"M1","rollout":"ID","mode":"apply",` +
				`"detail":"nothing that it means was under way; what was sent before it begins nothing"}]}`,
		},
		"a stop of a rollout that there is not": {
			`{"kind":"stop","rollout":"0123456789abcdef"}`, `{"fcRequestId":"1-67318f55-00000001-db2afabf2b30","requests":[{"messageId":"M1","rollout":"ID","mode":"apply","status":"rejected",` +
				`"problems":["there is no rollout 0123456789abcdef: send {\"kind\":\"status\"} for those that there are"]}]}`,
		},
		"what is no request": {
			`{"kind":"stop"}`, `{"fcRequestId":"1-67318f55-00000001-db2afabf2b30","requests":[{"messageId":"M1","rollout":"ID","status":"rejected",` +
				`"problems":["has neither rollout nor advisory: want one of them, such as {\"kind\":\"stop\",\"rollout\":\"a7dc258ff8bf0089\"}"]}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.hasty = false
				w.rds.Add(behind("rm-1"))
				report := w.must(w.request("M1", c.request))
				text, err := json.Marshal(report)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Replace(string(text), report.Requests[0].Rollout, "ID", 1); got != c.want {
					t.Errorf("(-want +got)\n%s", cmp.Diff(c.want, got))
				}
				w.statuses() // checks them against the schema
			})
		})
	}
}

// A stop is written, and answered; nothing is called after the answer, and what is in flight is proven.
func TestAStopEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"by the rollout":  `{"kind":"stop","rollout":"%s"}`,
		"by the advisory": `{"kind":"stop","advisory":"A-1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			twoBehind(t, func(t *testing.T, w *world) {
				t.Helper()
				begun := w.must(w.request("M1", `{"kind":"advisory","advisory":{"id":"A-1","severity":"critical","affected":[{"Engine":"MySQL","fixedIn":"rds_20260228"}]}}`))
				if strings.Contains(request, "%s") {
					request = fmt.Sprintf(request, begun.Requests[0].Rollout)
				}
				stopped := w.must(w.request("M2", request))
				w.sameLines("the answer", []string{"mode apply, state , status , problems [], detail stopped: " + begun.Requests[0].Rollout + "; nothing more is called, and what is in flight is proven and published"}, w.shown(stopped))
				w.pass(2 * time.Hour)
				w.sameLines("published", []string{"wave", "accepted", "report", "halted", "completed", "wave", "report"}, w.statuses())
				if w.upgrades() != 1 {
					t.Errorf("%d calls", w.upgrades())
				}
			})
		})
	}
}

// A stop is answered when no intent of what it means is left: a call of which nobody knows whether it was made could still be made.
func TestAStopIsAnsweredWhenNothingIsInDoubt(t *testing.T) {
	t.Parallel()
	twoBehind(t, func(t *testing.T, w *world) {
		t.Helper()
		w.after = func(_, action string) bool { return action == upgradeCall }
		begun := w.must(w.request("M1", sweep))
		w.after = nil
		w.sameLines("published at first", []string{"wave"}, w.statuses())
		w.must(w.request("M2", fmt.Sprintf(`{"kind":"stop","rollout":"%s"}`, begun.Requests[0].Rollout)))
		w.sameLines("published while the call is in doubt", nil, w.statuses())
		time.Sleep(5 * time.Minute)
		w.must(w.tick())
		w.sameLines("published when it is known", []string{"report", "accepted", "halted"}, w.statuses())
		w.pass(time.Hour)
		w.sameLines("published at its end", []string{"completed", "wave", "report"}, w.statuses())
		if w.upgrades() != 1 {
			t.Errorf("%d calls", w.upgrades())
		}
	})
}

func TestAPlanHasAHashAndARequestMayInsistOnIt(t *testing.T) {
	t.Parallel()
	served := []string{"accepted", "accepted", "wave"}
	refused := []string{"rejected"}
	for name, c := range map[string]struct {
		request string
		change  func(*world)
		tags    []string
	}{
		"the plan of a fleet still holds":      {sweep, func(*world) {}, served},
		"the plan of one instance still holds": {oneUpgrade, func(*world) {}, []string{"accepted"}},
		"there is another instance":            {sweep, func(w *world) { w.rds.Add(behind("rm-3")) }, refused},
		"an instance has been upgraded": {sweep, func(w *world) {
			w.rds.Update("rm-1", func(i *fakerds.Instance) { i.CurrentKernelVersion = "rds_20260228" })
		}, refused},
		"the one instance was stopped": {oneUpgrade, func(w *world) {
			w.rds.Update("rm-1", func(i *fakerds.Instance) { i.DBInstanceStatus = "Stopped" })
		}, refused},
		"the one instance was deleted": {oneUpgrade, func(w *world) { w.rds.Remove("rm-1") }, refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "budget: {maxInstances: 2, maxPercent: 100}\n", func(t *testing.T, w *world) {
				t.Helper()
				w.hasty = false
				w.rds.Add(behind("rm-1"), behind("rm-2"))
				w.must(w.request("M1", strings.Replace(c.request, "{", `{"mode":"plan",`, 1)))
				hash := w.last("plan").Data.PlanHash
				w.must(w.request("M2", strings.Replace(c.request, "{", `{"mode":"plan",`, 1)))
				if again := w.last("plan").Data.PlanHash; again != hash || len(hash) != 32 {
					t.Errorf("the same plan has the hashes %q and %q", hash, again)
				}
				c.change(w)
				report := w.must(w.request("M3", strings.Replace(c.request, "{", `{"planHash":"`+hash+`",`, 1)))
				tags := w.statuses()
				slices.Sort(tags)
				w.sameLines("published", c.tags, tags)
				if r := report.Requests[0]; c.tags[0] == "rejected" && (r.Status != "rejected" || !strings.HasPrefix(r.Problems[0], "planHash: the plan is no longer "+hash)) {
					t.Errorf("got %+v", r)
				}
				if calls := len(c.tags) - len(c.tags)/3; c.tags[0] == "accepted" && w.upgrades() != calls || c.tags[0] == "rejected" && w.upgrades() > 0 {
					t.Errorf("%d calls", w.upgrades())
				}
			})
		})
	}
}

// What a message has come to stays when it is delivered again, although the mode has changed meanwhile.
func TestADeliveryUnderAnotherModeHasTheSameAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		first, then string // the modes
		tags        [2][]string
		calls       int
	}{
		"what was planned begins nothing":     {"plan", "apply", [2][]string{{"plan", "report"}, {"plan", "report"}}, 0},
		"what has begun something is no plan": {"apply", "plan", [2][]string{{"accepted"}, {"halted"}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.hasty = false
				w.rds.Add(behind("rm-1"))
				w.env["MODE"] = c.first
				w.restart()
				event := w.event("M1", oneUpgrade)
				w.must(w.invoke(event))
				first := w.news()
				w.env["MODE"] = c.then
				w.restart()
				w.must(w.deliver(event, 1))
				w.must(w.tick())
				second := w.news()
				for n, all := range [2][]told{first, second} {
					tags := []string{}
					for _, one := range all {
						tags = append(tags, one.Tag)
					}
					w.sameLines(fmt.Sprint("published by delivery ", n+1), c.tags[n], tags)
				}
				if c.calls == 0 && first[0].ID != second[0].ID {
					t.Errorf("the plans have the ids %s and %s", first[0].ID, second[0].ID)
				}
				if w.upgrades() != c.calls {
					t.Errorf("%d calls", w.upgrades())
				}
			})
		})
	}
}

// What the policy does not allow is refused in a plan, too.
func TestARegionOutsideOfThePolicyIsRefused(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"apply", "plan"} {
		for name, c := range map[string]struct{ policy, selection, problem string }{
			"one that the policy does not name":  {"regions: [cn-hangzhou, cn-beijing]\n", `["cn-hangzhou","cn-shanghai"]`, "select.RegionId asks for cn-shanghai, but the policy allows only cn-hangzhou and cn-beijing: leave out what is not allowed, or add it to regions in policy.yaml"},
			"one where the policy names none":    {"", `["cn-shanghai"]`, "select.RegionId asks for cn-shanghai, but the policy names no regions, so only the function's own is allowed, cn-hangzhou: "},
			"one that the policy names":          {"regions: [cn-hangzhou, cn-beijing]\n", `["cn-beijing"]`, ""},
			"the function's own is not allowed":  {"regions: [cn-beijing]\n", `["cn-hangzhou"]`, "select.RegionId asks for cn-hangzhou, but the policy allows only cn-beijing: "},
			"none where the policy names others": {"regions: [cn-beijing]\n", `[]`, ""},
		} {
			t.Run(mode+" "+name, func(t *testing.T) {
				t.Parallel()
				play(t, c.policy, func(t *testing.T, w *world) {
					t.Helper()
					w.hasty = false
					w.rds.Add(behind("rm-1"), behind("rm-2", func(i *fakerds.Instance) { i.RegionID = "cn-beijing" }), behind("rm-3", func(i *fakerds.Instance) { i.RegionID = "cn-shanghai" }))
					selected := `"select":{"RegionId":` + c.selection + `},`
					if c.selection == "[]" {
						selected = ""
					}
					report := w.must(w.request("M1", `{"kind":"sweep",`+selected+`"mode":"`+mode+`","schedule":{"UpgradeTime":"Immediate"}}`))
					r := report.Requests[0]
					if problems := strings.Join(r.Problems, " "); !strings.HasPrefix(problems, c.problem) || (c.problem == "") != (problems == "") {
						t.Errorf("got %q, want %q", problems, c.problem)
					}
					tags := w.statuses()
					if refused := tags[0] == "rejected" && len(tags) == 1; refused != (c.problem != "") || refused && len(w.rds.Calls()) > 0 {
						t.Errorf("published %v, with %d calls", tags, len(w.rds.Calls()))
					}
					if c.problem == "" && (len(r.Instances) != 1 || r.Instances[0].DBInstanceID != "rm-2") {
						t.Errorf("got %+v", r.Instances)
					}
				})
			})
		}
	}
}

// The plan of a fleet that cannot be listed is no plan: Function Compute delivers the event again.
func TestAPlanOfAFleetThatCannotBeListedIsAnError(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		w.timeout = time.Minute
		w.before = func(service, _ string) bool { return service == "rds" }
		event := w.event("M1", strings.Replace(sweep, `"kind"`, `"mode":"plan","kind"`, 1))
		if _, err := w.invoke(event); errorType(t, err) != "Unavailable" {
			t.Errorf("got %v", err)
		}
		w.before = nil
		w.must(w.deliver(event, 1))
		w.sameLines("published", []string{"plan", "report"}, w.statuses())
	})
}

func TestTheSameRequestAgain(t *testing.T) {
	t.Parallel()
	twoBehind(t, func(t *testing.T, w *world) {
		t.Helper()
		event := w.event("M1", sweep)
		first := w.must(w.invoke(event))
		w.sameLines("published first", []string{"wave", "accepted"}, w.statuses())

		// Delivered again, to this process and to a new one: nothing new happens, and the answer is the same.
		written := w.written()
		for range 2 {
			again := w.must(w.deliver(event, 1))
			if diff := cmp.Diff(first, again); diff != "" {
				t.Errorf("the answer of a second delivery (-first +second):\n%s", diff)
			}
			w.restart()
		}
		w.sameLines("published by a second delivery", nil, w.statuses())
		if w.written() != written {
			t.Errorf("a second delivery wrote %d documents", w.written()-written)
		}

		// Sent again: it joins, and is told so.
		report := w.must(w.request("M2", sweep))
		if got := w.shown(report)[0]; !strings.Contains(got, "the same was asked for before and is under way: 0 proven, 1 in flight, wave 2 of 2 is next, with 1 waiting") {
			t.Errorf("got %s", got)
		}
		if n := w.news(); len(n) != 1 || n[0].Tag != "report" || n[0].Data.Joined != first.Requests[0].Rollout {
			t.Errorf("published %+v", n)
		}

		// After its end it may be asked for again.
		w.pass(6 * time.Hour)
		w.statuses()
		w.must(w.invoke(event))
		w.sameLines("published by a delivery after the end", nil, w.statuses())
		w.must(w.request("M3", sweep))
		w.sameLines("published by a request after the end", []string{"report"}, w.statuses())
		if w.upgrades() != 2 {
			t.Errorf("%d calls", w.upgrades())
		}
	})
}

func TestWhenAMessageWasSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sent    func(now time.Time) int64
		tags    []string
		problem string
	}{
		"a moment ago":                     {func(now time.Time) int64 { return now.Add(-time.Second).UnixMilli() }, []string{"accepted"}, ""},
		"almost 7 days ago":                {func(now time.Time) int64 { return now.Add(-7*24*time.Hour + time.Minute).UnixMilli() }, []string{"accepted"}, ""},
		"more than 7 days ago":             {func(now time.Time) int64 { return now.Add(-7*24*time.Hour - time.Second).UnixMilli() }, []string{"rejected"}, "the message was sent at 2026-11-15T11:59:59Z, more than 7 days ago: send it again if it is still wanted"},
		"in the future, by another clock":  {func(now time.Time) int64 { return now.Add(24 * time.Hour).UnixMilli() }, []string{"accepted"}, ""},
		"at no time that the envelope has": {func(time.Time) int64 { return 0 }, []string{"accepted"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.hasty = false
				w.rds.Add(behind("rm-1"))
				event := w.at("M1", oneUpgrade, c.sent(time.Now()))
				report := w.must(w.invoke(event))
				w.sameLines("published", c.tags, w.statuses())
				if c.problem != "" && fmt.Sprint(report.Requests[0].Problems) != "["+c.problem+"]" {
					t.Errorf("got %q", report.Requests[0].Problems)
				}
				w.must(w.deliver(event, 1))
				w.sameLines("published by a second delivery", nil, w.statuses())
				if called := w.upgrades() == 1; called != (c.problem == "") {
					t.Errorf("%d calls", w.upgrades())
				}
			})
		})
	}
}

// Without a time at which it was sent, a message counts as sent when it is received; an end that was published later than that is not joined.
func TestAnEndIsNotBegunAnewByAnOlderMessage(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.hasty = false
		w.rds.Add(behind("rm-1"))
		before := time.Now().UnixMilli()
		w.must(w.request("M1", sweep))
		w.pass(time.Hour)
		w.statuses()
		w.rds.Add(behind("rm-2"))
		report := w.must(w.invoke(w.at("M2", sweep, before)))
		if got := w.shown(report)[0]; !strings.Contains(got, "the same was closed at 2026-11-22T12:15:00Z, after this message was sent: send it again if it is still wanted") {
			t.Errorf("got %s", got)
		}
		w.must(w.invoke(w.at("M3", sweep, 0)))
		if w.upgrades() != 2 {
			t.Errorf("%d calls, want that of the request without a time, too", w.upgrades())
		}
	})
}

// Rollouts of a fleet go one after the other; what waits is published, and status shows it.
func TestTheStatusShowsWhatWaits(t *testing.T) {
	t.Parallel()
	twoBehind(t, func(t *testing.T, w *world) {
		t.Helper()
		const advisory = `{"kind":"advisory","advisory":{"id":"%s","severity":"%s","affected":[{"Engine":"MySQL","fixedIn":"rds_20260228"}]},"schedule":{"UpgradeTime":"Immediate"}}`
		first := w.must(w.request("M1", fmt.Sprintf(advisory, "A-1", "high"))).Requests[0].Rollout
		w.must(w.request("M2", fmt.Sprintf(advisory, "A-2", "low")))
		w.sameLines("published", []string{"wave", "accepted", "wave"}, w.statuses())
		report := w.must(w.request("M3", `{"kind":"status"}`))
		got := w.shown(report)[0]
		for _, want := range []string{"rollout of M1 is open: 0 proven, 1 in flight, wave 2 of 2 is next, with 1 waiting", "rollout of M2 is waiting: it waits for rollout " + first} {
			if !strings.Contains(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		var status struct {
			Data struct {
				Detail   string            `json:"detail"`
				Rollouts []notice.Progress `json:"rollouts"`
			} `json:"data"`
		}
		all := w.mns.Published(topic)
		if err := json.Unmarshal([]byte(all[len(all)-1].Body), &status); err != nil {
			t.Fatal(err)
		}
		advisories := map[string]state.RolloutState{}
		for _, r := range status.Data.Rollouts {
			advisories[r.Advisory] = r.State
		}
		if diff := cmp.Diff(map[string]state.RolloutState{"A-1": state.Open, "A-2": state.Waiting}, advisories); diff != "" || status.Data.Detail != "rollouts: 1 under way, 1 waiting, 0 halted" {
			t.Errorf("got %+v", status)
		}
		w.statuses()
	})
}
