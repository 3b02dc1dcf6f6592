package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	fcerror "github.com/aliyun/fc-runtime-go-sdk/fc/messages"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/google/go-cmp/cmp"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/rig"
)

// oneUpgrade is a request for one instance.
const oneUpgrade = `{"DBInstanceId":"rm-1"}`

// errorType is the type by which Function Compute knows a function's error.
func errorType(tb testing.TB, err error) string {
	tb.Helper()
	if err == nil {
		return ""
	}
	response, ok := err.(fcerror.InvokeResponse_Error) //nolint:errorlint // the runtime looks at the value itself
	if !ok {
		tb.Fatalf("%T: the runtime would name it by its Go type", err)
	}
	return response.Type
}

// statuses are those of the notifications since it was asked last.
func (w *world) statuses() (tags []string) {
	w.tb.Helper()
	for _, n := range w.news() {
		tags = append(tags, n.Tag)
	}
	return tags
}

// last is the last notification with a tag.
func (w *world) last(tag string) told {
	w.tb.Helper()
	w.read = 0
	all := slices.DeleteFunc(w.news(), func(n told) bool { return n.Tag != tag })
	if len(all) == 0 {
		w.tb.Fatalf("no %s was published", tag)
	}
	return all[len(all)-1]
}

// upgrades is how many upgrade calls have reached RDS.
func (w *world) upgrades() int { return len(w.rds.CallsOf(upgradeCall)) }

// sameLines compares two lists line by line.
func (w *world) sameLines(what string, want, got []string) {
	w.tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// must is what an invocation has returned that must not fail.
func (w *world) must(report *function.Report, err error) *function.Report {
	w.tb.Helper()
	if err != nil {
		w.tb.Fatal(err)
	}
	return report
}

// as runs the function as Function Compute does, with another context.
func (w *world) as(event string, change func(fc *fccontext.FcContext)) (*function.Report, error) {
	w.invoked++
	key := w.keys.Issue(time.Hour)
	fc := &fccontext.FcContext{
		RequestID: w.requestID(), Region: region, AccountId: account, Function: fccontext.Function{Name: "rds-kernel-upgrade"},
		Credentials: fccontext.Credentials{AccessKeyId: key.ID, AccessKeySecret: key.Secret, SecurityToken: key.Token},
	}
	change(fc)
	ctx, cancel := context.WithTimeout(context.Background(), w.timeout)
	defer cancel()
	return w.function.Handle(fccontext.NewContext(ctx, fc), []byte(event))
}

func TestEveryEnvelopeReachesTheInstance(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			event, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			play(t, "mode: plan\nregions: [cn-hangzhou, cn-shanghai]\n", func(t *testing.T, w *world) { // whatever instance the sample names: nothing is called
				t.Helper()
				w.hasty = false
				w.rds.Add(behind("rm-1"))
				report := w.must(w.invoke(string(event)))
				for _, r := range report.Requests {
					if refused := strings.Contains(file, "stop-rollout"); (r.Status == "rejected") != refused { // it names a rollout that there is not
						t.Errorf("got %+v", r)
					}
				}
				if strings.Contains(file, "tick") || strings.Contains(file, "follow-ups") {
					w.sameLines("published", nil, w.statuses())
					return
				}
				if len(w.statuses()) == 0 {
					t.Error("nothing was published")
				}
				trigger, _, _ := strings.Cut(filepath.Base(file), "-")
				trigger = strings.TrimSuffix(trigger, ".json")
				body := w.mns.Published(topic)[0].Body
				if !strings.Contains(body, `"cause":{"trigger":"`+trigger) && !strings.Contains(body, `"cause":{"trigger":"direct"`) { // a stream has no envelope
					t.Errorf("the trigger is not %s: %s", trigger, body)
				}
			})
		})
	}
}

func TestAReportHasTheFourFieldsOfTheAPI(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		text, err := json.Marshal(w.must(w.request("M1", oneUpgrade)))
		if err != nil {
			t.Fatal(err)
		}
		call, body := w.rds.CallsOf(upgradeCall)[0], w.mns.Published(topic)[0].Body
		for _, field := range []string{`"DBInstanceName":"rm-1"`, `"TaskId":"226917711"`, `"TargetMinorVersion":"rds_20260228"`} {
			if !strings.Contains(string(text), field) || !strings.Contains(body, field) {
				t.Errorf("%s is not in %s or not in %s", field, text, body)
			}
		}
		if field := `"RequestId":"` + call.RequestID + `"`; !strings.Contains(body, field) { // the document drops it once it is published
			t.Errorf("%s is not in %s", field, body)
		}
	})
}

