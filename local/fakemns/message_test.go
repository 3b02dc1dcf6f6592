package fakemns_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakemns"
)

const (
	inbox     = "/queues/inbox/messages"
	gone      = "Message not exist."
	badHandle = "The receipt handle you provide is not valid."
)

func offSchema(element string) string {
	return "The XML you provided did not validate against our published schema, cause by " + element + "."
}

func between(what, low, high string) string {
	return "The value of " + what + " should between " + low + " and " + high + "."
}

func TestMessagesThatAreRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	const malformed = "The XML you provided was not well-formed."
	for _, tc := range []struct {
		name, body, code, message string
	}{
		{"no document", "", "MalformedXML", malformed},
		{"an open element", "<Message><MessageBody>x</Message>", "MalformedXML", malformed},
		{"text after the root", message("x") + "y", "MalformedXML", malformed},
		{"two roots", message("x") + message("y"), "MalformedXML", malformed},
		{"text that is not UTF-8", message("\xff"), "MalformedXML", malformed},
		{"a control character", message("\x01"), "MalformedXML", malformed},
		{"JSON", `{"MessageBody":"x"}`, "MalformedXML", malformed},
		{"another root", "<Queue><MessageBody>x</MessageBody></Queue>", "InvalidArgument", offSchema("Queue")},
		{"a root in lower case", "<message><MessageBody>x</MessageBody></message>", "InvalidArgument", offSchema("message")},
		{"another namespace", `<Message xmlns="urn:x"><MessageBody>x</MessageBody></Message>`, "InvalidArgument", offSchema("Message")},
		{"no body", "<Message><Priority>8</Priority></Message>", "InvalidArgument", offSchema("MessageBody")},
		{"a body of elements", message("<x/>"), "InvalidArgument", offSchema("MessageBody")},
		{"two bodies", message("x", "<MessageBody>y</MessageBody>"), "InvalidArgument", offSchema("MessageBody")},
		{"an empty body", message(""), "InvalidArgument", between("MessageBody", "1", "65536 bytes")},
		{"a body of 65537 bytes", message(strings.Repeat("x", 65537)), "InvalidArgument", between("MessageBody", "1", "65536 bytes")},
		{"a body of 65537 bytes in fewer characters", message(strings.Repeat("é", 32768) + "x"), "InvalidArgument", between("MessageBody", "1", "65536 bytes")},
		{"priority 0, which the Go SDK sends unless told", message("x", "<DelaySeconds>0</DelaySeconds><Priority>0</Priority>"), "InvalidArgument", between("Priority", "1", "16")},
		{"priority 17", message("x", "<Priority>17</Priority>"), "InvalidArgument", between("Priority", "1", "16")},
		{"a priority that is no number", message("x", "<Priority>high</Priority>"), "InvalidArgument", offSchema("Priority")},
		{"an empty priority", message("x", "<Priority/>"), "InvalidArgument", offSchema("Priority")},
		{"a delay below 0", message("x", "<DelaySeconds>-1</DelaySeconds>"), "InvalidArgument", between("DelaySeconds", "0", "604800 seconds")},
		{"a delay above 7 days", message("x", "<DelaySeconds>604801</DelaySeconds>"), "InvalidArgument", between("DelaySeconds", "0", "604800 seconds")},
		{"a delay that is no number", message("x", "<DelaySeconds>1.5</DelaySeconds>"), "InvalidArgument", offSchema("DelaySeconds")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.ask(t, "POST", inbox, tc.body), 400, tc.code, tc.message)
		})
	}
	if all := c.Messages("inbox"); len(all) > 0 {
		t.Fatalf("refused messages were stored: %v", all)
	}
}

