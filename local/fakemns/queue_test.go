package fakemns_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakemns"
)

const textURL = "Http request URL format invalid."

func queueBody(elements string) string { return "<Queue>" + elements + "</Queue>" }

func TestCreateQueue(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, body    string
		status        int
		code, message string
	}{
		{"with defaults", "<Queue/>", 201, "", ""},
		{"with all attributes at their least", queueBody("<DelaySeconds>0</DelaySeconds><MaximumMessageSize>1024</MaximumMessageSize><MessageRetentionPeriod>60</MessageRetentionPeriod><VisibilityTimeout>1</VisibilityTimeout><PollingWaitSeconds>0</PollingWaitSeconds><LoggingEnabled>False</LoggingEnabled>"), 201, "", ""},
		{"with all attributes at their most", queueBody("<DelaySeconds>604800</DelaySeconds><MaximumMessageSize>65536</MaximumMessageSize><MessageRetentionPeriod>604800</MessageRetentionPeriod><VisibilityTimeout>43200</VisibilityTimeout><PollingWaitSeconds>30</PollingWaitSeconds><LoggingEnabled>True</LoggingEnabled>"), 201, "", ""},
		{"delay above", queueBody("<DelaySeconds>604801</DelaySeconds>"), 400, "InvalidArgument", between("DelaySeconds", "0", "604800 seconds")},
		{"size below", queueBody("<MaximumMessageSize>1023</MaximumMessageSize>"), 400, "InvalidArgument", between("MaximumMessageSize", "1024", "65536 bytes")},
		{"size above", queueBody("<MaximumMessageSize>65537</MaximumMessageSize>"), 400, "InvalidArgument", between("MaximumMessageSize", "1024", "65536 bytes")},
		{"retention below", queueBody("<MessageRetentionPeriod>59</MessageRetentionPeriod>"), 400, "InvalidArgument", between("MessageRetentionPeriod", "60", "604800 seconds")},
		{"retention above", queueBody("<MessageRetentionPeriod>604801</MessageRetentionPeriod>"), 400, "InvalidArgument", between("MessageRetentionPeriod", "60", "604800 seconds")},
		{"visibility below", queueBody("<VisibilityTimeout>0</VisibilityTimeout>"), 400, "InvalidArgument", between("VisibilityTimeout", "1", "43200 seconds")},
		{"visibility above", queueBody("<VisibilityTimeout>43201</VisibilityTimeout>"), 400, "InvalidArgument", between("VisibilityTimeout", "1", "43200 seconds")},
		{"polling above", queueBody("<PollingWaitSeconds>31</PollingWaitSeconds>"), 400, "InvalidArgument", between("PollingWaitSeconds", "0", "30 seconds")},
		{"an attribute that is no number", queueBody("<VisibilityTimeout>x</VisibilityTimeout>"), 400, "InvalidArgument", offSchema("VisibilityTimeout")},
		{"logging that is no truth value", queueBody("<LoggingEnabled>maybe</LoggingEnabled>"), 400, "InvalidArgument", offSchema("LoggingEnabled")},
		{"logging twice", queueBody("<LoggingEnabled>True</LoggingEnabled><LoggingEnabled>True</LoggingEnabled>"), 400, "InvalidArgument", offSchema("LoggingEnabled")},
		{"another document", "<Topic/>", 400, "InvalidArgument", offSchema("Topic")},
		{"no document", "", 400, "MalformedXML", "The XML you provided was not well-formed."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := start(t)
			got := c.ask(t, "PUT", "/queues/fresh", tc.body)
			wantRefusal(t, got, tc.status, tc.code, tc.message)
			found := c.ask(t, "GET", "/queues/fresh", "")
			if tc.status == 201 {
				wantStatus(t, found, 200, "")
				if got.body != "" || got.header.Get("Location") != "http://1234567890123456.mns.cn-hangzhou.aliyuncs.com/queues/fresh" {
					t.Fatalf("got %v %s", got.header, got.body)
				}
			} else {
				wantStatus(t, found, 404, "QueueNotExist")
			}
		})
	}
}

