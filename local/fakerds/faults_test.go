package fakerds_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/rig"
)

// over sends a signed request through a real connection.
func (c *cloud) over(ctx context.Context, t *testing.T, url, action string, own map[string]string) rig.Answer {
	t.Helper()
	all := c.sign(http.MethodPost, c.common(action, own))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/?"+all.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return rig.Send(t, r)
}

func TestFaultsOfAnUpgrade(t *testing.T) {
	answered := func(status int, text string) func(rig.Answer) bool {
		return func(s rig.Answer) bool { return s.Err == nil && s.Status == status && strings.Contains(s.Body, text) }
	}
	reset := func(s rig.Answer) bool { return errors.Is(s.Err, syscall.ECONNRESET) }
	cases := []struct {
		fault    string
		seen     func(rig.Answer) bool
		accepted bool
		code     string
		status   int
	}{
		{"throttle", answered(400, `"Code":"Throttling.User","Message":"Request was denied due to user flow control."`), false, "throttle", 400},
		{"5xx", answered(500, `"Code":"InternalError"`), false, "5xx", 500},
		{"token-expired", answered(400, `"Code":"InvalidSecurityToken.Expired"`), false, "token-expired", 400},
		{"html502", answered(502, "<html>"), false, "html502", 0},
		{"reset-before", reset, false, "reset-before", 0},
		{"reset-after", reset, true, "", 200},
		{"hang", func(s rig.Answer) bool { return errors.Is(s.Err, context.DeadlineExceeded) }, true, "", 200},
		{"truncate", func(s rig.Answer) bool { return s.Status == 200 && s.Err != nil && !json.Valid([]byte(s.Body)) }, true, "", 200},
		{"empty200", func(s rig.Answer) bool { return s.Status == 200 && s.Err == nil && s.Body == "" }, true, "", 200},
	}
	for _, tc := range cases {
		t.Run(tc.fault, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			c.Add(mysql("rm-1"))
			server := httptest.NewServer(c)
			defer server.Close()
			fault, err := faults.Parse(upgrade + "=" + tc.fault + ":1")
			if err != nil {
				t.Fatal(err)
			}
			c.Faults().Add(fault)
			patience := 10 * time.Second
			if tc.fault == "hang" {
				patience = 200 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			if got := c.over(ctx, t, server.URL, upgrade, params("DBInstanceId", "rm-1")); !tc.seen(got) {
				t.Errorf("the client saw %+v", got)
			}
			call := c.CallsOf(upgrade)[0]
			if call.Accepted != tc.accepted || call.Code != tc.code || call.Status != tc.status || call.Params["DBInstanceId"] != "rm-1" {
				t.Errorf("log: %+v", call)
			}
			if got := len(c.Faults().List()); got != 0 {
				t.Errorf("%d faults left", got)
			}
			code := ""
			if tc.accepted {
				code = "IncorrectDBInstanceState"
			}
			if again := c.call(t, upgrade, params("DBInstanceId", "rm-1")); again.text("Code") != code {
				t.Errorf("the next call: %v", again.body)
			}
		})
	}
}

func TestLatencyIsWaitedForAndACallGivenUpMeanwhileIsLogged(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	server := httptest.NewServer(c)
	c.Faults().Add(faults.Fault{Action: upgrade, Kind: faults.Latency, Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if got := c.over(ctx, t, server.URL, upgrade, params("DBInstanceId", "rm-1")); !errors.Is(got.Err, context.DeadlineExceeded) {
		t.Errorf("got %+v", got)
	}
	server.Close() // waits for the handler
	if calls := c.Calls(); len(calls) != 1 || calls[0].Code != "latency" || calls[0].Accepted {
		t.Errorf("log: %+v", calls)
	}
}

func TestFaultsSpeakXMLToo(t *testing.T) {
	c := newCloud(t)
	c.Faults().Add(faults.Fault{Action: "*", Kind: faults.Throttle})
	wantRefusal(t, c.send("DescribeRegions", params("Format", "XML")), 400, "Throttling.User", "Request was denied due to user flow control.")
}

func TestWhatIsOverAQuotaIsRefusedInTheWordsOfFlowControl(t *testing.T) {
	c := newCloud(t)
	c.Faults().Add(faults.Fault{Action: "*", Kind: faults.Quota, PerSecond: 2})
	c.ok(t, "DescribeRegions", nil)
	c.ok(t, "DescribeRegions", nil)
	c.refused(t, "DescribeRegions", nil, 400, "Throttling.User")
	c.clock.Advance(time.Second)
	c.ok(t, "DescribeRegions", nil)
	var codes []string
	for _, call := range c.Calls() {
		codes = append(codes, call.Code)
	}
	if want := []string{"", "", "throttle", ""}; !slices.Equal(codes, want) {
		t.Errorf("the log has %q, want %q", codes, want)
	}
}

func TestFaultsConcernTheActionOfEitherStyle(t *testing.T) {
	c := newCloud(t)
	c.Faults().Add(faults.Fault{Action: "DescribeRegions", Kind: faults.ServerError, Times: 1})
	if w := c.serve(c.acs3Request("DescribeRegions", nil)); w.Code != 500 {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	c.ok(t, "DescribeRegions", nil)
}

func TestControlSurfaceOverHTTP(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	do := func(method, path, body string) (int, string) {
		w := c.serve(httptest.NewRequest(method, path, strings.NewReader(body)))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if status, body := do("POST", "/_local/faults", "DescribeRegions=throttle:2"); status != 200 || body != `["DescribeRegions=throttle:2"]` {
		t.Errorf("adding a fault: %d %s", status, body)
	}
	c.refused(t, "DescribeRegions", nil, 400, "Throttling.User")
	if status, body := do("GET", "/_local/faults", ""); status != 200 || body != `["DescribeRegions=throttle:1"]` {
		t.Errorf("listing faults: %d %s", status, body)
	}
	if status, body := do("DELETE", "/_local/faults", ""); status != 200 || body != `[]` {
		t.Errorf("clearing faults: %d %s", status, body)
	}
	c.ok(t, "DescribeRegions", nil)

	var calls []fakerds.Call
	if status, body := do("GET", "/_local/calls", ""); status != 200 || json.Unmarshal([]byte(body), &calls) != nil || len(calls) != 2 {
		t.Errorf("calls: %d %s", status, body)
	}
	var instances []fakerds.Instance
	if status, body := do("GET", "/_local/instances", ""); status != 200 || json.Unmarshal([]byte(body), &instances) != nil ||
		len(instances) != 1 || instances[0].DBInstanceID != "rm-1" {
		t.Errorf("instances: %d %s", status, body)
	}
	for _, path := range []string{"/_local/calls", "/_local/instances"} {
		if status, _ := do("POST", path, ""); status != 405 {
			t.Errorf("POST %s: %d", path, status)
		}
	}
	if status, body := do("GET", "/_local/nothing", ""); status != 400 || !strings.Contains(body, "MissingAction") {
		t.Errorf("another path is the API's: %d %s", status, body)
	}
}
