package fakemns_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakemns"
)

const pager = "/topics/news/subscriptions/pager"

func subscriptionBody(endpoint string, more ...string) string {
	return "<Subscription><Endpoint>" + endpoint + "</Endpoint>" + strings.Join(more, "") + "</Subscription>"
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	own := "acs:mns:cn-hangzhou:1234567890123456:queues/inbox"
	const invalid = "The endpoint you provided is invalid."
	for _, tc := range []struct {
		name, body    string
		status        int
		code, message string
	}{
		{"a queue", subscriptionBody(own), 201, "", ""},
		{"a queue that does not exist yet", subscriptionBody("acs:mns:cn-hangzhou:1234567890123456:queues/later"), 201, "", ""},
		{"an HTTP address", subscriptionBody("http://127.0.0.1:8080/path"), 201, "", ""},
		{"an HTTPS address", subscriptionBody("https://example.com"), 201, "", ""},
		{"everything", subscriptionBody(own, "<FilterTag>sixteen-letters-</FilterTag><NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy><NotifyContentFormat>SIMPLIFIED</NotifyContentFormat>"), 201, "", ""},
		{"JSON", subscriptionBody(own, "<NotifyContentFormat>JSON</NotifyContentFormat>"), 201, "", ""},
		{"no endpoint", "<Subscription/>", 400, "EndpointInvalid", invalid},
		{"two endpoints", subscriptionBody(own, "<Endpoint/>"), 400, "InvalidArgument", offSchema("Endpoint")},
		{"an address without a host", subscriptionBody("http://"), 400, "EndpointInvalid", invalid},
		{"an address of another scheme", subscriptionBody("ftp://127.0.0.1"), 400, "EndpointInvalid", invalid},
		{"a queue of another account", subscriptionBody("acs:mns:cn-hangzhou:99:queues/inbox"), 400, "EndpointInvalid", invalid},
		{"a queue of another region", subscriptionBody("acs:mns:cn-beijing:1234567890123456:queues/inbox"), 400, "EndpointInvalid", invalid},
		{"a queue with an impossible name", subscriptionBody("acs:mns:cn-hangzhou:1234567890123456:queues/a_b"), 400, "EndpointInvalid", invalid},
		{"mail, which is not supported", subscriptionBody("mail:directmail:a@b"), 400, "EndpointInvalid", invalid},
		{"SMS, which is not supported", subscriptionBody("sms:directsms:anonymous"), 400, "EndpointInvalid", invalid},
		{"a tag of 17 characters", subscriptionBody(own, "<FilterTag>seventeen-letters</FilterTag>"), 400, "InvalidArgument", between("FilterTag", "0", "16")},
		{"an unknown strategy", subscriptionBody(own, "<NotifyStrategy>NEVER</NotifyStrategy>"), 400, "InvalidArgument", offSchema("NotifyStrategy")},
		{"an unknown format", subscriptionBody(own, "<NotifyContentFormat>STREAM</NotifyContentFormat>"), 400, "InvalidArgument", offSchema("NotifyContentFormat")},
		{"another document", "<Topic/>", 400, "InvalidArgument", offSchema("Topic")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			got := c.ask(t, "PUT", pager, tc.body)
			wantRefusal(t, got, tc.status, tc.code, tc.message)
			found := c.ask(t, "GET", pager, "")
			if tc.status != 201 {
				wantRefusal(t, found, 404, "SubscriptionNotExist", "The subscription you provided does not exist.")
				return
			}
			wantStatus(t, found, 200, "")
			if at := got.header.Get("Location"); at != "http://1234567890123456.mns.cn-hangzhou.aliyuncs.com"+pager {
				t.Fatalf("location %s", at)
			}
		})
	}
}