func TestCreatingAgainDependsOnTheAttributes(t *testing.T) {
	t.Parallel()
	c := start(t)
	wantStatus(t, c.ask(t, "PUT", "/queues/inbox", "<Queue/>"), 204, "")
	wantStatus(t, c.ask(t, "PUT", "/queues/inbox", queueBody("<VisibilityTimeout>30</VisibilityTimeout>")), 204, "")
	wantRefusal(t, c.ask(t, "PUT", "/queues/inbox", queueBody("<VisibilityTimeout>31</VisibilityTimeout>")), 409, "QueueAlreadyExist", "The queue you want to create is already exist.")
	wantStatus(t, c.ask(t, "PUT", "/topics/news", "<Topic/>"), 204, "")
	wantRefusal(t, c.ask(t, "PUT", "/topics/news", "<Topic><LoggingEnabled>true</LoggingEnabled></Topic>"), 409, "TopicAlreadyExist", "The topic you want to create is already exist.")
}

func TestQueueAttributesAreChangedAndTold(t *testing.T) {
	t.Parallel()
	c := start(t)
	made := c.now()
	c.Advance(time.Hour)
	got := c.ask(t, "PUT", "/queues/inbox?MetaOverride=true", queueBody("<VisibilityTimeout>7</VisibilityTimeout><LoggingEnabled>true</LoggingEnabled>"))
	if wantStatus(t, got, 204, ""); got.body != "" || got.header.Get("Content-Length") != "" {
		t.Fatalf("204 with a body: %v %q", got.header, got.body)
	}
	c.ask(t, "POST", inbox, message("a"))
	c.ask(t, "POST", inbox, message("b"))
	c.ask(t, "POST", inbox, message("c", "<DelaySeconds>60</DelaySeconds>"))
	c.ask(t, "GET", inbox, "")
	told := c.ask(t, "GET", "/queues/inbox", "")
	wantStatus(t, told, 200, "")
	for name, want := range map[string]string{
		"QueueName": "inbox", "DelaySeconds": "0", "MaximumMessageSize": "65536", "MessageRetentionPeriod": "345600",
		"VisibilityTimeout": "7", "PollingWaitSeconds": "0", "LoggingEnabled": "True",
		"ActiveMessages": "1", "InactiveMessages": "1", "DelayMessages": "1",
		"CreateTime": fmt.Sprint(made.Unix()), "LastModifyTime": fmt.Sprint(c.now().Unix()),
	} {
		if got := told.text(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	wantRefusal(t, c.ask(t, "PUT", "/queues/inbox?metaoverride=true", queueBody("<VisibilityTimeout>0</VisibilityTimeout>")), 400, "InvalidArgument", between("VisibilityTimeout", "1", "43200 seconds"))
	wantStatus(t, c.ask(t, "PUT", "/queues/nope?metaoverride=true", "<Queue/>"), 404, "QueueNotExist")
}

func TestQueueBoundsItsMessages(t *testing.T) {
	t.Parallel()
	c := start(t)
	must(t, c.CreateQueue("small", func(a *fakemns.QueueAttributes) { a.MaximumMessageSize = 1024 }))
	wantStatus(t, c.ask(t, "POST", "/queues/small/messages", message(strings.Repeat("x", 1024))), 201, "")
	wantRefusal(t, c.ask(t, "POST", "/queues/small/messages", message(strings.Repeat("x", 1025))), 400, "InvalidArgument", between("MessageBody", "1", "1024 bytes"))
}

func TestDeletingIsIdempotent(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, target := range []string{"/queues/inbox", "/queues/inbox", "/topics/news", "/topics/news"} {
		wantStatus(t, c.ask(t, "DELETE", target, ""), 204, "")
	}
	wantStatus(t, c.ask(t, "POST", inbox, message("x")), 404, "QueueNotExist")
	wantRefusal(t, c.ask(t, "POST", "/topics/news/messages", message("x")), 404, "TopicNotExist", "The topic you provided does not exist.")
}

func TestNames(t *testing.T) {
	t.Parallel()
	c := start(t)
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, tc := range []struct {
		name, target  string
		code, message string
	}{
		{"a queue's with an underscore", "/queues/a_b", "InvalidQueueName", "The queue name you provided is invalid."},
		{"a queue's with a hyphen first", "/queues/-a", "InvalidQueueName", "The queue name you provided is invalid."},
		{"a queue's with an escape", "/queues/a%20b", "InvalidQueueName", "The queue name you provided is invalid."},
		{"a queue's that is empty", "/queues/", "QueueNameLengthError", "The length of queue name should between 1 and 120."},
		{"a queue's of 121", "/queues/" + long(121), "QueueNameLengthError", "The length of queue name should between 1 and 120."},
		{"a topic's with a dot", "/topics/a.b", "TopicNameInvalid", "The topic name you provided is invalid."},
		{"a topic's of 121", "/topics/" + long(121), "TopicNameLengthError", "The length of topic name should between 1 and 120."},
		{"a subscription's with a colon", "/topics/news/subscriptions/a:b", "SubsriptionNameInvalid", "The subscription name you provided is invalid."},
		{"a subscription's of 256", "/topics/news/subscriptions/" + long(256), "SubscriptionNameLengthError", "The length of subscription name should between 1 and 255."},
		{"a subscription's under a bad topic's", "/topics/-/subscriptions/a", "TopicNameInvalid", "The topic name you provided is invalid."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{"PUT", "GET", "DELETE"} {
				wantRefusal(t, c.ask(t, method, tc.target, ""), 400, tc.code, tc.message)
			}
		})
	}
	wantStatus(t, c.ask(t, "PUT", "/queues/9-A"+long(117), "<Queue/>"), 201, "")
	wantStatus(t, c.ask(t, "PUT", "/topics/9-A"+long(117), "<Topic/>"), 201, "")
	sub := "<Subscription><Endpoint>http://127.0.0.1</Endpoint></Subscription>"
	wantStatus(t, c.ask(t, "PUT", "/topics/news/subscriptions/"+long(255), sub), 201, "")
}

func TestAddressesThatMeanNothing(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, tc := range [][2]string{
		{"GET", "/"},
		{"GET", "/?accountmeta=true"},
		{"POST", "/commonbuy/openservice"},
		{"GET", "/nothing"},
		{"GET", "/Queues"},
		{"POST", "/queues"},
		{"POST", "/queues/inbox"},
		{"HEAD", "/queues/inbox"},
		{"PATCH", "/queues/inbox/messages"},
		{"GET", "/queues/inbox/message"},
		{"GET", "/queues/inbox/messages/1"},
		{"GET", "/topics/news/messages"},
		{"POST", "/topics/news/subscriptions"},
		{"GET", "//queues"},
	} {
		t.Run(tc[0]+" "+tc[1], func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, c.ask(t, tc[0], tc[1], ""), 400, "InvalidRequestURL", textURL)
		})
	}
}

