package main_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/faults"
)

// bucketOf gives the world another OSS with what is in the bucket now, so that something of it can be different.
func (w *world) bucketOf(change func(*fakeoss.Options)) {
	w.tb.Helper()
	options := fakeoss.Options{Now: time.Now, Keys: w.keys, Region: region}
	change(&options)
	other := fakeoss.New(options)
	if err := other.CreateBucket(bucket, fakeoss.BucketOptions{}); err != nil {
		w.tb.Fatal(err)
	}
	for _, o := range w.oss.Objects("") {
		if err := other.Store(o.Bucket, o.Key, o.Content); err != nil {
			w.tb.Fatal(err)
		}
	}
	w.oss = other
}

// put stores an object, as somebody can who may write the bucket.
func (w *world) put(number int64, content string) {
	w.tb.Helper()
	if err := w.oss.Store(bucket, fmt.Sprintf("%s/state/%012d.json", prefix, number), []byte(content)); err != nil {
		w.tb.Fatal(err)
	}
}

// first is the first document, as it is stored.
func (w *world) first() string {
	return string(w.oss.Objects(prefix + "/state/000000000001.json")[0].Content)
}

// anonymous takes out of a text what is another one each time.
func anonymous(text string) string {
	return regexp.MustCompile(`\(request [0-9A-F]+\)`).ReplaceAllString(text, "(request …)")
}

const passes = "; without the document nothing is called, and Function Compute delivers the event again"