// element is a message of a queue, as an event has several of.
func element(n int, body string) string {
	quoted, _ := json.Marshal(body)
	return fmt.Sprintf(`{"id":"e%d","source":"MNS-Function-q","specversion":"1.0","type":"mns:Queue:SendMessage","subject":"acs:mns:cn-hangzhou:1:queues/q","data":{"requestId":"r","messageId":"m%d","messageBody":%s}}`, n, n, quoted)
}

func TestABadMessageInABatchDoesNotTouchTheOthers(t *testing.T) {
	t.Parallel()
	event := "[" + strings.Join([]string{
		element(1, `{"DBInstanceId":"rm-gone"}`), element(2, `{"nonsense":1}`), `17`, `18`, element(4, oneUpgrade), element(5, "not json"), element(6, `{"DBInstanceId":"rm-2"}`),
	}, ",") + "]"
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.hasty = false
		w.rds.Add(behind("rm-1"), behind("rm-2"))
		report := w.must(w.invoke(event))
		got := []string{}
		for _, r := range report.Requests {
			got = append(got, fmt.Sprintf("%s %s %s %d", r.MessageID, r.State, r.Status, len(r.Instances)))
		}
		w.sameLines("the answer", []string{"m1 closed  1", "m2  rejected 0", "  rejected 0", "  rejected 0", "m4 open  1", "m5  rejected 0", "m6 open  1"}, got)
		ids, tags := map[string]bool{}, map[string]int{}
		for _, n := range w.news() {
			ids[n.ID] = true
			tags[n.Tag]++
		}
		if diff := cmp.Diff(map[string]int{"failed": 1, "report": 1, "rejected": 4, "accepted": 2}, tags); diff != "" || len(ids) != 8 || w.upgrades() != 2 {
			t.Errorf("%d calls, %d ids, and published (-want +got):\n%s", w.upgrades(), len(ids), diff)
		}
	})
}

// What can be served is served although Function Compute gets an error for a message of the same event that could not be rejected.
func TestABadMessageThatCannotBeRejectedIsAnErrorAndTheOthersAreServed(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		w.mns.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: faults.TokenExpired, Times: 1})
		event := "[" + element(1, "not json") + "," + element(2, oneUpgrade) + "]"
		if _, err := w.invoke(event); errorType(t, err) != "Denied" || w.upgrades() != 1 {
			t.Errorf("got %v and %d calls", err, w.upgrades())
		}
		w.must(w.deliver(event, 1))
		w.sameLines("published", []string{"accepted", "rejected"}, w.statuses())
		if w.upgrades() != 1 {
			t.Errorf("%d calls", w.upgrades())
		}
	})
}

func TestAWrongMessageIsRejectedAndAcknowledged(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]string{
		"no envelope at all":          "\x00\x01",
		"an empty event":              "",
		"two mistakes":                `{"DBInstanceId":"rm 1","UpgradeTime":"now"}`,
		"an advisory without a text":  `{"kind":"advisory"}`,
		"an empty timer":              `{"triggerTime":"2026-11-22T12:00:00Z","triggerName":"nightly","payload":""}`,
		"a stop that stops nothing":   `{"kind":"stop"}`,
		"a status that has a mistake": `{"kind":"status","DBInstanceId":"rm-1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.hasty = false
				for retries := range 2 {
					if report := w.must(w.deliver(event, retries)); report.Requests[0].Status != "rejected" {
						t.Fatalf("got %+v", report)
					}
				}
				if calls := len(w.rds.Calls()); calls != 0 || len(w.oss.Calls()) != w.begun() {
					t.Errorf("%d RDS calls, and these of OSS: %v", calls, w.oss.Calls()[w.begun():])
				}
				if notes := w.news(); len(notes) != 2 || notes[0].Tag != "rejected" || notes[0].ID != notes[1].ID || len(notes[0].Data.Problems) == 0 {
					t.Errorf("got %+v", notes)
				}
			})
		})
	}
}

// begun is how many calls of OSS it takes to make the first document.
func (w *world) begun() int { return 4 }

func TestTheModeDecidesHowFarItGoes(t *testing.T) {
	t.Parallel()
	const plan = `{"DBInstanceId":"rm-1","mode":"plan"}`
	for name, c := range map[string]struct {
		policy, environment, request string
		tags                         []string
		reads                        bool
	}{
		"apply everywhere":           {"mode: apply\n", "apply", oneUpgrade, []string{"accepted"}, true},
		"plan in the environment":    {"", "plan", oneUpgrade, []string{"plan", "report"}, true},
		"off in the environment":     {"mode: plan\n", "off", oneUpgrade, []string{"halted", "report"}, false},
		"apply in it frees nothing":  {"mode: off\n", "apply", oneUpgrade, []string{"halted", "report"}, false},
		"plan in it frees nothing":   {"mode: off\n", "plan", oneUpgrade, []string{"halted", "report"}, false},
		"plan in the request":        {"", "", plan, []string{"plan", "report"}, true},
		"plan in the policy":         {"mode: plan\n", "", `{"DBInstanceId":"rm-1","mode":"apply"}`, []string{"plan", "report"}, true},
		"the kill switch":            {"mode: off\n", "", oneUpgrade, []string{"halted", "report"}, false},
		"the kill switch beats plan": {"mode: off\n", "", plan, []string{"halted", "report"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, c.policy, func(t *testing.T, w *world) {
				t.Helper()
				w.hasty = false
				w.env["MODE"] = c.environment
				w.restart()
				w.rds.Add(behind("rm-1"))
				w.must(w.request("M1", c.request))
				w.sameLines("published", c.tags, w.statuses())
				if want := c.tags[0] == "accepted"; (w.upgrades() == 1) != want {
					t.Errorf("%d upgrade calls", w.upgrades())
				}
				if read := len(w.rds.Calls()) > 0; read != c.reads {
					t.Errorf("RDS was asked: %v", read)
				}
			})
		})
	}
}

// MODE in the environment needs no deployment: what is under way is halted by the next tick, and what is in flight is still proven.
func TestTheKillSwitchStopsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"off", "plan"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			twoBehind(t, func(t *testing.T, w *world) {
				t.Helper()
				w.must(w.request("M1", `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"},"rollout":{"bake":"0s"}}`))
				w.env["MODE"] = mode
				w.restart()
				w.pass(time.Hour)
				w.sameLines("published", []string{"wave", "accepted", "halted", "completed", "wave", "report"}, w.statuses())
				if w.upgrades() != 1 {
					t.Errorf("%d upgrade calls", w.upgrades())
				}
			})
		})
	}
}

