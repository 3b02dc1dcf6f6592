package fakemns_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/rig"
)

const tagged = "<MessageTag>important</MessageTag>"

// pushes is what a subscriber got, and when.
type pushes struct {
	mu   sync.Mutex
	got  []fakemns.TopicMessage
	when []time.Time
}

// take records a push and refuses the first n.
func (p *pushes) take(refuse int) func(context.Context, fakemns.TopicMessage) error {
	return func(_ context.Context, m fakemns.TopicMessage) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.got, p.when = append(p.got, m), append(p.when, time.Now())
		if len(p.got) <= refuse {
			return errors.New("not now")
		}
		return nil
	}
}

func (p *pushes) gaps() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	var gaps []time.Duration
	for i := 1; i < len(p.when); i++ {
		gaps = append(gaps, p.when[i].Sub(p.when[i-1]))
	}
	return gaps
}

func TestFunctionGetsTheMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, p := startInBubble(t), &pushes{}
		must(t, c.SubscribeFunc("news", "trigger", "", p.take(0)))
		c.ask(t, "POST", news, message("hello topic", tagged, "<MessageAttributes><Extend>e</Extend></MessageAttributes>"))
		synctest.Wait()
		want := []fakemns.TopicMessage{{
			ID: c.Published("news")[0].ID, Topic: "news", TopicOwner: account, Subscriber: account, Subscription: "trigger",
			Body: "hello topic", MD5: "D6206122A430035E4EC1463CDD704B59", Tag: "important",
			Attributes: map[string]string{"Extend": "e"}, PublishTime: time.Now(),
		}}
		if diff := cmp.Diff(want, p.got); diff != "" {
			t.Fatal(diff)
		}
		wantStatus(t, c.ask(t, "PUT", "/topics/news/subscriptions/trigger", subscriptionBody("http://127.0.0.1")), 409, "SubscriptionAlreadyExist")
	})
}

func TestBackoffRetry(t *testing.T) {
	t.Parallel()
	for refusals, attempts := range map[int]int{0: 1, 1: 2, 3: 4, 9: 4} {
		t.Run(fmt.Sprintf("%d refusals make %d attempts", refusals, attempts), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, p := startInBubble(t), &pushes{}
				must(t, c.SubscribeFunc("news", "trigger", "", p.take(refusals)))
				c.ask(t, "POST", news, message("x"))
				time.Sleep(24 * time.Hour)
				c.Close()
				if len(p.got) != attempts {
					t.Fatalf("%d attempts, want %d", len(p.got), attempts)
				}
				for _, gap := range p.gaps() {
					if gap < 10*time.Second || gap > 20*time.Second {
						t.Fatalf("gaps %v, want each from 10 to 20 seconds", p.gaps())
					}
				}
			})
		})
	}
}

func TestExponentialDecayRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pushes{}
		refuse := p.take(1000)
		c := startInBubble(t, func(o *fakemns.Options) {
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				return nil, refuse(r.Context(), fakemns.TopicMessage{})
			})}
		})
		must(t, c.Subscribe("news", "s", fakemns.Subscription{Endpoint: "http://x.test", NotifyStrategy: fakemns.ExponentialDecayRetry}))
		c.ask(t, "POST", news, message("x"))
		time.Sleep(48 * time.Hour)
		gaps := p.gaps()
		if len(gaps) != 176 {
			t.Fatalf("%d retries, want 176", len(gaps))
		}
		for i, gap := range gaps {
			if want := time.Second << min(i, 9); gap != want {
				t.Fatalf("retry %d after %s, want %s", i+1, gap, want)
			}
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFilterTagIsEquality(t *testing.T) {
	t.Parallel()
	c := start(t)
	must(t, c.CreateQueue("all"))
	must(t, c.Subscribe("news", "all", fakemns.Subscription{Endpoint: c.QueueEndpoint("all")}))
	must(t, c.Subscribe("news", "pager", fakemns.Subscription{Endpoint: c.QueueEndpoint("inbox"), FilterTag: "important"}))
	for _, tag := range []string{tagged, "", "<MessageTag>Important</MessageTag>", "<MessageTag>import</MessageTag>"} {
		c.ask(t, "POST", news, message("x", tag))
	}
	if all, some := len(c.Messages("all")), len(c.Messages("inbox")); all != 4 || some != 1 {
		t.Fatalf("without a tag %d, with one %d, want 4 and 1", all, some)
	}
}

func TestQueueGetsTheFormatThatWasAskedFor(t *testing.T) {
	t.Parallel()
	c := start(t)
	for _, format := range []string{"", fakemns.XML, fakemns.JSON, fakemns.Simplified} {
		name := "q" + format
		must(t, c.CreateQueue(name))
		must(t, c.Subscribe("news", "s"+format, fakemns.Subscription{Endpoint: c.QueueEndpoint(name), NotifyContentFormat: format}))
	}
	const body = `{"a":"<&>"}`
	c.ask(t, "POST", news, message("{&#34;a&#34;:&#34;&lt;&amp;&gt;&#34;}", tagged))
	m := c.Published("news")[0]
	fields := func(subscription string) map[string]string {
		return map[string]string{
			"TopicOwner": account, "TopicName": "news", "Subscriber": account, "SubscriptionName": subscription, "MessageId": m.ID,
			"Message": body, "MessageMD5": m.MD5, "MessageTag": "important", "PublishTime": fmt.Sprint(m.PublishTime.UnixMilli()),
		}
	}
	for _, format := range []string{"", fakemns.XML} {
		var doc rig.Element
		must(t, xml.Unmarshal([]byte(c.Messages("q" + format)[0].Body), &doc))
		got := map[string]string{}
		for _, child := range doc.Children {
			got[child.XMLName.Local] = child.Text
		}
		if diff := cmp.Diff(fields("s"+format), got); diff != "" || doc.XMLName != (xml.Name{Space: xmlns, Local: "Notification"}) {
			t.Error(diff, doc.XMLName)
		}
	}
	var got map[string]string // PublishTime is quoted
	must(t, json.Unmarshal([]byte(c.Messages("qJSON")[0].Body), &got))
	if diff := cmp.Diff(fields("sJSON"), got); diff != "" {
		t.Error(diff)
	}
	if text := c.Messages("qJSON")[0].Body; !strings.Contains(text, `<&>`) {
		t.Errorf("JSON is escaped as if for HTML: %s", text)
	}
	if got := c.Messages("qSIMPLIFIED")[0]; got.Body != body || got.Priority != 8 {
		t.Errorf("got %+v", got)
	}
}

func TestPushToAQueueThatComesLaterIsRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(t)
		must(t, c.Subscribe("news", "s", fakemns.Subscription{Endpoint: c.QueueEndpoint("later"), NotifyContentFormat: fakemns.Simplified}))
		wantStatus(t, c.ask(t, "POST", news, message("x")), 201, "")
		must(t, c.CreateQueue("later"))
		time.Sleep(time.Hour)
		if all := c.Messages("later"); len(all) != 1 || all[0].EnqueueTime.Sub(c.Published("news")[0].PublishTime) < 10*time.Second {
			t.Fatalf("got %v", all)
		}
	})
}

func TestPushThatIsTooLongForItsQueueIsDiscarded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(t)
		small := func(a *fakemns.QueueAttributes) { a.MaximumMessageSize = 1024 }
		must(t, c.CreateQueue("now", small))
		for _, queue := range []string{"now", "later"} {
			must(t, c.Subscribe("news", queue, fakemns.Subscription{Endpoint: c.QueueEndpoint(queue)}))
		}
		wantStatus(t, c.ask(t, "POST", news, message(strings.Repeat("x", 1024))), 201, "") // and the envelope
		must(t, c.CreateQueue("later", small))
		const larger = "<Queue><MaximumMessageSize>65536</MaximumMessageSize></Queue>"
		c.ask(t, "PUT", "/queues/now?metaoverride=true", larger)
		time.Sleep(21 * time.Second)
		c.ask(t, "PUT", "/queues/later?metaoverride=true", larger)
		time.Sleep(time.Hour)
		if now, later := c.Messages("now"), c.Messages("later"); len(now)+len(later) != 0 {
			t.Fatalf("pushed again after they were discarded: %v %v", now, later)
		}
	})
}

