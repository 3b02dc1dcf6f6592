package fakemns

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// pushTimeout is how long an HTTP endpoint has to answer.
const pushTimeout = 5 * time.Second

// errDiscarded ends the attempts at a push that can never succeed.
var errDiscarded = errors.New("discarded")

// push is one message on its way to one subscription.
type push struct {
	sub *subscription
	TopicMessage
}

// push makes the first attempt at once if it goes to a queue, and all others in the background.
func (s *Server) push(p push) {
	if p.sub.queue == "" {
		s.spawn(func() { s.pursue(p, 0) })
	} else if worthRetrying(s.attempt(p)) {
		s.spawn(func() { s.pursue(p, 1) })
	}
}

func worthRetrying(err error) bool { return err != nil && !errors.Is(err, errDiscarded) }

// pursue makes the attempts that the strategy allows, the first of which may be behind it already, until one
// succeeds, the subscription is gone, or the server is closed.
func (s *Server) pursue(p push, made int) {
	n := 0
	for gap := range gaps(p.sub.strategy) {
		if n++; n <= made {
			continue
		}
		if !s.pause(gap) || !s.subscribed(p) {
			return
		}
		if !worthRetrying(s.attempt(p)) {
			return
		}
	}
}

// gaps gives the waits before the attempts of a strategy, the first of which is none ("Push back-off policy").
func gaps(strategy string) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		more := yield(0)
		if strategy == BackoffRetry {
			for range 3 {
				more = more && yield(10*time.Second+rand.N(10*time.Second)) //nolint:gosec // jitter, not a secret
			}
			return
		}
		for i := range 176 {
			more = more && yield(time.Second<<min(i, 9))
		}
	}
}

func (s *Server) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// subscribed tells whether the subscription that a push began for is still there.
func (s *Server) subscribed(p push) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.topics[p.Topic]
	return ok && t.subscriptions[p.sub.name] != nil && t.subscriptions[p.sub.name].created.Equal(p.sub.created)
}

// attempt tries once.
func (s *Server) attempt(p push) error {
	switch {
	case p.sub.call != nil:
		return p.sub.call(s.ctx, p.clone())
	case p.sub.queue != "":
		return s.pushToQueue(p)
	default:
		return s.pushToHTTP(p)
	}
}

func (s *Server) pushToQueue(p push) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue, err := s.find(p.sub.queue)
	if err != nil {
		return err
	}
	text, _ := p.document()
	d := draft{body: text, delay: queue.attributes.DelaySeconds, priority: 8}
	if queue.check(d) != nil {
		return errDiscarded
	}
	s.enqueue(queue, d)
	return nil
}

// document is what the endpoint gets, and its media type ("NotifyContentFormat").
func (p push) document() (text, kind string) {
	n := notification{
		TopicOwner: p.TopicOwner, TopicName: p.Topic, Subscriber: p.Subscriber, SubscriptionName: p.Subscription,
		MessageID: p.ID, Message: p.Body, MessageMD5: p.MD5, MessageTag: p.Tag, PublishTime: millis(p.PublishTime),
	}
	switch p.sub.format {
	case JSON:
		return n.json(), "application/json;charset=utf-8"
	case Simplified:
		return p.Body, "text/plain;charset=utf-8"
	default:
		return string(marshal("Notification", n)), "text/xml;charset=utf-8"
	}
}

// notification is the envelope of a pushed message. PublishTime is quoted in JSON, as documented.
type notification struct {
	TopicOwner, TopicName, Subscriber, SubscriptionName string
	MessageID                                           string `xml:"MessageId" json:"MessageId"`
	Message, MessageMD5                                 string
	MessageTag                                          string `xml:",omitempty" json:",omitempty"`
	PublishTime                                         int64  `json:",string"`
}

func (n notification) json() string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(n); err != nil {
		panic(fmt.Sprintf("fakemns: a notification always encodes: %v", err))
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n")))
}

// pushToHTTP succeeds with any status from 200 to 399.
func (s *Server) pushToHTTP(p push) error {
	ctx, cancel := context.WithTimeout(s.ctx, pushTimeout)
	defer cancel()
	r, err := s.notify(ctx, p)
	if err != nil {
		return err
	}
	resp, err := s.client.Do(r) //nolint:gosec // pushing to the subscriber's address is the service
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxRequest))
	_ = resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 399 {
		return fmt.Errorf("endpoint answered %s", resp.Status)
	}
	return nil
}

// notify makes the request of a push ("HttpEndpoint"), all but its signature.
func (s *Server) notify(ctx context.Context, p push) (*http.Request, error) {
	text, kind := p.document()
	u, err := url.Parse(p.sub.endpoint)
	if err != nil {
		return nil, err
	}
	if u.Path == "" {
		u.Path = "/notifications"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	number := s.next()
	s.mu.Unlock()
	now := s.opts.Now()
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Content-MD5", digest(text))
	r.Header.Set("Date", now.UTC().Format(http.TimeFormat))
	r.Header.Set("User-Agent", "Aliyun Notification Service Agent")
	r.Header.Set("x-mns-request-id", fmt.Sprintf("%08X%016X", now.Unix(), number))
	r.Header.Set("x-mns-version", apiVersion)
	if p.sub.format == Simplified {
		p.describe(r.Header)
	}
	return r, nil
}

// describe says in headers what a bare body cannot.
func (p push) describe(h http.Header) {
	h.Set("x-mns-message-id", p.ID)
	if p.Tag != "" {
		h.Set("x-mns-message-tag", p.Tag)
	}
	h.Set("x-mns-topic-owner", p.TopicOwner)
	h.Set("x-mns-topic-name", p.Topic)
	h.Set("x-mns-subscriber", p.Subscriber)
	h.Set("x-mns-subscription-name", p.Subscription)
	h.Set("x-mns-publish-time", strconv.FormatInt(millis(p.PublishTime), 10))
}

// pushClient takes a redirect for an answer, as MNS does. Without a client of the caller's it reaches loopback only.
func pushClient(given *http.Client) *http.Client {
	client := http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Control: loopbackOnly}).DialContext}}
	if given != nil {
		client = *given
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

func loopbackOnly(_, address string, _ syscall.RawConn) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return fmt.Errorf("%s is not on this machine: give Options.HTTPClient to push there", address)
	}
	return nil
}