// TestWithoutTheDocumentNothingIsCalled is a table of all that can be wrong with the bucket. Nothing is called then and nothing is published,
// Function Compute gets an error of the fault's kind that says what to do, and when it is mended the message is served.
func TestWithoutTheDocumentNothingIsCalled(t *testing.T) {
	t.Parallel()
	again := func(w *world) { w.bucketOf(func(*fakeoss.Options) {}) }
	clear := func(w *world) { w.oss.Faults().Clear() }
	fault := func(kind faults.Kind, delay time.Duration) func(*world) {
		return func(w *world) { w.oss.Faults().Add(faults.Fault{Action: "*", Kind: kind, Delay: delay}) }
	}
	restore := func(w *world) { w.put(3, w.first()) } // as the error says
	for name, c := range map[string]struct {
		spoil, mend func(*world)
		kind, want  string
	}{
		"there is no document": {
			func(w *world) {
				kept := w.oss
				w.oss = fakeoss.New(fakeoss.Options{Now: time.Now, Keys: w.keys, Region: region})
				_ = w.oss.CreateBucket(bucket, fakeoss.BucketOptions{})
				_ = w.oss.Store(bucket, "kept", kept.Objects("")[0].Content)
			},
			func(w *world) { w.put(1, string(w.oss.Objects("kept")[0].Content)) },
			"NotFound", "state: list rds-kernel-upgrade/state/: there is no document, so nothing is called. If there was one, STATE_BUCKET or STATE_PREFIX is wrong, " +
				"or it was removed: then copy it back. If this function has never run, make the first one: make deploy does",
		},
		"there is no bucket": {
			func(w *world) { w.env["STATE_BUCKET"] = "another-bucket"; w.restart() },
			func(w *world) { w.env["STATE_BUCKET"] = bucket; w.restart() },
			"Invalid", "state: ask for the bucket's versioning: oss: GetBucketVersioning another-bucket: NoSuchBucket: The specified bucket does not exist.: " +
				"make the bucket (deploy/) and name it in STATE_BUCKET; without the bucket nothing is called: look at STATE_BUCKET and OSS_ENDPOINT, " +
				"or make it (deploy/README.md) (request …)",
		},
		"the role has no right on the bucket": {
			func(w *world) {
				w.bucketOf(func(o *fakeoss.Options) { o.Allow = func(fakeoss.Access) bool { return false } })
			}, again,
			"Denied", "state: ask for the bucket's versioning: oss: GetBucketVersioning rds-kernel-upgrade-state: AccessDenied: The bucket you access does not belong to you.: " +
				"the function's role needs the rights that deploy/ gives it, and the bucket has to be in the region of the endpoint; without the document nothing is called: " +
				"the function's role needs oss:GetObject and oss:PutObject on rds-kernel-upgrade/*, and oss:ListObjects and oss:GetBucketVersioning on the bucket " +
				"(deploy/function-policy.json) (request …)",
		},
		"the role may not list": {
			func(w *world) {
				w.bucketOf(func(o *fakeoss.Options) {
					o.Allow = func(a fakeoss.Access) bool { return a.Action != "ListObjectsV2" }
				})
			}, again,
			"Denied", "state: list rds-kernel-upgrade/state/: oss: ListObjectsV2 rds-kernel-upgrade-state/rds-kernel-upgrade/state/: AccessDenied: ",
		},
		"the role may not read": {
			func(w *world) {
				w.bucketOf(func(o *fakeoss.Options) { o.Allow = func(a fakeoss.Access) bool { return a.Action != "GetObject" } })
			}, again,
			"Denied", "state: read rds-kernel-upgrade/state/000000000001.json: oss: GetObject rds-kernel-upgrade-state/rds-kernel-upgrade/state/000000000001.json: AccessDenied: ",
		},
		"the role may not write": {
			func(w *world) {
				w.bucketOf(func(o *fakeoss.Options) { o.Allow = func(a fakeoss.Access) bool { return a.Action != "PutObject" } })
			}, again,
			"Denied", "state: write rds-kernel-upgrade/state/000000000002.json: oss: PutObject rds-kernel-upgrade-state/rds-kernel-upgrade/state/000000000002.json: AccessDenied: ",
		},
		"OSS answers with errors": {
			fault(faults.ServerError, 0), clear,
			"Unavailable", "state: ask for the bucket's versioning: oss: GetBucketVersioning rds-kernel-upgrade-state: InternalError: Please contact the server administrator, oss@service.aliyun.com." + passes + " (request …)",
		},
		"a load balancer answers for OSS": {
			fault(faults.HTML, 0), clear,
			"Unavailable", "state: ask for the bucket's versioning: oss: GetBucketVersioning rds-kernel-upgrade-state: the answer is not OSS's: status 502, 94 bytes" + passes,
		},
		"OSS cannot be reached": {
			func(w *world) { w.before = func(service, _ string) bool { return service == "oss" } }, func(w *world) { w.before = nil },
			"Unavailable", "state: ask for the bucket's versioning: oss: GetBucketVersioning rds-kernel-upgrade-state: oss GET rds-kernel-upgrade-state/?versioning: the connection was refused" + passes,
		},
		"OSS throttles": {
			fault(faults.Throttle, 0), clear,
			"Throttled", "state: ask for the bucket's versioning: oss: GetBucketVersioning rds-kernel-upgrade-state: TotalQpsLimitExceeded: ",
		},
		"OSS is slower than any request may be": {
			fault(faults.Latency, time.Minute), clear,
			"Unavailable", passes,
		},
		"OSS never answers": {
			fault(faults.Hang, 0), clear,
			"Unavailable", passes,
		},
		"the credentials expire": {
			fault(faults.TokenExpired, 0), clear,
			"Expired", passes,
		},
		"the bucket has versioning": {
			func(w *world) { _ = w.oss.SetVersioning(bucket, fakeoss.Enabled) }, again,
			"Invalid", "state: bucket: it has versioning, or once had it: there, OSS lets one writer replace what another one has written, so nothing is called. " +
				"Make a bucket without versioning, copy the newest object of rds-kernel-upgrade/state/ into it, and set STATE_BUCKET",
		},
		"the bucket once had versioning": {
			func(w *world) { _ = w.oss.SetVersioning(bucket, fakeoss.Suspended) }, again,
			"Invalid", "state: bucket: it has versioning, or once had it: ",
		},
		"the document is broken": {
			func(w *world) { w.put(2, `{"version":1,"number":`) }, restore,
			"Invalid", "state: read rds-kernel-upgrade/state/000000000002.json: the document is broken: the document is not JSON, or is cut off. It stays as it is, and nothing is called. " +
				"Mend a copy, and store it as rds-kernel-upgrade/state/000000000003.json, or go back to the document before it: " +
				"copy rds-kernel-upgrade/state/000000000001.json to rds-kernel-upgrade/state/000000000003.json",
		},
		"the document is empty": {
			func(w *world) { w.put(2, "") }, restore,
			"Invalid", "state: read rds-kernel-upgrade/state/000000000002.json: the document is broken: the document is empty. ",
		},
		"the document is of a newer version": {
			func(w *world) { w.put(2, strings.Replace(w.first(), `"version": 1`, `"version": 2`, 1)) }, restore,
			"Invalid", "state: read rds-kernel-upgrade/state/000000000002.json: its format has version 2, and this function knows versions up to 1: " +
				"it was written by a newer version of the function. Nothing is called. Deploy that version again, or go back to the document before it: " +
				"copy rds-kernel-upgrade/state/000000000001.json to rds-kernel-upgrade/state/000000000003.json",
		},
		"others write whenever this one wants to": {
			func(w *world) {
				w.before = func(service, action string) bool {
					if service == "oss" && strings.HasPrefix(action, "PUT") {
						d := w.document()
						d.Written = time.Now().UTC().Truncate(time.Second)
						if err := w.store().From(d.Number).Save(w.tb.Context(), d); err != nil {
							w.tb.Error(err)
						}
					}
					return false
				}
			}, func(w *world) { w.before = nil },
			"Conflict", "state: write rds-kernel-upgrade/state/000000000006.json: another invocation has written this number: load it, and decide again",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.hasty = false
				w.rds.Add(behind("rm-1"))
				c.spoil(w)
				event := w.event("M1", `{"DBInstanceId":"rm-1"}`)
				_, err := w.invoke(event)
				if errorType(t, err) != c.kind || !strings.Contains(anonymous(err.Error()), c.want) {
					t.Errorf("got %s\nwant %s", err, c.want)
				}
				if calls := w.upgrades(); calls != 0 {
					t.Errorf("%d calls were made", calls)
				}
				if c.kind != "Conflict" && !strings.Contains(name, "may not write") && len(w.rds.Calls()) != 0 {
					t.Errorf("RDS was asked: %v", w.rds.Calls())
				}
				w.sameLines("published", nil, w.statuses())
				c.mend(w)
				time.Sleep(6 * time.Minute)
				if _, err := w.deliver(event, 1); err != nil {
					t.Fatal(err)
				}
				w.sameLines("published", []string{"accepted"}, w.statuses())
				if calls := w.upgrades(); calls != 1 {
					t.Errorf("%d calls were made", calls)
				}
			})
		})
	}
}