// TestTheWireCarriesWhatWasAsked is for the three values of UpgradeTime.
func TestTheWireCarriesWhatWasAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		event string
		want  map[string]string
	}{
		"nothing but the id means at once": {oneUpgrade, map[string]string{"UpgradeTime": "Immediate"}},
		"Immediate":                        {`{"DBInstanceId":"rm-1","UpgradeTime":"Immediate"}`, map[string]string{"UpgradeTime": "Immediate"}},
		"MaintainTime with a version":      {`{"DBInstanceId":"rm-1","UpgradeTime":"MaintainTime","TargetMinorVersion":"rds_20260228"}`, map[string]string{"UpgradeTime": "MaintainTime", "TargetMinorVersion": "rds_20260228"}},
		"SpecifyTime":                      {`{"DBInstanceId":"rm-1","UpgradeTime":"SpecifyTime","SwitchTime":"2026-11-22T13:00:00Z"}`, map[string]string{"UpgradeTime": "SpecifyTime", "SwitchTime": "2026-11-22T13:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(behind("rm-1"))
				w.must(w.request("M1", c.event))
				got := map[string]string{}
				for name, value := range w.rds.CallsOf(upgradeCall)[0].Params {
					if slices.Contains([]string{"UpgradeTime", "SwitchTime", "TargetMinorVersion", "ClientToken", "OwnerId"}, name) {
						got[name] = value
					}
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			})
		})
	}
}

func TestCredentialsComeFromEachInvocation(t *testing.T) {
	t.Parallel()
	play(t, "mode: plan\n", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		const operator = "STS.local-000001" // who has made the first document
		for n := range 3 {
			w.must(w.request(fmt.Sprint("M", n), oneUpgrade))
		}
		of := map[string][]string{}
		for _, call := range w.rds.Calls() {
			of["RDS"] = append(of["RDS"], call.Params["AccessKeyId"])
		}
		for _, call := range w.mns.CallsOf("PublishMessage") {
			of["MNS"] = append(of["MNS"], call.AccessKeyID)
		}
		for _, call := range w.oss.Calls() {
			of["OSS"] = append(of["OSS"], call.AccessKeyID)
		}
		for service, keys := range of {
			keys = slices.DeleteFunc(slices.Compact(keys), func(key string) bool { return key == operator })
			w.sameLines(service, []string{"STS.local-000002", "STS.local-000003", "STS.local-000004"}, keys)
		}
	})
}

func TestExpiredAndRefusedCredentialsAreToldApart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change     func(w *world, fc *fccontext.FcContext)
		kind, want string
	}{
		"they have expired":     {func(w *world, _ *fccontext.FcContext) { w.keys.ExpireAll() }, "Expired", "SecurityTokenExpired"},
		"nobody knows them":     {func(_ *world, fc *fccontext.FcContext) { fc.Credentials.AccessKeyId = "STS.unknown" }, "Denied", "InvalidAccessKeyId"},
		"the secret is wrong":   {func(_ *world, fc *fccontext.FcContext) { fc.Credentials.AccessKeySecret = "another" }, "Denied", "SignatureDoesNotMatch"},
		"there are none":        {func(_ *world, fc *fccontext.FcContext) { fc.Credentials = fccontext.Credentials{} }, "Invalid", "give the function a role"},
		"there is no region":    {func(_ *world, fc *fccontext.FcContext) { fc.Region = "" }, "Invalid", "names no region or account"},
		"the region is no name": {func(_ *world, fc *fccontext.FcContext) { fc.Region = "a.b.c" }, "Invalid", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(behind("rm-1"))
				if _, err := w.as(w.event("M1", oneUpgrade), func(fc *fccontext.FcContext) { c.change(w, fc) }); errorType(t, err) != c.kind || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s: %s", err, c.kind, c.want)
				}
				if w.upgrades() != 0 || len(w.statuses()) != 0 {
					t.Errorf("%d calls, published %v", w.upgrades(), w.statuses())
				}
			})
		})
	}
}

