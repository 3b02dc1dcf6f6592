package stack_test

import (
	"bytes"
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
	"rds-kernel-upgrade/local/stack"
	"rds-kernel-upgrade/local/sts"
)

const plain = `{"DBInstanceId":"` + id + `"}`

func TestAMessageOfTheTopicUpgradesTheInstance(t *testing.T) {
	t.Parallel()
	for _, format := range []fakefc.TopicFormat{fakefc.JSON, fakefc.STREAM} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			c := start(t, setup{format: format})
			c.request(t, plain)
			c.play(t)
			if got := received(t, stack.NewClient(c.MNSURL)); got != "accepted completed report" {
				t.Errorf("a subscriber gets %s", got)
			}
			c.upgradedOnce(t, id)
		})
	}
}

// received returns the types of what a subscriber gets; what comes again under its id stands once.
func received(t *testing.T, client *stack.Client) string {
	t.Helper()
	var all []notification
	for {
		body, ok, err := client.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return tags(all)
		}
		var n struct{ ID, Type string }
		if err := json.Unmarshal([]byte(body), &n); err != nil {
			t.Fatal(err)
		}
		all = append(all, notification{ID: n.ID, Tag: strings.TrimPrefix(n.Type, "rds.kernelupgrade.")})
	}
}

func TestATimerTicks(t *testing.T) {
	t.Parallel()
	c := start(t, setup{})
	if _, err := c.FC.Tick("nightly", plain); err != nil {
		t.Fatal(err)
	}
	c.play(t)
	if got := tags(c.notifications(t)); got != "accepted completed report" {
		t.Fatalf("got %q\n%s", got, c.logs)
	}
	if cause := c.notifications(t)[0].Data["cause"].(map[string]any); cause["trigger"] != "timer" || !strings.HasPrefix(cause["messageId"].(string), "nightly@") {
		t.Errorf("got %v", cause)
	}
}

func TestAQueueHandsOverABatch(t *testing.T) {
	t.Parallel()
	c := start(t, setup{})
	c.RDS.Add(member("rm-2"))
	at := time.Now()
	event := fakefc.QueueEvent(fakefc.QueueTrigger{Name: "q", Account: stack.Account, Region: stack.Region, Queue: "requests"},
		fakefc.QueueMessage{ID: "1", RequestID: "a", MessageID: "M1", Body: plain, Sent: at, Published: at},
		fakefc.QueueMessage{ID: "2", RequestID: "b", MessageID: "M2", Body: "nonsense", Sent: at, Published: at},
		fakefc.QueueMessage{ID: "3", RequestID: "c", MessageID: "M3", Body: `{"DBInstanceId":"rm-2"}`, Sent: at, Published: at})
	c.later(t, event)
	c.play(t)
	if got := tags(c.notifications(t)); !strings.HasPrefix(got, "rejected accepted") || len(c.ids(t, "rejected")) != 1 {
		t.Errorf("got %s", got)
	}
	c.upgradedOnce(t, id, "rm-2")
	if reports := c.accounts(t); len(reports) != 2 {
		t.Errorf("the reports are %+v", reports)
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
	c := start(t, setup{})
	status, _, body := invoke(t, c, `{"mode":"plan",`+plain[1:], "Sync")
	var v report
	if err := json.Unmarshal([]byte(body), &v); err != nil || status != http.StatusOK || v.Requests[0].Instances[0]["TargetMinorVersion"] != newer {
		t.Errorf("sync: %d %s", status, body)
	}
	if status, header, body := invoke(t, c, plain, "Async"); status != http.StatusAccepted || header.Get("X-Fc-Request-Id") == "" {
		t.Errorf("async: %d %s", status, body)
	}
	c.play(t)
	c.upgradedOnce(t, id)
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
	c := start(t, setup{policy: quick() + "mode: plan\n"})
	for n := range 5 {
		if r := c.deliver(t, []byte(plain)); r.ErrorType != "" {
			t.Errorf("invocation %d: %s", n, r.Body)
		}
		c.noOpenConnections(t)
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

// noOpenConnections fails if the frozen process holds a connection that the services could close meanwhile.
func (c *cloud) noOpenConnections(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Skip("the system does not tell connections")
	}
	for _, address := range []string{c.RDSURL, c.MNSURL, c.OSSURL} {
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