func TestMessagesThatAreTaken(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body, want string
	}{
		{"with neither declaration nor namespace", message("x"), "x"},
		{"with a declaration", `<?xml version="1.0" encoding="utf-8"?>` + "\n" + message("x"), "x"},
		{"with the namespace", `<Message xmlns="` + xmlns + `"><MessageBody>x</MessageBody></Message>`, "x"},
		{"with the namespace as Java writes it", `<Message xmlns="http://mns.aliyuncs.com/doc/v1"><MessageBody>x</MessageBody></Message>`, "x"},
		{"with elements of newer versions", message("x", "<MessageGroupId>g</MessageGroupId><UserProperties><PropertyValue/></UserProperties>"), "x"},
		{"with a comment behind", message("x") + "\n<!-- c -->\n", "x"},
		{"escaped JSON", message("{&#34;a&#34;:&lt;1&gt;}"), `{"a":<1>}`},
		{"CDATA", message("<![CDATA[<x/>]]>"), "<x/>"},
		{"the longest", message(strings.Repeat("x", 65536)), strings.Repeat("x", 65536)},
		{"the longest delay and lowest priority", message("x", "<DelaySeconds>604800</DelaySeconds><Priority>16</Priority>"), "x"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			wantStatus(t, c.ask(t, "POST", inbox, tc.body), 201, "")
			if all := c.Messages("inbox"); len(all) != 1 || all[0].Body != tc.want {
				t.Fatalf("stored %.80v, want %.80q", all, tc.want)
			}
		})
	}
}

func TestSendAnswersIDAndDigestOfTheText(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := c.ask(t, "POST", inbox, message("hello topic"))
	wantStatus(t, got, 201, "")
	stored := c.Messages("inbox")[0]
	if got.text("MessageId") != stored.ID || got.text("MessageBodyMD5") != "D6206122A430035E4EC1463CDD704B59" || got.text("ReceiptHandle") != "" {
		t.Fatalf("got %s", got.body)
	}
	want := fakemns.QueueMessage{
		ID: stored.ID, Body: "hello topic", MD5: "D6206122A430035E4EC1463CDD704B59", Priority: 8, State: fakemns.Active,
		EnqueueTime: c.now(), NextVisibleTime: c.now(),
	}
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Fatal(diff)
	}
	again := c.ask(t, "POST", inbox, message("hello topic"))
	if again.text("MessageId") == stored.ID {
		t.Fatal("two messages have one id")
	}
}

func TestAnswersBearTheServicesHeaders(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, got := range []reply{c.ask(t, "POST", inbox, message("x")), c.ask(t, "POST", inbox, "")} {
		want := http.Header{
			"Server": {"AliyunMQS"}, "Date": {"Sun, 22 Nov 2026 12:00:00 GMT"}, "Content-Type": {"text/xml;charset=utf-8"},
			"X-Mns-Version": {"2015-06-06"}, "X-Mns-Request-Id": got.header["X-Mns-Request-Id"],
			"Content-Length": {strconv.Itoa(len(got.body))},
		}
		if diff := cmp.Diff(want, got.header); diff != "" || len(got.header.Get("x-mns-request-id")) != 24 {
			t.Fatalf("%s\n%v", diff, got.header)
		}
		if !strings.HasPrefix(got.body, `<?xml version="1.0" encoding="utf-8"?>`) || got.root.XMLName.Space != xmlns {
			t.Fatalf("got %s", got.body)
		}
	}
	failed := c.ask(t, "POST", inbox, "")
	if failed.text("RequestId") != failed.header.Get("x-mns-request-id") || failed.text("HostId") != "mns.cn-hangzhou.aliyuncs.com" {
		t.Fatalf("got %s", failed.body)
	}
}