func TestRetriesEndWithTheSubscription(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, c *cloud){
		"unsubscribed":  func(t *testing.T, c *cloud) { t.Helper(); c.ask(t, "DELETE", "/topics/news/subscriptions/trigger", "") },
		"topic deleted": func(t *testing.T, c *cloud) { t.Helper(); c.ask(t, "DELETE", "/topics/news", "") },
		"closed":        func(_ *testing.T, c *cloud) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, p := startInBubble(t), &pushes{}
				must(t, c.SubscribeFunc("news", "trigger", "", p.take(9)))
				c.ask(t, "POST", news, message("x"))
				time.Sleep(time.Second)
				end(t, c)
				time.Sleep(time.Hour)
				c.Close()
				if len(p.got) != 1 {
					t.Fatalf("%d attempts, want 1", len(p.got))
				}
			})
		})
	}
}

func TestCloseEndsAndAwaitsThePushes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := startInBubble(t)
		begun, ended := make(chan struct{}), false
		must(t, c.SubscribeFunc("news", "trigger", "", func(ctx context.Context, _ fakemns.TopicMessage) error {
			close(begun)
			<-ctx.Done()
			time.Sleep(time.Second)
			ended = true
			return nil
		}))
		c.ask(t, "POST", news, message("x"))
		<-begun
		c.Close()
		if !ended {
			t.Fatal("Close came back before the push did")
		}
		c.ask(t, "POST", news, message("y")) // begun is closed: another push would panic
		synctest.Wait()
	})
}

// endpoint is an HTTP subscriber on loopback.
func endpoint(t *testing.T, status int) (url string, requests <-chan *http.Request) {
	t.Helper()
	got := make(chan *http.Request, 9)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(text)))
		w.Header().Set("Location", "http://127.0.0.1:1/")
		w.WriteHeader(status)
		got <- r
	}))
	t.Cleanup(server.Close)
	return server.URL, got
}

func TestHTTPPush(t *testing.T) {
	t.Parallel()
	c := start(t)
	url, requests := endpoint(t, 204)
	must(t, c.Subscribe("news", "bare", fakemns.Subscription{Endpoint: url + "/api/test?k=v", NotifyContentFormat: fakemns.Simplified}))
	c.ask(t, "POST", news, message("hello topic", tagged))
	r := <-requests
	text, _ := io.ReadAll(r.Body)
	m := c.Published("news")[0]
	if string(text) != "hello topic" || r.Method != http.MethodPost || r.RequestURI != "/api/test?k=v" {
		t.Fatalf("got %s %s %q", r.Method, r.RequestURI, text)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/plain;charset=utf-8", "Content-MD5": "D6206122A430035E4EC1463CDD704B59",
		"Date": "Sun, 22 Nov 2026 12:00:00 GMT", "User-Agent": "Aliyun Notification Service Agent",
		"x-mns-message-id": m.ID, "x-mns-message-tag": "important", "x-mns-topic-owner": account, "x-mns-topic-name": "news",
		"x-mns-subscriber": account, "x-mns-subscription-name": "bare", "x-mns-version": "2015-06-06",
		"x-mns-publish-time": fmt.Sprint(m.PublishTime.UnixMilli()),
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if len(r.Header.Get("x-mns-request-id")) != 24 {
		t.Errorf("request id %q", r.Header.Get("x-mns-request-id"))
	}
	c.ask(t, "POST", news, message("untagged"))
	if r := <-requests; len(r.Header.Values("x-mns-message-tag")) != 0 {
		t.Error("a tag for a message without one")
	}
}

func TestHTTPPushOfEnvelopes(t *testing.T) {
	t.Parallel()
	for format, kind := range map[string]string{
		fakemns.XML: "text/xml;charset=utf-8", fakemns.JSON: "application/json;charset=utf-8",
	} {
		c := start(t)
		url, requests := endpoint(t, 200)
		must(t, c.Subscribe("news", "s", fakemns.Subscription{Endpoint: url, NotifyContentFormat: format}))
		c.ask(t, "POST", news, message("hello topic"))
		r := <-requests
		text, _ := io.ReadAll(r.Body)
		if r.RequestURI != "/notifications" || r.Header.Get("Content-Type") != kind || !strings.Contains(string(text), "hello topic") {
			t.Errorf("%s: got %s %v %s", format, r.RequestURI, r.Header, text)
		}
		if r.Header.Get("x-mns-message-id") != "" {
			t.Errorf("%s: what the envelope says is in the headers too", format)
		}
	}
}

func TestStatusOfAnHTTPEndpointDecides(t *testing.T) {
	t.Parallel()
	for status, attempts := range map[int]int{200: 1, 204: 1, 302: 1, 399: 1, 400: 4, 500: 4} {
		t.Run(fmt.Sprintf("%d makes %d attempts", status, attempts), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				c := startInBubble(t, func(o *fakemns.Options) {
					o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						n++
						h := http.Header{"Location": {"/elsewhere"}}
						return &http.Response{StatusCode: status, Header: h, Body: http.NoBody, Request: r}, nil
					})}
				})
				must(t, c.Subscribe("news", "s", fakemns.Subscription{Endpoint: "http://x.test"}))
				c.ask(t, "POST", news, message("x"))
				time.Sleep(time.Hour)
				c.Close()
				if n != attempts {
					t.Fatalf("%d attempts, want %d", n, attempts)
				}
			})
		})
	}
}

func TestHTTPEndpointThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var took []time.Duration
		c := startInBubble(t, func(o *fakemns.Options) {
			o.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				begin := time.Now()
				<-r.Context().Done()
				took = append(took, time.Since(begin))
				return nil, r.Context().Err()
			})}
		})
		must(t, c.Subscribe("news", "s", fakemns.Subscription{Endpoint: "http://x.test"}))
		c.ask(t, "POST", news, message("x"))
		time.Sleep(time.Hour)
		c.Close()
		want := []time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second}
		if diff := cmp.Diff(want, took); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestPushIsDelayedAsItsQueueSays(t *testing.T) {
	t.Parallel()
	c := start(t)
	must(t, c.CreateQueue("slow", func(a *fakemns.QueueAttributes) { a.DelaySeconds = 60 }))
	must(t, c.Subscribe("news", "s", fakemns.Subscription{Endpoint: c.QueueEndpoint("slow")}))
	c.ask(t, "POST", news, message("x"))
	if got := c.Messages("slow"); len(got) != 1 || got[0].State != fakemns.Delayed {
		t.Fatalf("got %+v", got)
	}
}

func TestAFunctionIsSubscribedOnce(t *testing.T) {
	t.Parallel()
	c, p := start(t), &pushes{}
	must(t, c.SubscribeFunc("news", "f", "", p.take(0)))
	if err := c.SubscribeFunc("news", "f", "", p.take(0)); err == nil || !strings.Contains(err.Error(), "SubscriptionAlreadyExist") {
		t.Fatalf("got %v: whether two functions are the same cannot be known", err)
	}
}

// idle is a transport that tells when its connections are given up.
type idle struct {
	roundTrip
	closed *bool
}

func (i idle) CloseIdleConnections() { *i.closed = true }

func TestCloseGivesUpConnections(t *testing.T) {
	t.Parallel()
	closed := false
	s := fakemns.New(fakemns.Options{HTTPClient: &http.Client{Transport: idle{closed: &closed}}})
	s.Close()
	if !closed {
		t.Fatal("connections of pushes outlive the server")
	}
}

func TestDefaultClientReachesLoopbackOnly(t *testing.T) {
	t.Parallel()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://203.0.113.9/", nil)
	must(t, err)
	if resp, err := fakemns.PushClient(nil).Do(r); err == nil || !strings.Contains(err.Error(), "not on this machine") {
		if err == nil {
			_ = resp.Body.Close()
		}
		t.Fatalf("got %v", err)
	}
	if err := fakemns.LoopbackOnly("tcp", "203.0.113.9:80", nil); err == nil || !strings.Contains(err.Error(), "203.0.113.9:80") {
		t.Fatalf("got %v", err)
	}
	for _, address := range []string{"127.0.0.1:80", "[::1]:80"} {
		if err := fakemns.LoopbackOnly("tcp", address, nil); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