func TestQueriesThatAreRefused(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, tc := range []struct{ method, target, item string }{
		{"GET", inbox + "?wait=1", "wait"},
		{"GET", inbox + "?waitseconds=soon", "waitseconds"},
		{"GET", inbox + "?waitseconds=1&ReceiptHandle=x", "ReceiptHandle"},
		{"GET", inbox + "?numOfMessages=many", "numOfMessages"},
		{"GET", inbox + "?peekonly=yes", "peekonly"},
		{"GET", inbox + "?peekonly=true&waitseconds=1", "waitseconds"},
		{"POST", inbox + "?metaoverride=true", "metaoverride"},
		{"PUT", "/queues/inbox?metaoverride=1", "metaoverride"},
		{"DELETE", "/queues/inbox?force", "force"},
		{"GET", "/topics?x-mns-prefix=a", "x-mns-prefix"},
	} {
		t.Run(tc.method+" "+tc.target, func(t *testing.T) {
			t.Parallel()
			want := `Http request URL contains invalid querystring item "` + tc.item + `".`
			wantRefusal(t, c.ask(t, tc.method, tc.target, ""), 400, "InvalidQueryString", want)
		})
	}
	wantStatus(t, c.ask(t, "GET", inbox+"?PEEKONLY=false&&WaitSeconds=0", ""), 404, "MessageNotExist")
	wantStatus(t, c.ask(t, "PUT", "/queues/inbox?metaoverride=false", "<Queue/>"), 204, "")
}

