package fakemns_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/local/wire"
)

// transcripts loads testdata/wire/mns; those of pushes are requests of the service, the rest are requests to it.
func transcripts(t *testing.T) (requests, pushes map[string]wire.Transcript) {
	t.Helper()
	all, err := wire.Load("../../testdata/wire/mns")
	must(t, err)
	requests, pushes = map[string]wire.Transcript{}, map[string]wire.Transcript{}
	for _, transcript := range all {
		if strings.HasPrefix(transcript.Name, "push-") {
			pushes[transcript.Name] = transcript
		} else {
			requests[transcript.Name] = transcript
		}
	}
	return requests, pushes
}

func TestDocumentedRequestsGetDocumentedAnswers(t *testing.T) {
	t.Parallel()
	requests, _ := transcripts(t)
	for name, transcript := range requests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			must(t, c.CreateTopic("rds-upgrade-result"))
			r, body, err := transcript.Request()
			must(t, err)
			prepare(t, c, name, transcript, r)
			if r.Header.Get("Authorization") == "" {
				r.Header.Set("Date", c.now().Format(http.TimeFormat))
				signAs(r, c.key)
			}
			got := c.send(t, r.WithContext(t.Context()))
			status, header, document, err := transcript.Response()
			must(t, err)
			if got.status != status {
				t.Fatalf("status %d, want %d\nto %s\n%s", got.status, status, body, got.body)
			}
			compare(t, got, header, document)
			if want := transcript.Meta["body-md5"]; want != "" && got.text("MessageBodyMD5") != want {
				t.Errorf("MessageBodyMD5 %s, want %s", got.text("MessageBodyMD5"), want)
			}
		})
	}
}

// prepare brings about what a request expects to find.
func prepare(t *testing.T, c *cloud, name string, transcript wire.Transcript, r *http.Request) {
	t.Helper()
	if !slices.Contains([]string{"receive", "batch-receive", "receive-at-once", "peek", "change-visibility", "delete"}, name) {
		return
	}
	c.ask(t, "POST", inbox, message("This is a test message"))
	if sample := transcript.Meta["handle"]; sample != "" {
		live := c.ask(t, "GET", inbox, "").text("ReceiptHandle")
		escape := func(s string) string { return strings.ReplaceAll(s, "=", "%3D") }
		r.RequestURI = strings.Replace(r.RequestURI, escape(sample), escape(live), 1)
	}
}

// compare checks that an answer has the header and the elements of the documented one, and an error its words.
func compare(t *testing.T, got reply, header http.Header, document []byte) {
	t.Helper()
	header.Del("x-mns-request-id")
	for name := range header {
		if got.header.Get(name) != header.Get(name) {
			t.Errorf("%s: got %q, want %q", name, got.header.Get(name), header.Get(name))
		}
	}
	if got.header.Get("x-mns-request-id") == "" {
		t.Error("no request id")
	}
	if len(document) == 0 {
		if got.body != "" {
			t.Errorf("a body where there should be none: %s", got.body)
		}
		return
	}
	var want rig.Element
	must(t, xml.Unmarshal(document, &want))
	if diff := cmp.Diff(want.Paths(), got.root.Paths()); diff != "" || got.root.XMLName.Space != want.XMLName.Space {
		t.Errorf("elements: %s\n%s", diff, got.body)
	}
	documented := reply{root: want}
	for _, path := range []string{"Code", "Error/ErrorCode"} {
		if want := documented.text(path); want != "" && !strings.HasPrefix(got.text(path), want) {
			t.Errorf("%s: got %s, want %s", path, got.text(path), want)
		}
	}
	if want := documented.text("Code"); want != "" && documented.text("Message") != got.text("Message") {
		t.Errorf("message %q, want %q", got.text("Message"), documented.text("Message"))
	}
}

func TestPublishedSignaturesVerify(t *testing.T) {
	t.Parallel()
	requests, _ := transcripts(t)
	signed := 0
	for name, transcript := range requests {
		if transcript.Meta["signature"] == "" {
			continue
		}
		signed++
		now, err := time.Parse(time.RFC3339, transcript.Meta["now"])
		must(t, err)
		c := rig.NewClock(now)
		for secret, refused := range map[string]bool{transcript.Meta["secret"]: false, "another": true} {
			keys := sts.NewKeyring(c.Now, sts.Key{ID: transcript.Meta["key"], Secret: secret})
			s := fakemns.New(fakemns.Options{Now: c.Now, Keys: keys, Account: account, Region: region})
			t.Cleanup(s.Close)
			r, _, err := transcript.Request()
			must(t, err)
			got := (&cloud{Server: s}).send(t, r.WithContext(t.Context()))
			if (got.text("Code") == "SignatureDoesNotMatch") != refused {
				t.Errorf("%s with secret %s: %s", name, secret, got.body)
			}
		}
	}
	if signed < 3 {
		t.Fatalf("%d signed transcripts, want the three", signed)
	}
}

func TestPushesLookAsDocumented(t *testing.T) {
	t.Parallel()
	_, pushes := transcripts(t)
	names := slices.Sorted(maps.Keys(pushes))
	if diff := cmp.Diff([]string{"push-json", "push-simplified", "push-xml"}, names); diff != "" {
		t.Fatal(diff)
	}
	for name, transcript := range pushes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, sample, err := transcript.Request()
			must(t, err)
			c := start(t)
			url, requests := endpoint(t, 200)
			format := strings.ToUpper(strings.TrimPrefix(name, "push-"))
			if want.RequestURI != "/notifications" {
				url += want.RequestURI
			}
			must(t, c.Subscribe("news", "s", fakemns.Subscription{Endpoint: url, NotifyContentFormat: format}))
			c.ask(t, "POST", news, message(`{1:"a", 2:"b"}`, tagged))
			got := <-requests
			text, _ := io.ReadAll(got.Body)
			if got.Method != want.Method || got.RequestURI != want.RequestURI {
				t.Errorf("%s %s, want %s %s", got.Method, got.RequestURI, want.Method, want.RequestURI)
			}
			for header := range want.Header {
				if got.Header.Get(header) == "" || header == "Content-Type" && got.Header.Get(header) != want.Header.Get(header) {
					t.Errorf("%s: got %q, want one like %q", header, got.Header.Get(header), want.Header.Get(header))
				}
			}
			if diff := cmp.Diff(shape(t, format, sample), shape(t, format, text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// shape is what of a push's body does not depend on the message.
func shape(t *testing.T, format string, body []byte) any {
	t.Helper()
	switch format {
	case fakemns.XML:
		var doc rig.Element
		must(t, xml.Unmarshal(body, &doc))
		return doc.Paths()
	case fakemns.JSON:
		var fields map[string]string
		must(t, json.Unmarshal(body, &fields))
		return slices.Sorted(maps.Keys(fields))
	default:
		return string(body)
	}
}