// A write whose answer was lost is looked for: what stands there is one's own, or another's.
func TestALostAnswerOfAWriteIsNoError(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world){
		"the connection is reset": func(w *world) { w.oss.Faults().Add(faults.Fault{Action: "PutObject", Kind: faults.ResetAfter}) },
		"the answer never comes":  func(w *world) { w.oss.Faults().Add(faults.Fault{Action: "PutObject", Kind: faults.Hang}) },
		"the answer is cut off":   func(w *world) { w.oss.Faults().Add(faults.Fault{Action: "PutObject", Kind: faults.Truncate}) },
		"the answer is empty":     func(w *world) { w.oss.Faults().Add(faults.Fault{Action: "PutObject", Kind: faults.Empty}) },
		"each second answer, and the first look": func(w *world) {
			puts := 0
			w.after = func(service, action string) bool {
				if service == "oss" && strings.HasPrefix(action, "PUT") {
					puts++
				}
				return service == "oss" && strings.HasPrefix(action, "PUT") && puts%2 == 1
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(behind("rm-1"))
				lose(w)
				if _, err := w.request("M1", `{"DBInstanceId":"rm-1"}`); err != nil {
					t.Fatal(err)
				}
				w.pass(time.Hour)
				w.sameLines("published", []string{"accepted", "completed", "report"}, w.statuses())
				if calls := w.upgrades(); calls != 1 {
					t.Errorf("%d calls were made", calls)
				}
				w.history(t)
			})
		})
	}
}

