package fakemns_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/local/wire"
)

// FuzzRequest sends signed requests of any kind. None may bring the fake down or get an answer that is no document.
func FuzzRequest(f *testing.F) {
	all, err := wire.Load("../../testdata/wire/mns")
	if err != nil {
		f.Fatal(err)
	}
	for _, transcript := range all {
		r, body, err := transcript.Request()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(r.Method, r.RequestURI, body)
	}
	f.Add("PUT", "/topics/news/subscriptions/s", []byte("<Subscription><Endpoint>http://127.0.0.1</Endpoint></Subscription>"))
	f.Add("PUT", "/queues/inbox?metaoverride=true", []byte("<Queue><LoggingEnabled>True</LoggingEnabled></Queue>"))
	f.Add("DELETE", "/queues/inbox/messages?ReceiptHandle=1-MS0xLTEtMQ%3D%3D", []byte(nil))
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	key := sts.Key{ID: "testid", Secret: "testsecret"}
	keys := sts.NewKeyring(clock, key)
	f.Fuzz(func(t *testing.T, method, target string, body []byte) {
		if target == "" {
			t.Skip("a request line has a target")
		}
		s := fakemns.New(fakemns.Options{Now: clock, Keys: keys, Account: account, Region: region})
		defer s.Close()
		must(t, s.CreateQueue("inbox"))
		must(t, s.CreateTopic("news"))
		gone, leave := context.WithCancel(t.Context())
		leave() // so that no long poll waits
		r := (&http.Request{
			Method: method, URL: &url.URL{Path: "/"}, RequestURI: target, Header: http.Header{
				"X-Mns-Version": {"2015-06-06"}, "Content-Type": {"text/xml"}, "Date": {now.Format(http.TimeFormat)},
			}, Body: io.NopCloser(bytes.NewReader(body)),
		}).WithContext(gone)
		signAs(r, key)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Body.Len() == 0 {
			if w.Code != http.StatusCreated && w.Code != http.StatusNoContent {
				t.Fatalf("%d without a document", w.Code)
			}
			return
		}
		var doc rig.Element
		if err := xml.Unmarshal(w.Body.Bytes(), &doc); err != nil || doc.XMLName.Space != xmlns {
			t.Fatalf("%v in %s", err, w.Body)
		}
	})
}
