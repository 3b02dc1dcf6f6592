package oss_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

func TestTheDocumentedAnswersAreUnderstood(t *testing.T) {
	t.Parallel()
	if len(success) != len(calls) || len(means) != len(calls) {
		t.Fatalf("%d answers and %d results for %d calls", len(success), len(means), len(calls))
	}
	for op, call := range calls {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			if got, err := call(t.Context(), success[op].client()); err != nil || got != means[op] {
				t.Errorf("got %q, %v, want %q", got, err, means[op])
			}
		})
	}
}

func TestABucketsVersioningIsReadOrRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`<VersioningConfiguration xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com"/>`:    "false",
		"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>":   "true",
		"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>": "true",
		"<VersioningConfiguration><Status>enabled</Status></VersioningConfiguration>":   "", // nobody knows what that is
		"<VersioningConfiguration><Status>Off</Status></VersioningConfiguration>":       "",
		"<VersioningConfiguration><Status></Status></VersioningConfiguration>":          "",
		"<VersioningConfiguration>":          "",
		"<Versioning><Status/></Versioning>": "",
		"<html/>":                            "",
		"":                                   "",
		"{}":                                 "",
	} {
		got, err := calls["GetBucketVersioning upgrades"](t.Context(), answer{200, text, nil}.client())
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

// In such a bucket the object is written whatever is there. That is no success, whatever else is in the answer.
func TestAnAnswerWithAVersionIsNoSuccess(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]answer{
		"an id":                       {200, "", map[string]string{"X-Oss-Version-Id": "CAEQNhiBgMDJgZCA0BYiIDc4MGZjZGI2"}},
		"null, as after a suspension": {200, "", map[string]string{"X-Oss-Version-Id": "null"}},
		"an id and no request id":     {200, "", map[string]string{"X-Oss-Version-Id": "null", "X-Oss-Request-Id": ""}},
		"an id and a strange page":    {203, "<html>", map[string]string{"X-Oss-Version-Id": "null"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			created, err := a.client().Create(t.Context(), key, []byte(body))
			if created {
				t.Error("it counts as created")
			}
			wantFault(t, err, fault.Error{
				Op: "oss: PutObject upgrades/" + key, Kind: fault.Invalid, RequestID: a.headers().Get("X-Oss-Request-Id"),
				Message: "=the bucket has or had versioning, so nothing keeps two writers apart: make another bucket without it, and name that in STATE_BUCKET",
			})
		})
	}
}

// An object that could not be read again is not written, and what comes back is what was written.
func TestTheLengthOfAnObjectIsBounded(t *testing.T) {
	t.Parallel()
	const most = 4 << 20
	var sent int
	c := over(func(r *http.Request) (*http.Response, error) {
		sent++
		return nil, fmt.Errorf("sent %d bytes", r.ContentLength)
	})
	_, err := c.Create(t.Context(), key, make([]byte, most+1))
	wantFault(t, err, fault.Error{
		Op: "oss: PutObject upgrades/" + key, Kind: fault.Invalid, Message: "=not sent: 4194305 bytes, and no more than 4194304 are read again",
	})
	if sent != 0 {
		t.Errorf("it was sent %d times", sent)
	}
	_, err = c.Create(t.Context(), key, make([]byte, most))
	wantFault(t, err, fault.Error{Op: "oss: PutObject upgrades/" + key, Kind: fault.Unavailable, Message: "=sent 4194304 bytes"})
	for length, whole := range map[int]bool{most: true, most + 1: false} {
		content, err := answer{200, string(make([]byte, length)), nil}.client().Get(t.Context(), key)
		if (err == nil) != whole || whole != (len(content) == length) {
			t.Errorf("an object of %d bytes: %d were read, %v", length, len(content), err)
		}
	}
}

// What has no address is not sent, and stays wrong.
func TestWhatCannotBeSentIsRefused(t *testing.T) {
	t.Parallel()
	nobody := func(*http.Request) (*http.Response, error) { panic("it was sent") }
	const noName = "=not sent: this is no name of a bucket, which has 3 to 63 lower-case letters, digits and hyphens: name the bucket in STATE_BUCKET"
	for name, test := range map[string]struct {
		bucket, region, key string
		want                fault.Error
	}{
		"no bucket":                   {"", region, key, fault.Error{Op: "oss: GetObject /" + key, Kind: fault.Invalid, Message: noName}},
		"a bucket with a slash":       {"up/grades", region, key, fault.Error{Op: "oss: GetObject up/grades/" + key, Kind: fault.Invalid, Message: noName}},
		"a bucket with a dot":         {"evil.example.com", region, key, fault.Error{Op: "oss: GetObject evil.example.com/" + key, Kind: fault.Invalid, Message: noName}},
		"a bucket in capital letters": {"Upgrades", region, key, fault.Error{Op: "oss: GetObject Upgrades/" + key, Kind: fault.Invalid, Message: noName}},
		"no key":                      {bucket, region, "", fault.Error{Op: "oss: GetObject upgrades/", Kind: fault.Invalid, Message: "=not sent: an object needs a key"}},
		"a region that is none":       {bucket, "cn hangzhou", key, fault.Error{Op: "oss: GetObject upgrades/" + key, Kind: fault.Invalid, Message: "=not sent: this is no name of a region"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := oss.New(transport.Over(pool(nobody)), nil, test.region, test.bucket, credentials)
			_, err := c.Get(t.Context(), test.key)
			wantFault(t, err, test.want)
		})
	}
}

// Every call ends with the invocation, or after the limit of one call.
func TestACallEndsWithItsContextOrAfterTheCallTimeout(t *testing.T) {
	t.Parallel()
	for op, call := range calls {
		for _, patience := range []time.Duration{time.Second, time.Hour} {
			t.Run(fmt.Sprint(op, " in ", patience), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					start := time.Now()
					_, err := call(ctx, over(func(r *http.Request) (*http.Response, error) {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}))
					wantFault(t, err, fault.Error{Op: "oss: " + op, Kind: fault.Unavailable, Message: "=context deadline exceeded"})
					if took := time.Since(start); took != min(patience, transport.CallTimeout) {
						t.Errorf("it took %s", took)
					}
				})
			})
		}
	}
}

// It needs -race to tell.
func TestOneClientServesManyGoroutines(t *testing.T) {
	t.Parallel()
	p := newDouble(t)
	c := p.client(bucket)
	done := make(chan error)
	const goroutines = 16
	for n := range goroutines {
		go func() {
			created, err := c.Create(t.Context(), fmt.Sprint("s/", n), []byte(body))
			if err == nil && !created {
				err = fmt.Errorf("%d was not created", n)
			}
			if err == nil {
				_, err = c.Keys(t.Context(), "s/", "", goroutines)
			}
			done <- err
		}()
	}
	for range goroutines {
		must(t, <-done)
	}
	keys, err := c.Keys(t.Context(), "s/", "", 2*goroutines)
	if err != nil || len(keys) != goroutines {
		t.Errorf("got %q, %v", keys, err)
	}
}

func TestClientNeverPrintsCredentials(t *testing.T) {
	t.Parallel()
	s := serve(t, success["GetObject upgrades/"+key])
	_, err := s.client.Get(t.Context(), key)
	must(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		rig.NoSecret(t, fmt.Errorf(verb, s.client), accessKeyID, secret, token, s.signed())
	}
}