// Where nobody knows whether an intent was written, it is nobody's: no call is made for it until it has shown nothing for verify.first.
func TestNoCallIsMadeForAnIntentWhoseWriteIsInDoubt(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		written := false
		w.after = func(service, action string) bool { // the write is not answered, and neither is the look at what was written
			lost := service == "oss" && (written || strings.HasPrefix(action, "PUT"))
			written = service == "oss" && strings.HasPrefix(action, "PUT")
			return lost
		}
		if _, err := w.request("M1", `{"DBInstanceId":"rm-1"}`); err != nil {
			t.Fatal(err)
		}
		w.after = nil
		time.Sleep(4 * time.Minute)
		w.must(w.tick())
		if w.upgrades() != 0 || len(w.statuses()) != 0 {
			t.Errorf("%d calls were made, and published was %v", w.upgrades(), w.statuses())
		}
		w.pass(time.Hour)
		w.sameLines("published", []string{"accepted", "completed", "report"}, w.statuses())
		if calls := w.upgrades(); calls != 1 {
			t.Errorf("%d calls were made", calls)
		}
	})
}

// Two invocations want to write one number: one of them decides again, and both requests are served once.
func TestWhoComesSecondDecidesAgain(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"), behind("rm-2"))
		other := false
		w.before = func(service, action string) bool {
			if service == "oss" && strings.HasPrefix(action, "PUT") && !other {
				other = true
				process := w.function
				w.restart() // a second process
				if _, err := w.request("M2", `{"DBInstanceId":"rm-2"}`); err != nil {
					t.Error(err)
				}
				w.function = process
			}
			return false
		}
		if _, err := w.request("M1", `{"DBInstanceId":"rm-1"}`); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		if diff := cmp.Diff(map[string]int{"rm-1": 1, "rm-2": 1}, w.accepted()); diff != "" {
			t.Errorf("accepted calls (-want +got):\n%s", diff)
		}
		for _, r := range w.document().Rollouts {
			if r.State != state.Closed {
				t.Errorf("rollout %s is %s", r.ID, r.State)
			}
		}
		w.promises(t)
	})
}

// What could not be put into the archive is put there later.
func TestAnArchiveThatCannotBeWrittenIsWrittenLater(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		allowed := false
		w.bucketOf(func(o *fakeoss.Options) {
			o.Allow = func(a fakeoss.Access) bool { return allowed || !strings.Contains(a.Key, "/rollouts/") }
		})
		if _, err := w.request("M1", `{"DBInstanceId":"rm-1"}`); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		w.sameLines("published", []string{"accepted", "completed", "report"}, w.statuses())
		if archives := w.oss.Objects(prefix + "/rollouts/"); len(archives) != 0 || !strings.Contains(w.log.String(), `"msg":"archive"`) {
			t.Errorf("%d archives, and the log says %s", len(archives), w.log)
		}
		allowed = true
		w.rds.Add(behind("rm-2"))
		if _, err := w.request("M2", `{"DBInstanceId":"rm-2"}`); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		if archives := w.oss.Objects(prefix + "/rollouts/"); len(archives) != 2 {
			t.Errorf("%d archives, want that of each rollout", len(archives))
		}
	})
}

// A document that nothing changes is written anew when it is a day old, so that the lifecycle rule of the bucket does not remove it.
func TestADocumentIsWrittenAnewOnceADay(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		if _, err := w.request("M1", `{"DBInstanceId":"rm-1"}`); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Hour)
		last := w.document()
		time.Sleep(22 * time.Hour)
		w.pass(time.Hour)
		if d := w.document(); d.Number != last.Number {
			t.Errorf("document %d was written at %s", d.Number, d.Written)
		}
		w.pass(time.Hour)
		if d := w.document(); d.Number != last.Number+1 || d.Written.Sub(last.Written) < 24*time.Hour || !state.Equal(d, last) {
			t.Errorf("document %d was written at %s, after %d at %s", d.Number, d.Written, last.Number, last.Written)
		}
		time.Sleep(8 * 24 * time.Hour)
		w.must(w.tick())
		if d := w.document(); len(d.Rollouts)+len(d.Messages)+len(d.Last) != 0 {
			t.Errorf("what is over and old is still there: %+v", d)
		}
	})
}
