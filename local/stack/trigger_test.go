package stack_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/stack"
	"rds-kernel-upgrade/local/sts"
)

const plain = `{"DBInstanceId":"` + id + `"}`

// settled waits until the function has taken n events.
func (c *cloud) settled(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for len(c.FC.Invocations()) < n && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	if err := c.FC.WaitIdle(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestAMessageOfTheTopicUpgradesTheInstance(t *testing.T) {
	t.Parallel()
	for _, format := range []fakefc.TopicFormat{fakefc.JSON, fakefc.STREAM} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			c := start(t, setup{policy: quick, format: format})
			client := stack.NewClient(c.MNSURL)
			if _, err := client.Request(plain); err != nil {
				t.Fatal(err)
			}
			c.settled(t, 1)
			body, ok, err := client.Receive()
			if err != nil || !ok || !strings.Contains(body, "rds.kernelupgrade.accepted") {
				t.Errorf("got %q, %v, %v", body, ok, err)
			}
			if all, accepted := c.calls(); all != 1 || accepted != 1 {
				t.Errorf("%d calls, %d accepted", all, accepted)
			}
			if _, ok, err := client.Receive(); ok || err != nil {
				t.Errorf("a second notification, or %v", err)
			}
		})
	}
}

func TestATimerTicks(t *testing.T) {
	t.Parallel()
	c := start(t, setup{policy: quick})
	if _, err := c.FC.Tick("nightly", plain); err != nil {
		t.Fatal(err)
	}
	c.settled(t, 1)
	if got := tags(c.notifications(t)); got != "accepted" {
		t.Errorf("got %s", got)
	}
	if cause := c.notifications(t)[0].Data["cause"].(map[string]any); cause["trigger"] != "timer" || !strings.HasPrefix(cause["messageId"].(string), "nightly@") {
		t.Errorf("got %v", cause)
	}
}

func TestAQueueHandsOverABatch(t *testing.T) {
	t.Parallel()
	c := start(t, setup{policy: quick})
	c.RDS.Add(fakerds.Instance{DBInstanceID: "rm-2", CurrentKernelVersion: "rds_20240101", LatestKernelVersion: "rds_20260228"})
	at := time.Now()
	event := fakefc.QueueEvent(fakefc.QueueTrigger{Name: "q", Account: stack.Account, Region: stack.Region, Queue: "requests"},
		fakefc.QueueMessage{ID: "1", RequestID: "a", MessageID: "M1", Body: plain, Sent: at, Published: at},
		fakefc.QueueMessage{ID: "2", RequestID: "b", MessageID: "M2", Body: "nonsense", Sent: at, Published: at},
		fakefc.QueueMessage{ID: "3", RequestID: "c", MessageID: "M3", Body: `{"DBInstanceId":"rm-2"}`, Sent: at, Published: at})
	if r := c.deliver(t, event); r.ErrorType != "" || len(read(t, r).Requests) != 3 {
		t.Fatalf("got %s", r.Body)
	}
	if got := tags(c.notifications(t)); got != "accepted rejected accepted" {
		t.Errorf("got %s", got)
	}
}

// invoke sends an event through the front door.
func invoke(t *testing.T, c *cloud, event, kind string) (status int, header http.Header, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		c.FCURL+"/2023-03-30/functions/"+stack.Function+"/invocations", bytes.NewReader([]byte(event)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-acs-action", "InvokeFunction")
	r.Header.Set("x-acs-version", "2023-03-30")
	r.Header.Set("x-fc-invocation-type", kind)
	acs3.Sign(r, []byte(event), sts.Key{ID: stack.AccessKeyID, Secret: stack.Secret}, time.Now(), rand.Text())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

func TestTheFrontDoorHandsOverAndAnswers(t *testing.T) {
	t.Parallel()
	c := start(t, setup{policy: quick})
	status, _, body := invoke(t, c, plain, "Sync")
	var v report
	if err := json.Unmarshal([]byte(body), &v); err != nil || status != http.StatusOK || v.Requests[0].Instances[0]["TaskId"] != "226917711" {
		t.Errorf("sync: %d %s", status, body)
	}
	if status, header, body := invoke(t, c, plain, "Async"); status != http.StatusAccepted || header.Get("X-Fc-Request-Id") == "" {
		t.Errorf("async: %d %s", status, body)
	}
	c.settled(t, 2)
	if all, _ := c.calls(); all != 1 {
		t.Errorf("%d calls", all)
	}
}

// TestAFunctionErrorIsNamedByItsKind is for what Function Compute shows of an error: HTTP 200, the header, the type.
func TestAFunctionErrorIsNamedByItsKind(t *testing.T) {
	t.Parallel()
	c := start(t, setup{policy: "no such key: 1\n"})
	status, header, body := invoke(t, c, plain, "Sync")
	if status != http.StatusOK || header.Get("X-Fc-Error-Type") != fakefc.UnhandledInvocationError || !strings.Contains(body, `"errorType":"Invalid"`) {
		t.Errorf("%d %v %s", status, header, body)
	}
}

// TestAThawedProcessHasNoStaleConnections freezes the process while the services close every connection.
func TestAThawedProcessHasNoStaleConnections(t *testing.T) {
	t.Parallel()
	c := start(t, setup{policy: quick + "mode: plan\n"})
	for n := range 5 {
		if r := c.deliver(t, []byte(plain)); r.ErrorType != "" {
			t.Errorf("invocation %d: %s", n, r.Body)
		}
		c.dropConnections(t)
	}
	if calls := len(c.RDS.CallsOf("DescribeDBInstanceAttribute")); calls != 5 {
		t.Errorf("%d calls for 5 invocations: some were sent twice", calls)
	}
	starts := strings.Count(c.logs.String(), "FC Invoke Start")
	if instances := map[string]bool{}; starts == 5 {
		for _, i := range c.FC.Invocations() {
			instances[i.InstanceID] = true
		}
		if len(instances) != 1 {
			t.Errorf("%d processes: nothing was frozen and thawed", len(instances))
		}
	}
}

// dropConnections shows that the frozen process holds no connection that the services could close under it.
func (c *cloud) dropConnections(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skip("the system does not tell connections")
	}
	for _, address := range []string{c.RDSURL, c.MNSURL} {
		_, port, _ := strings.Cut(strings.TrimPrefix(address, "http://"), ":")
		var n int
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 3 && fields[3] == "01" && strings.HasSuffix(fields[2], hex(t, port)) {
				n++
			}
		}
		if n > 0 {
			t.Errorf("%d connections to %s are open while the process is frozen", n, address)
		}
	}
}

func hex(t *testing.T, port string) string {
	t.Helper()
	var n int
	if err := json.Unmarshal([]byte(port), &n); err != nil {
		t.Fatal(err)
	}
	const digits = "0123456789ABCDEF"
	return ":" + string([]byte{digits[n>>12&15], digits[n>>8&15], digits[n>>4&15], digits[n&15]})
}