func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, name := range []string{"b1", "a1", "b2", "b3"} {
		must(t, c.CreateQueue(name))
		must(t, c.CreateTopic(name))
		must(t, c.Subscribe("news", name, fakemns.Subscription{Endpoint: c.QueueEndpoint("inbox")}))
	}
	host := "http://1234567890123456.mns.cn-hangzhou.aliyuncs.com"
	for _, tc := range []struct{ target, element, own string }{
		{"/queues", "Queue/QueueURL", "inbox"},
		{"/topics", "Topic/TopicURL", "news"},
		{"/topics/news/subscriptions", "Subscription/SubscriptionURL", ""},
	} {
		t.Run(tc.target, func(t *testing.T) {
			t.Parallel()
			url := host + tc.target + "/"
			whole := c.ask(t, "GET", tc.target, "")
			want := []string{url + "a1", url + "b1", url + "b2", url + "b3"}
			if tc.own != "" {
				want = append(want, url+tc.own)
			}
			if diff := cmp.Diff(want, whole.all(tc.element)); diff != "" || whole.text("NextMarker") != "" {
				t.Fatalf("%s%s", diff, whole.body)
			}
			first := c.ask(t, "GET", tc.target, "", header("x-mns-prefix", "b"), header("x-mns-ret-number", "2"))
			next := c.ask(t, "GET", tc.target, "", header("x-mns-prefix", "b"), header("x-mns-ret-number", "2"), header("x-mns-marker", first.text("NextMarker")))
			pages := append(first.all(tc.element), next.all(tc.element)...)
			if diff := cmp.Diff([]string{url + "b1", url + "b2", url + "b3"}, pages); diff != "" || next.text("NextMarker") != "" {
				t.Fatal(diff)
			}
			for _, size := range []string{"0", "1001", "x"} {
				wantRefusal(t, c.ask(t, "GET", tc.target, "", header("x-mns-ret-number", size)), 400, "InvalidArgument", between("x-mns-ret-number", "1", "1000"))
			}
			meta := c.ask(t, "GET", tc.target, "", header("x-mns-with-meta", "true"), header("x-mns-ret-number", "1"))
			parent, _, _ := strings.Cut(tc.element, "/")
			if got := meta.text(parent + "/" + parent + "Name"); got != "a1" || strings.Contains(whole.body, parent+"Name") {
				t.Fatalf("with meta %s\nwithout %s", meta.body, whole.body)
			}
		})
	}
	wantStatus(t, c.ask(t, "GET", "/topics/nope/subscriptions", ""), 404, "TopicNotExist")
}

func TestControlMethodsRefuseAsTheServiceDoes(t *testing.T) {
	t.Parallel()
	c := start(t)
	endpoint := fakemns.Subscription{Endpoint: c.QueueEndpoint("inbox")}
	for _, tc := range []struct {
		name string
		err  error
		code string
	}{
		{"a bad queue name", c.CreateQueue("a_b"), "InvalidQueueName"},
		{"a bad attribute", c.CreateQueue("b", func(a *fakemns.QueueAttributes) { a.VisibilityTimeout = 0 }), "InvalidArgument"},
		{"a queue with other attributes", c.CreateQueue("inbox", func(a *fakemns.QueueAttributes) { a.VisibilityTimeout = 1 }), "QueueAlreadyExist"},
		{"a bad topic name", c.CreateTopic(""), "TopicNameLengthError"},
		{"a bad subscription name", c.Subscribe("news", "_", endpoint), "SubsriptionNameInvalid"},
		{"a bad endpoint", c.Subscribe("news", "s", fakemns.Subscription{}), "EndpointInvalid"},
		{"a topic that does not exist", c.Subscribe("nope", "s", endpoint), "TopicNotExist"},
		{"a function's bad name", c.SubscribeFunc("news", "", "", nil), "SubscriptionNameLengthError"},
		{"a function's bad tag", c.SubscribeFunc("news", "f", strings.Repeat("x", 17), nil), "InvalidArgument"},
		{"a function's topic that does not exist", c.SubscribeFunc("nope", "f", "", nil), "TopicNotExist"},
	} {
		var refused *fakemns.Error
		if !errors.As(tc.err, &refused) || refused.Code != tc.code || !strings.HasPrefix(refused.Error(), "mns: "+tc.code+": ") {
			t.Errorf("%s: got %v, want %s", tc.name, tc.err, tc.code)
		}
	}
	must(t, c.CreateQueue("inbox"))
	must(t, c.CreateTopic("news"))
}

func TestAddressesOfOurOwnAreNotTheServices(t *testing.T) {
	t.Parallel()
	c := start(t)
	r := c.request(t, http.MethodGet, "/_local/nothing", "")
	if got := c.send(t, r); got.status != 404 || len(c.Calls()) != 0 {
		t.Fatalf("got %d %s", got.status, got.body)
	}
}