func TestReceivedMessageIsHiddenAndComesBack(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.ask(t, "POST", inbox, message("x", "<Priority>3</Priority>"))
	sent := c.now()
	c.Advance(1500 * time.Millisecond)
	first := c.ask(t, "GET", inbox, "")
	wantStatus(t, first, 200, "")
	for path, want := range map[string]string{
		"MessageBody": "x", "MessageBodyMD5": "9DD4E461268C8034F5C8564E155C67A6", "Priority": "3", "DequeueCount": "1",
		"EnqueueTime": fmt.Sprint(sent.UnixMilli()), "FirstDequeueTime": fmt.Sprint(c.now().UnixMilli()),
		"NextVisibleTime": fmt.Sprint(c.now().Add(30 * time.Second).UnixMilli()), "MessageId": c.Messages("inbox")[0].ID,
	} {
		if got := first.text(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	wantRefusal(t, c.ask(t, "GET", inbox, ""), 404, "MessageNotExist", gone)
	if got := c.Messages("inbox")[0].State; got != fakemns.Inactive {
		t.Fatalf("state %s while it is hidden", got)
	}
	c.Advance(30 * time.Second)
	second := c.ask(t, "GET", inbox, "")
	wantStatus(t, second, 200, "")
	if second.text("DequeueCount") != "2" || second.text("FirstDequeueTime") != first.text("FirstDequeueTime") ||
		second.text("ReceiptHandle") == first.text("ReceiptHandle") {
		t.Fatalf("first %s\nsecond %s", first.body, second.body)
	}
}

func TestUrgentMessagesComeFirstThenTheOldest(t *testing.T) {
	t.Parallel()
	c := start(t)
	for i, priority := range []string{"8", "16", "1", "8", "1"} {
		c.ask(t, "POST", inbox, message(strconv.Itoa(i), "<Priority>"+priority+"</Priority>"))
	}
	got := c.ask(t, "GET", inbox+"?numOfMessages=16", "")
	if diff := cmp.Diff([]string{"2", "4", "0", "3", "1"}, got.all("Message/MessageBody")); diff != "" {
		t.Fatal(diff)
	}
}

func TestDelayedMessage(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := c.ask(t, "POST", inbox, message("x", "<DelaySeconds>600</DelaySeconds>"))
	wantStatus(t, got, 201, "")
	if got.text("ReceiptHandle") == "" {
		t.Fatal("no handle to withdraw it by")
	}
	c.Advance(10*time.Minute - time.Millisecond)
	wantStatus(t, c.ask(t, "GET", inbox, ""), 404, "MessageNotExist")
	wantStatus(t, c.ask(t, "GET", inbox+"?peekonly=true", ""), 404, "MessageNotExist")
	if state := c.Messages("inbox")[0].State; state != fakemns.Delayed {
		t.Fatalf("state %s", state)
	}
	c.Advance(time.Millisecond)
	wantStatus(t, c.ask(t, "GET", inbox, ""), 200, "")
	wantStatus(t, c.ask(t, "DELETE", inbox+"?ReceiptHandle="+got.text("ReceiptHandle"), ""), 404, "MessageNotExist")
}

func TestDelayedMessageIsWithdrawnByItsHandle(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := c.ask(t, "POST", inbox, message("x", "<DelaySeconds>600</DelaySeconds>"))
	wantStatus(t, c.ask(t, "DELETE", inbox+"?ReceiptHandle="+got.text("ReceiptHandle"), ""), 204, "")
	if all := c.Messages("inbox"); len(all) != 0 {
		t.Fatalf("still there: %v", all)
	}
}

func TestDelayOfAQueueGivesWayToTheMessages(t *testing.T) {
	t.Parallel()
	c := start(t)
	must(t, c.CreateQueue("slow", func(a *fakemns.QueueAttributes) { a.DelaySeconds = 60 }))
	for body, want := range map[string]time.Duration{
		message("queue's"): time.Minute,
		message("own", "<DelaySeconds>5</DelaySeconds>"):  5 * time.Second,
		message("none", "<DelaySeconds>0</DelaySeconds>"): 0,
	} {
		wantStatus(t, c.ask(t, "POST", "/queues/slow/messages", body), 201, "")
		all := c.Messages("slow")
		if got := all[len(all)-1].NextVisibleTime.Sub(c.now()); got != want {
			t.Errorf("%s: hidden for %s, want %s", body, got, want)
		}
	}
}

func TestPeekTakesNothing(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.ask(t, "POST", inbox, message("x"))
	c.ask(t, "POST", inbox, message("y"))
	for range 2 {
		got := c.ask(t, "GET", inbox+"?peekonly=true", "")
		wantStatus(t, got, 200, "")
		if got.text("MessageBody") != "x" || got.text("DequeueCount") != "0" || got.text("FirstDequeueTime") != "0" {
			t.Fatalf("got %s", got.body)
		}
		for _, absent := range []string{"ReceiptHandle", "NextVisibleTime"} {
			if strings.Contains(got.body, absent) {
				t.Fatalf("%s in %s", absent, got.body)
			}
		}
	}
	batch := c.ask(t, "GET", inbox+"?peekonly=true&numOfMessages=16", "")
	if diff := cmp.Diff([]string{"x", "y"}, batch.all("Message/MessageBody")); diff != "" {
		t.Fatal(diff)
	}
}

func TestHandles(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		handle func(t *testing.T, c *cloud, good string) string
		status int
		code   string
	}{
		{"a good one deletes", func(_ *testing.T, _ *cloud, good string) string { return good }, 204, ""},
		{"a good one, escaped, deletes", func(_ *testing.T, _ *cloud, good string) string { return url.QueryEscape(good) }, 204, ""},
		{"none", func(*testing.T, *cloud, string) string { return "" }, 400, "MissingReceiptHandle"},
		{"one of another form", func(*testing.T, *cloud, string) string { return "MbZj6wDWli+QEauMZc8ZRv37sIW2iJKq3M9Mx" }, 400, "ReceiptHandleError"},
		{"one that cannot be decoded", func(*testing.T, *cloud, string) string { return "1-%21%zz" }, 400, "ReceiptHandleError"},
		{"one of too few numbers", func(*testing.T, *cloud, string) string { return "1-MS0y" }, 400, "ReceiptHandleError"},
		{"one of words", func(*testing.T, *cloud, string) string { return "1-YS1iLWMtZA==" }, 400, "ReceiptHandleError"},
		{"one that was never given", func(*testing.T, *cloud, string) string { return "1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA==" }, 404, "MessageNotExist"},
		{"one whose time is over", func(_ *testing.T, c *cloud, good string) string {
			c.Advance(30 * time.Second)
			return good
		}, 404, "MessageNotExist"},
		{"one that was used before", func(t *testing.T, c *cloud, good string) string {
			t.Helper()
			c.ask(t, "DELETE", inbox+"?ReceiptHandle="+good, "")
			return good
		}, 404, "MessageNotExist"},
		{"one that a later receive has replaced", func(t *testing.T, c *cloud, good string) string {
			t.Helper()
			c.Advance(30 * time.Second)
			c.ask(t, "GET", inbox, "")
			return good
		}, 404, "MessageNotExist"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			c.ask(t, "POST", inbox, message("x"))
			good := c.ask(t, "GET", inbox, "").text("ReceiptHandle")
			wantStatus(t, c.ask(t, "DELETE", inbox+"?receiptHANDLE="+tc.handle(t, c, good), ""), tc.status, tc.code)
			if left := len(c.Messages("inbox")); tc.status == 204 && left != 0 {
				t.Fatalf("%d messages left", left)
			}
		})
	}
	c := start(t)
	wantRefusal(t, c.ask(t, "DELETE", inbox, ""), 400, "MissingReceiptHandle", "ReceiptHandle is required.")
	wantRefusal(t, c.ask(t, "DELETE", inbox+"?ReceiptHandle=x", ""), 400, "ReceiptHandleError", badHandle)
}

