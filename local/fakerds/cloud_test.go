package fakerds_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
)

// start is inside no default maintenance window (18:00Z-22:00Z).
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// cloud is a Server with its clock and keys, and a client that signs for it.
type cloud struct {
	*fakerds.Server
	clock *rig.Clock
	keys  *sts.Keyring
	key   sts.Key
	mu    sync.Mutex
	calls int
}

func newCloud(tb testing.TB, change ...func(*fakerds.Options)) *cloud {
	tb.Helper()
	c := &cloud{clock: rig.NewClock(start), key: sts.Key{ID: "LTAI-local", Secret: "local-secret"}}
	c.keys = sts.NewKeyring(c.clock.Now, c.key)
	options := fakerds.Options{Now: c.clock.Now, Keys: c.keys}
	for _, f := range change {
		f(&options)
	}
	c.Server = fakerds.New(options)
	return c
}

// mysql is an instance with an upgrade to do.
func mysql(id string) fakerds.Instance {
	return fakerds.Instance{
		DBInstanceID: id, CurrentKernelVersion: "rds_20231231", LatestKernelVersion: "rds_20260228",
	}
}

// params is a request's own parameters, as name, value, name, value.
func params(pairs ...string) map[string]string {
	all := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

func (c *cloud) nonce() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	return fmt.Sprintf("nonce-%d", c.calls)
}

// common gives all parameters of a request in the older style but the signature.
func (c *cloud) common(action string, own map[string]string) url.Values {
	all := url.Values{
		"Action": {action}, "Version": {"2014-08-15"}, "Format": {"JSON"}, "AccessKeyId": {c.key.ID},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "SignatureNonce": {c.nonce()}, "SignatureType": {""},
		"Timestamp": {c.clock.Now().Format(acs3.TimeFormat)},
	}
	if c.key.Token != "" {
		all.Set("SecurityToken", c.key.Token)
	}
	for name, value := range own {
		all.Set(name, value)
	}
	return all
}

func (c *cloud) sign(method string, all url.Values) url.Values {
	all = maps.Clone(all)
	all.Set("Signature", fakerds.Sign(method, all, c.key.Secret))
	return all
}

func (c *cloud) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	return w
}

// send makes a signed request with everything in the query of a POST, as the SDK does.
func (c *cloud) send(action string, own map[string]string) *httptest.ResponseRecorder {
	all := c.sign(http.MethodPost, c.common(action, own))
	return c.serve(httptest.NewRequest(http.MethodPost, "http://rds.aliyuncs.com/?"+all.Encode(), nil))
}

// answer is a JSON answer. Its paths are written with dots: Items.DBInstance.0.Engine.
type answer struct {
	t      *testing.T
	status int
	body   map[string]any
}

// call sends a request and reads its JSON answer.
func (c *cloud) call(t *testing.T, action string, own map[string]string) answer {
	t.Helper()
	w := c.send(action, own)
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatalf("%s: %v in %s", action, err, w.Body)
	}
	return answer{t, w.Code, body}
}

// ok calls and fails the test on a refusal.
func (c *cloud) ok(t *testing.T, action string, own map[string]string) answer {
	t.Helper()
	a := c.call(t, action, own)
	if a.status != http.StatusOK {
		t.Fatalf("%s: status %d: %v", action, a.status, a.body)
	}
	return a
}

// refused calls and wants this status and code.
func (c *cloud) refused(t *testing.T, action string, own map[string]string, status int, code string) answer {
	t.Helper()
	a := c.call(t, action, own)
	if a.status != status || a.text("Code") != code {
		t.Errorf("%s: got %d %s (%s), want %d %s", action, a.status, a.text("Code"), a.text("Message"), status, code)
	}
	return a
}

func (a answer) at(path string) any {
	a.t.Helper()
	var value any = a.body
	for step := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(v) {
				a.t.Fatalf("%s: no %s in %v", path, step, v)
			}
			value = v[i]
		default:
			a.t.Fatalf("%s: %s is below %v", path, step, v)
		}
	}
	return value
}

func (a answer) text(path string) string {
	a.t.Helper()
	if value := a.at(path); value != nil {
		return fmt.Sprint(value)
	}
	return ""
}

func (a answer) list(path string) []any {
	a.t.Helper()
	list, ok := a.at(path).([]any)
	if !ok {
		a.t.Fatalf("%s is not a list: %v", path, a.at(path))
	}
	return list
}

// column gives one field of every item of a list.
func (a answer) column(path, field string) []string {
	a.t.Helper()
	all := []string{}
	for i := range a.list(path) {
		all = append(all, a.text(fmt.Sprintf("%s.%d.%s", path, i, field)))
	}
	return all
}