func TestAnInvocationWithoutItsContextIsRefused(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		if _, err := w.function.Handle(t.Context(), []byte(oneUpgrade)); errorType(t, err) != "Internal" || !strings.Contains(err.Error(), "go1 runtime") {
			t.Errorf("got %v", err)
		}
	})
}

// The runtime always sets a deadline; without one an invocation has a minute.
func TestAnInvocationWithoutADeadlineIsServed(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		key := w.keys.Issue(time.Hour)
		ctx := fccontext.NewContext(context.Background(), &fccontext.FcContext{
			RequestID: "1-2-3", Region: region, AccountId: account, Function: fccontext.Function{Name: "rds-kernel-upgrade"},
			Credentials: fccontext.Credentials{AccessKeyId: key.ID, AccessKeySecret: key.Secret, SecurityToken: key.Token},
		})
		w.must(w.function.Handle(ctx, []byte(w.event("M1", oneUpgrade))))
		w.sameLines("published", []string{"accepted"}, w.statuses())
	})
}

func TestADeniedCallFailsForGood(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.hasty = false
		w.rds.Add(behind("rm-1", with(fakerds.Upgrade{Refuse: "InstanceMissingMinorVersionAttr"})))
		report := w.must(w.request("M1", oneUpgrade))
		if i := report.Requests[0].Instances[0]; i.Status != "failed" || i.Error == nil || i.Error.Code != "InstanceMissingMinorVersionAttr" {
			t.Errorf("got %+v", report)
		}
		w.sameLines("published", []string{"failed", "report"}, w.statuses())
		w.pass(time.Hour)
		if w.upgrades() != 1 {
			t.Errorf("%d calls", w.upgrades())
		}
	})
}

func TestAPublishThatKeepsFailingIsAnErrorAndLosesNothing(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		w.mns.Faults().Add(faults.Fault{Action: "PublishMessage", Kind: faults.TokenExpired, Times: 1})
		event := w.event("M1", oneUpgrade)
		if _, err := w.invoke(event); errorType(t, err) != "Denied" {
			t.Fatal("the notification is lost")
		}
		w.must(w.deliver(event, 1))
		w.sameLines("published", []string{"accepted"}, w.statuses())
		if w.upgrades() != 1 {
			t.Errorf("%d calls", w.upgrades())
		}
	})
}

// TestNothingThatLeavesHoldsACredential looks for any piece of the credentials in the log, the notifications, the error, the answer, and every
// object of the bucket, while the services fail in every way.
func TestNothingThatLeavesHoldsACredential(t *testing.T) {
	t.Parallel()
	for _, kind := range faults.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.env["LOG_LEVEL"] = "DEBUG"
				w.restart()
				w.rds.Add(behind("rm-1", with(fakerds.Upgrade{Refuse: "EngineNotSupported"})), behind("rm-2"))
				var out strings.Builder
				for service, action := range map[*faults.Set]string{w.rds.Faults(): upgradeCall, w.mns.Faults(): "PublishMessage", w.oss.Faults(): "PutObject"} {
					service.Add(faults.Fault{Action: action, Kind: kind, Times: 1, Delay: time.Minute})
					for retries, event := range []string{w.event("M1", oneUpgrade), w.event("M2", `{"DBInstanceId":"rm-2"}`), w.event("M3", `{"kind":"status"}`)} {
						report, err := w.deliver(event, retries)
						text, _ := json.Marshal(report)
						fmt.Fprintln(&out, string(text), err)
					}
					service.Clear()
				}
				w.pass(time.Hour)
				fmt.Fprintln(&out, w.log)
				for _, m := range w.mns.Published(topic) {
					fmt.Fprintln(&out, m)
				}
				for _, o := range w.oss.Objects("") {
					fmt.Fprintln(&out, o.Key, string(o.Content))
				}
				var secrets rig.Secrets
				for _, part := range []string{"local-sts-secret-", "CAIS-local", "STS.local-", "Signature="} {
					secrets.Add(part, part)
				}
				for _, leak := range secrets.Leaks(out.String()) {
					t.Error(leak)
				}
			})
		})
	}
}