func TestChangedVisibilityCountsFromNowUnderANewHandle(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.ask(t, "POST", inbox, message("x"))
	old := c.ask(t, "GET", inbox, "").text("ReceiptHandle")
	same := c.ask(t, "PUT", inbox+"?ReceiptHandle="+old+"&VisibilityTimeout=30", "").text("ReceiptHandle")
	if same == old {
		t.Fatal("a change to the same time leaves the old handle good")
	}
	old = same
	c.Advance(15 * time.Second)
	got := c.ask(t, "PUT", inbox+"?receiptHandle="+old+"&visibilityTimeout=30", "")
	wantStatus(t, got, 200, "")
	fresh := got.text("ReceiptHandle")
	if fresh == "" || fresh == old || got.text("NextVisibleTime") != fmt.Sprint(c.now().Add(30*time.Second).UnixMilli()) {
		t.Fatalf("got %s", got.body)
	}
	wantStatus(t, c.ask(t, "DELETE", inbox+"?ReceiptHandle="+old, ""), 404, "MessageNotExist")
	c.Advance(29 * time.Second)
	wantStatus(t, c.ask(t, "GET", inbox, ""), 404, "MessageNotExist")
	wantStatus(t, c.ask(t, "DELETE", inbox+"?ReceiptHandle="+fresh, ""), 204, "")
}

func TestVisibilityChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.ask(t, "POST", inbox, message("x"))
	good := c.ask(t, "GET", inbox, "").text("ReceiptHandle")
	for _, tc := range []struct {
		name, query   string
		status        int
		code, message string
	}{
		{"no handle", "?VisibilityTimeout=1", 400, "MissingReceiptHandle", "ReceiptHandle is required."},
		{"no timeout", "?ReceiptHandle=" + good, 400, "MissingVisibilityTimeout", "VisibilityTimeout is required."},
		{"timeout 0", "?ReceiptHandle=" + good + "&VisibilityTimeout=0", 400, "InvalidArgument", between("VisibilityTimeout", "1", "43200 seconds")},
		{"timeout above 12 hours", "?ReceiptHandle=" + good + "&VisibilityTimeout=43201", 400, "InvalidArgument", between("VisibilityTimeout", "1", "43200 seconds")},
		{"timeout that is no number", "?ReceiptHandle=" + good + "&VisibilityTimeout=x", 400, "InvalidQueryString", `Http request URL contains invalid querystring item "VisibilityTimeout".`},
		{"bad handle", "?ReceiptHandle=x&VisibilityTimeout=1", 400, "ReceiptHandleError", badHandle},
		{"unknown handle", "?ReceiptHandle=1-MS0xLTEtMQ==&VisibilityTimeout=1", 404, "MessageNotExist", gone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.ask(t, "PUT", inbox+tc.query, ""), tc.status, tc.code, tc.message)
		})
	}
}

func TestRetentionEndsMessages(t *testing.T) {
	t.Parallel()
	c := start(t)
	must(t, c.CreateQueue("short", func(a *fakemns.QueueAttributes) { a.MessageRetentionPeriod = 60 }))
	c.ask(t, "POST", "/queues/short/messages", message("x"))
	c.Advance(time.Minute - time.Millisecond)
	wantStatus(t, c.ask(t, "GET", "/queues/short/messages?peekonly=true", ""), 200, "")
	c.Advance(time.Millisecond)
	wantStatus(t, c.ask(t, "GET", "/queues/short/messages", ""), 404, "MessageNotExist")
	if all := c.Messages("short"); len(all) != 0 {
		t.Fatalf("still there: %v", all)
	}
}

func TestMessageActionsOfAQueueThatDoesNotExist(t *testing.T) {
	t.Parallel()
	c := start(t)
	const nope, handle = "/queues/nope/messages", "1-MS0xLTEtMQ=="
	for _, tc := range []struct{ method, target, body string }{
		{"POST", nope, message("x")},
		{"POST", nope, "<Messages>" + message("x") + "</Messages>"},
		{"GET", nope, ""},
		{"GET", nope + "?waitseconds=1", ""},
		{"GET", nope + "?numOfMessages=1", ""},
		{"GET", nope + "?peekonly=true", ""},
		{"GET", nope + "?peekonly=true&numOfMessages=2", ""},
		{"DELETE", nope + "?ReceiptHandle=" + handle, ""},
		{"DELETE", nope, "<ReceiptHandles><ReceiptHandle>" + handle + "</ReceiptHandle></ReceiptHandles>"},
		{"PUT", nope + "?ReceiptHandle=" + handle + "&VisibilityTimeout=1", ""},
	} {
		t.Run(tc.method+" "+tc.target+" "+tc.body, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.ask(t, tc.method, tc.target, tc.body), 404, "QueueNotExist", "The queue name you provided is not exist.")
		})
	}
	if c.Messages("nope") != nil {
		t.Fatal("a queue that does not exist has messages")
	}
}

func TestBatchSend(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := c.ask(t, "POST", inbox, "<Messages>"+message("a")+message("b", "<DelaySeconds>5</DelaySeconds>")+"</Messages>")
	wantStatus(t, got, 201, "")
	if len(got.all("Message/MessageId")) != 2 || len(got.all("Message/ReceiptHandle")) != 1 || len(c.Messages("inbox")) != 2 {
		t.Fatalf("got %s", got.body)
	}
	if strings.Count(got.body, "xmlns") != 1 {
		t.Fatalf("the namespace belongs on the root only: %s", got.body)
	}
	part := c.ask(t, "POST", inbox, "<Messages>"+message("c")+message("d", "<Priority>0</Priority>")+"</Messages>")
	if part.status != 500 || part.text("Message/ErrorCode") != "InvalidArgument" || part.text("Message/ErrorMessage") != between("Priority", "1", "16") {
		t.Fatalf("got %d %s", part.status, part.body)
	}
	if all := c.Messages("inbox"); len(all) != 3 || all[2].Body != "c" {
		t.Fatalf("the good one of the batch is missing: %v", all)
	}
}

func TestBatchesThatAreRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	many := func(element string, n int) string { return strings.Repeat(element, n) }
	handle := "<ReceiptHandle>x</ReceiptHandle>"
	for _, tc := range []struct{ name, method, target, body, message string }{
		{"no messages", "POST", inbox, "<Messages/>", between("Messages", "1", "16")},
		{"17 messages", "POST", inbox, "<Messages>" + many(message("x"), 17) + "</Messages>", between("Messages", "1", "16")},
		{"more than 64 KB together", "POST", inbox, "<Messages>" + many(message(strings.Repeat("x", 32769)), 2) + "</Messages>", between("Messages", "0", "65536 bytes")},
		{"a message without a body", "POST", inbox, "<Messages>" + message("x") + "<Message/></Messages>", offSchema("MessageBody")},
		{"no handles", "DELETE", inbox, "<ReceiptHandles/>", between("ReceiptHandles", "1", "16")},
		{"17 handles", "DELETE", inbox, "<ReceiptHandles>" + many(handle, 17) + "</ReceiptHandles>", between("ReceiptHandles", "1", "16")},
		{"handles under another root", "DELETE", inbox, "<Handles/>", offSchema("Handles")},
		{"receiving none", "GET", inbox + "?numOfMessages=0", "", between("numOfMessages", "1", "16")},
		{"receiving 17", "GET", inbox + "?numOfMessages=17", "", between("numOfMessages", "1", "16")},
		{"peeking at 17", "GET", inbox + "?numOfMessages=17&peekonly=true", "", between("numOfMessages", "1", "16")},
		{"waiting 31 seconds", "GET", inbox + "?waitseconds=31", "", between("waitseconds", "0", "30 seconds")},
		{"waiting less than nothing", "GET", inbox + "?waitseconds=-1", "", between("waitseconds", "0", "30 seconds")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.ask(t, tc.method, tc.target, tc.body), 400, "InvalidArgument", tc.message)
		})
	}
	wantStatus(t, c.ask(t, "POST", inbox, "<Messages><Message></Messages>"), 400, "MalformedXML")
	if all := c.Messages("inbox"); len(all) > 0 {
		t.Fatalf("refused batches were stored: %v", all)
	}
}

func TestBatchReceiveAndDelete(t *testing.T) {
	t.Parallel()
	c := start(t)
	for i := range 5 {
		c.ask(t, "POST", inbox, message(strconv.Itoa(i)))
	}
	got := c.ask(t, "GET", inbox+"?numofmessages=3", "")
	wantStatus(t, got, 200, "")
	handles := got.all("Message/ReceiptHandle")
	if diff := cmp.Diff([]string{"0", "1", "2"}, got.all("Message/MessageBody")); diff != "" || len(handles) != 3 {
		t.Fatal(diff)
	}
	deleted := c.ask(t, "DELETE", inbox, handlesDocument(handles[:2]))
	if deleted.status != 204 || deleted.body != "" || len(c.Messages("inbox")) != 3 {
		t.Fatalf("got %d %s", deleted.status, deleted.body)
	}
	part := c.ask(t, "DELETE", inbox, handlesDocument([]string{handles[0], "x", handles[2]}))
	wantStatus(t, part, 404, "")
	if diff := cmp.Diff([]string{"MessageNotExist", "ReceiptHandleError"}, part.all("Error/ErrorCode")); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff([]string{gone, badHandle}, part.all("Error/ErrorMessage")); diff != "" {
		t.Fatal(diff)
	}
	if !slices.Equal(part.all("Error/ReceiptHandle"), []string{handles[0], "x"}) || len(c.Messages("inbox")) != 2 {
		t.Fatalf("got %s, left %v", part.body, c.Messages("inbox"))
	}
}

func handlesDocument(handles []string) string {
	return "<ReceiptHandles><ReceiptHandle>" + strings.Join(handles, "</ReceiptHandle><ReceiptHandle>") + "</ReceiptHandle></ReceiptHandles>"
}
