package fakemns_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakemns"
)

const news = "/topics/news/messages"

func TestPublish(t *testing.T) {
	t.Parallel()
	c := start(t)
	got := c.ask(t, "POST", news, message("hello topic", "<MessageTag>succeeded</MessageTag><MessageAttributes><DirectMail>{}</DirectMail></MessageAttributes>"))
	wantStatus(t, got, 201, "")
	want := []fakemns.TopicMessage{{
		ID: got.text("MessageId"), Topic: "news", TopicOwner: account, Body: "hello topic",
		MD5: "D6206122A430035E4EC1463CDD704B59", Tag: "succeeded", Attributes: map[string]string{"DirectMail": "{}"},
		PublishTime: c.now(),
	}}
	if diff := cmp.Diff(want, c.Published("news")); diff != "" || got.text("MessageBodyMD5") != want[0].MD5 {
		t.Fatal(diff)
	}
	c.Published("news")[0].Attributes["DirectMail"] = "changed"
	if c.Published("news")[0].Attributes["DirectMail"] != "{}" {
		t.Fatal("the history can be changed from outside")
	}
	wantStatus(t, c.ask(t, "POST", news, message(strings.Repeat("x", 65536), "<MessageTag>sixteen-letters-</MessageTag>")), 201, "")
}

func TestPublishThatIsRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, tc := range []struct {
		name, target, body string
		status             int
		code, message      string
	}{
		{"to a topic that does not exist", "/topics/nope/messages", message("x"), 404, "TopicNotExist", "The topic you provided does not exist."},
		{"without a body", news, "<Message/>", 400, "InvalidArgument", offSchema("MessageBody")},
		{"with two bodies", news, message("x", "<MessageBody/>"), 400, "InvalidArgument", offSchema("MessageBody")},
		{"with an empty body", news, message(""), 400, "InvalidArgument", between("MessageBody", "1", "65536 bytes")},
		{"with a body of 65537 bytes", news, message(strings.Repeat("x", 65537)), 400, "InvalidArgument", between("MessageBody", "1", "65536 bytes")},
		{"with a tag of 17 characters", news, message("x", "<MessageTag>seventeen-letters</MessageTag>"), 400, "InvalidArgument", between("MessageTag", "0", "16")},
		{"with two tags", news, message("x", "<MessageTag>a</MessageTag><MessageTag>b</MessageTag>"), 400, "InvalidArgument", offSchema("MessageTag")},
		{"with another root", news, "<Messages/>", 400, "InvalidArgument", offSchema("Messages")},
		{"with no document", news, "hello", 400, "MalformedXML", "The XML you provided was not well-formed."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.ask(t, "POST", tc.target, tc.body), tc.status, tc.code, tc.message)
		})
	}
	if all := c.Published("news"); len(all) > 0 {
		t.Fatalf("refused messages were published: %v", all)
	}
}

func TestTopicAttributes(t *testing.T) {
	t.Parallel()
	c := start(t)
	made := c.now()
	c.ask(t, "POST", news, message("old"))
	c.Advance(24 * time.Hour)
	c.ask(t, "POST", news, message("new"))
	wantStatus(t, c.ask(t, "PUT", "/topics/news?metaoverride=true", "<Topic><MaximumMessageSize>1024</MaximumMessageSize></Topic>"), 204, "")
	told := c.ask(t, "GET", "/topics/news", "")
	wantStatus(t, told, 200, "")
	for name, want := range map[string]string{
		"TopicName": "news", "MaximumMessageSize": "1024", "MessageRetentionPeriod": "86400", "MessageCount": "1",
		"LoggingEnabled": "False", "CreateTime": fmt.Sprint(made.Unix()), "LastModifyTime": fmt.Sprint(c.now().Unix()),
	} {
		if got := told.text(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	wantRefusal(t, c.ask(t, "POST", news, message(strings.Repeat("x", 1025))), 400, "InvalidArgument", between("MessageBody", "1", "1024 bytes"))
}

func TestTopicRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	size := between("MaximumMessageSize", "1024", "65536 bytes")
	for _, tc := range []struct {
		name, method, target, body string
		status                     int
		code, message              string
	}{
		{"creating with too small a size", "PUT", "/topics/fresh", "<Topic><MaximumMessageSize>1023</MaximumMessageSize></Topic>", 400, "InvalidArgument", size},
		{"creating with a size that is no number", "PUT", "/topics/fresh", "<Topic><MaximumMessageSize>x</MaximumMessageSize></Topic>", 400, "InvalidArgument", offSchema("MaximumMessageSize")},
		{"creating with logging that is no truth value", "PUT", "/topics/fresh", "<Topic><LoggingEnabled>x</LoggingEnabled></Topic>", 400, "InvalidArgument", offSchema("LoggingEnabled")},
		{"creating with another document", "PUT", "/topics/fresh", "<Queue/>", 400, "InvalidArgument", offSchema("Queue")},
		{"changing to too large a size", "PUT", "/topics/news?metaoverride=true", "<Topic><MaximumMessageSize>65537</MaximumMessageSize></Topic>", 400, "InvalidArgument", size},
		{"changing one that does not exist", "PUT", "/topics/fresh?metaoverride=true", "<Topic/>", 404, "TopicNotExist", "The topic you provided does not exist."},
		{"reading one that does not exist", "GET", "/topics/fresh", "", 404, "TopicNotExist", "The topic you provided does not exist."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.ask(t, tc.method, tc.target, tc.body), tc.status, tc.code, tc.message)
		})
	}
	created := c.ask(t, "PUT", "/topics/made", "<Topic/>")
	wantStatus(t, created, 201, "")
	if got := created.header.Get("Location"); got != "http://1234567890123456.mns.cn-hangzhou.aliyuncs.com/topics/made" {
		t.Fatalf("location %s", got)
	}
}
