package fakemns_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
)

const (
	account = "1234567890123456"
	region  = "cn-hangzhou"
	xmlns   = "http://mns.aliyuncs.com/doc/v1/"
)

// cloud is a fake with a clock, a key, a queue named inbox and a topic named news.
type cloud struct {
	*fakemns.Server
	*rig.Clock
	keys *sts.Keyring
	key  sts.Key
	now  func() time.Time
}

func start(t *testing.T) *cloud {
	t.Helper()
	c := rig.NewClock(time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC))
	return startWith(t, c, c.Now)
}

// startInBubble makes a cloud whose clock is the bubble's of testing/synctest.
func startInBubble(t *testing.T, edit ...func(*fakemns.Options)) *cloud {
	t.Helper()
	return startWith(t, nil, time.Now, edit...)
}

func startWith(t *testing.T, c *rig.Clock, now func() time.Time, edit ...func(*fakemns.Options)) *cloud {
	t.Helper()
	key := sts.Key{ID: "testid", Secret: "testsecret"}
	keys := sts.NewKeyring(now, key)
	o := fakemns.Options{Now: now, Keys: keys, Account: account, Region: region}
	for _, change := range edit {
		change(&o)
	}
	s := fakemns.New(o)
	t.Cleanup(s.Close)
	must(t, s.CreateQueue("inbox"))
	must(t, s.CreateTopic("news"))
	return &cloud{Server: s, Clock: c, keys: keys, key: key, now: now}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// change alters a request before or after it is signed.
type change struct{ before, after func(*http.Request) }

func header(name, value string) change {
	return change{before: func(r *http.Request) { setHeader(r, name, value) }}
}

// tamper sets a header behind the signature's back.
func tamper(name, value string) change {
	return change{after: func(r *http.Request) { setHeader(r, name, value) }}
}

func setHeader(r *http.Request, name, value string) {
	if value == "" {
		r.Header.Del(name)
		return
	}
	r.Header.Set(name, value)
}

// request makes a signed request as a client does, sent over no network.
func (c *cloud) request(t *testing.T, method, target, body string, changes ...change) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("x-mns-version", "2015-06-06")
	r.Header.Set("Content-Type", "text/xml;charset=UTF-8")
	r.Header.Set("Date", c.now().UTC().Format(http.TimeFormat))
	if c.key.Token != "" {
		r.Header.Set("security-token", c.key.Token)
	}
	for _, change := range changes {
		if change.before != nil {
			change.before(r)
		}
	}
	signAs(r, c.key)
	for _, change := range changes {
		if change.after != nil {
			change.after(r)
		}
	}
	return r
}

// signAs signs as the documentation says, independently of the fake.
func signAs(r *http.Request, key sts.Key) {
	date := r.Header.Get("Date")
	var own []string
	for name, values := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-mns-") {
			own = append(own, name+":"+values[0]+"\n")
		}
		if name == "x-mns-date" {
			date = values[0]
		}
	}
	slices.Sort(own)
	mac := hmac.New(sha1.New, []byte(key.Secret))
	mac.Write([]byte(r.Method + "\n" + r.Header.Get("Content-MD5") + "\n" + r.Header.Get("Content-Type") + "\n" + date + "\n" +
		strings.Join(own, "") + r.RequestURI))
	r.Header.Set("Authorization", "MNS "+key.ID+":"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// reply is an answer, taken apart.
type reply struct {
	status int
	header http.Header
	body   string
	root   rig.Element
}

// ask sends a signed request.
func (c *cloud) ask(t *testing.T, method, target, body string, changes ...change) reply {
	t.Helper()
	return c.send(t, c.request(t, method, target, body, changes...))
}

func (c *cloud) send(t *testing.T, r *http.Request) reply {
	t.Helper()
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	got := reply{status: w.Code, header: w.Header(), body: w.Body.String()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/xml") {
		must(t, xml.Unmarshal(w.Body.Bytes(), &got.root))
	}
	return got
}

// all gives the texts of the elements at a path below the root, such as Message/MessageId.
func (r reply) all(path string) []string { return r.root.All(path) }

func (r reply) text(path string) string { return strings.Join(r.all(path), "|") }

// wantStatus checks status and, for errors, the code.
func wantStatus(t *testing.T, got reply, status int, code string) {
	t.Helper()
	if got.status != status || got.text("Code") != code {
		t.Fatalf("got %d %s, want %d %s\n%s", got.status, got.text("Code"), status, code, got.body)
	}
}

// wantRefusal checks status, code and message of an error.
func wantRefusal(t *testing.T, got reply, status int, code, message string) {
	t.Helper()
	wantStatus(t, got, status, code)
	if text := got.text("Message"); text != message {
		t.Fatalf("message %q, want %q", text, message)
	}
}

func message(body string, more ...string) string {
	return "<Message><MessageBody>" + body + "</MessageBody>" + strings.Join(more, "") + "</Message>"
}