func TestSubscribingAgainDependsOnTheAttributes(t *testing.T) {
	t.Parallel()
	c := start(t)
	body := subscriptionBody(c.QueueEndpoint("inbox"), "<FilterTag>a</FilterTag>")
	wantStatus(t, c.ask(t, "PUT", pager, body), 201, "")
	wantStatus(t, c.ask(t, "PUT", pager, body), 204, "")
	for _, other := range []string{
		subscriptionBody(c.QueueEndpoint("other"), "<FilterTag>a</FilterTag>"),
		subscriptionBody(c.QueueEndpoint("inbox"), "<FilterTag>b</FilterTag>"),
		subscriptionBody(c.QueueEndpoint("inbox"), "<FilterTag>a</FilterTag><NotifyStrategy>EXPONENTIAL_DECAY_RETRY</NotifyStrategy>"),
		subscriptionBody(c.QueueEndpoint("inbox"), "<FilterTag>a</FilterTag><NotifyContentFormat>JSON</NotifyContentFormat>"),
	} {
		wantRefusal(t, c.ask(t, "PUT", pager, other), 409, "SubscriptionAlreadyExist", "The subscription you want to create is already exist.")
	}
	wantStatus(t, c.ask(t, "PUT", "/topics/nope/subscriptions/pager", body), 404, "TopicNotExist")
}

func TestSubscriptionAttributes(t *testing.T) {
	t.Parallel()
	c := start(t)
	made := c.now()
	c.ask(t, "PUT", pager, subscriptionBody(c.QueueEndpoint("inbox"), "<FilterTag>failed</FilterTag>"))
	c.Advance(time.Minute)
	strategy := func(s string) string {
		return "<Subscription><NotifyStrategy>" + s + "</NotifyStrategy></Subscription>"
	}
	wantStatus(t, c.ask(t, "PUT", pager+"?metaoverride=true", strategy("EXPONENTIAL_DECAY_RETRY")), 204, "")
	told := c.ask(t, "GET", pager, "")
	for name, want := range map[string]string{
		"SubscriptionName": "pager", "Subscriber": account, "TopicOwner": account, "TopicName": "news",
		"Endpoint": "acs:mns:cn-hangzhou:1234567890123456:queues/inbox", "FilterTag": "failed",
		"NotifyStrategy": "EXPONENTIAL_DECAY_RETRY", "NotifyContentFormat": "XML",
		"CreateTime": fmt.Sprint(made.Unix()), "LastModifyTime": fmt.Sprint(c.now().Unix()),
	} {
		if got := told.text(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	wantStatus(t, c.ask(t, "PUT", pager+"?metaoverride=true", "<Subscription/>"), 204, "")
	wantRefusal(t, c.ask(t, "PUT", pager+"?metaoverride=true", strategy("NEVER")), 400, "InvalidArgument", offSchema("NotifyStrategy"))
	wantRefusal(t, c.ask(t, "PUT", pager+"?metaoverride=true", strategy("<x/>")), 400, "InvalidArgument", offSchema("NotifyStrategy"))
	wantStatus(t, c.ask(t, "PUT", pager+"?metaoverride=true", ""), 400, "MalformedXML")
	wantStatus(t, c.ask(t, "PUT", "/topics/news/subscriptions/nope?metaoverride=true", "<Subscription/>"), 404, "SubscriptionNotExist")
	if got := c.ask(t, "GET", pager, "").text("NotifyStrategy"); got != "EXPONENTIAL_DECAY_RETRY" {
		t.Fatalf("a refused change took effect: %s", got)
	}
}

func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	c := start(t)
	must(t, c.Subscribe("news", "pager", fakemns.Subscription{Endpoint: c.QueueEndpoint("inbox")}))
	wantStatus(t, c.ask(t, "DELETE", pager, ""), 204, "")
	wantStatus(t, c.ask(t, "DELETE", pager, ""), 404, "SubscriptionNotExist")
	wantStatus(t, c.ask(t, "DELETE", "/topics/nope/subscriptions/pager", ""), 404, "TopicNotExist")
	c.ask(t, "POST", news, message("x"))
	if all := c.Messages("inbox"); len(all) != 0 {
		t.Fatalf("pushed to a subscription that has ended: %v", all)
	}
}

func TestTopicHasAtMost100Subscriptions(t *testing.T) {
	t.Parallel()
	c := start(t)
	asked := fakemns.Subscription{Endpoint: c.QueueEndpoint("inbox")}
	for i := range 100 {
		must(t, c.Subscribe("news", fmt.Sprintf("s%d", i), asked))
	}
	wantRefusal(t, c.ask(t, "PUT", pager, subscriptionBody(asked.Endpoint)), 400, "InvalidArgument", between("Subscriptions", "0", "100"))
	must(t, c.Subscribe("news", "s0", asked))
}
