package fakemns

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Values of Subscription.NotifyStrategy.
const (
	BackoffRetry          = "BACKOFF_RETRY"           // 3 retries, 10 to 20 seconds apart; the default
	ExponentialDecayRetry = "EXPONENTIAL_DECAY_RETRY" // 176 retries, 1 to 512 seconds apart, for a day
)

// Values of Subscription.NotifyContentFormat.
const (
	XML        = "XML" // the default
	JSON       = "JSON"
	Simplified = "SIMPLIFIED" // the bare body
)

// maxSubscriptions is how many a topic may have.
const maxSubscriptions = 100

// Subscription says where a topic's messages go. Empty fields mean the documented defaults.
type Subscription struct {
	Endpoint            string // http(s)://… or acs:mns:REGION:ACCOUNT:queues/NAME
	FilterTag           string // only messages with this tag; empty is all
	NotifyStrategy      string
	NotifyContentFormat string
}

// subscription is guarded by the server's lock; all but its strategy and times stays as it was made.
type subscription struct {
	name, topic       string
	owner             string
	endpoint          string
	queue             string // the endpoint's queue, if it is one
	call              func(context.Context, TopicMessage) error
	filterTag         string
	strategy, format  string
	created, modified time.Time
}

// subscriptionOf checks what is asked for.
func (s *Server) subscriptionOf(topic, name string, asked Subscription) (*subscription, error) {
	sub := &subscription{
		name: name, topic: topic, owner: s.opts.Account, endpoint: asked.Endpoint, filterTag: asked.FilterTag,
		strategy: orElse(asked.NotifyStrategy, BackoffRetry), format: orElse(asked.NotifyContentFormat, XML),
	}
	var err error
	if sub.queue, err = s.endpoint(asked.Endpoint); err != nil {
		return nil, err
	}
	return sub, sub.check()
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func (s *subscription) check() error {
	if !slices.Contains([]string{BackoffRetry, ExponentialDecayRetry}, s.strategy) {
		return offSchema("NotifyStrategy")
	}
	if !slices.Contains([]string{XML, JSON, Simplified}, s.format) {
		return offSchema("NotifyContentFormat")
	}
	return checkTag("FilterTag", s.filterTag)
}

// endpoint checks an endpoint and gives the queue that it names, if it does.
func (s *Server) endpoint(text string) (queue string, err error) {
	if u, err := url.Parse(text); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return "", nil
	}
	own := "acs:mns:" + s.opts.Region + ":" + s.opts.Account + ":queues/"
	queue, ok := strings.CutPrefix(text, own)
	if !ok || queueNaming().check(queue) != nil {
		return "", refuse("EndpointInvalid")
	}
	return queue, nil
}

// same tells whether subscribing again would change nothing.
func (s *subscription) same(o *subscription) bool {
	return s.endpoint == o.endpoint && s.filterTag == o.filterTag && s.strategy == o.strategy &&
		s.format == o.format && s.call == nil && o.call == nil
}

// addSubscription adds a checked subscription and tells whether it is new.
func (s *Server) addSubscription(sub *subscription) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.findTopic(sub.topic)
	if err != nil {
		return false, err
	}
	if old, ok := t.subscriptions[sub.name]; ok {
		if !old.same(sub) {
			return false, refuse("SubscriptionAlreadyExist")
		}
		return false, nil
	}
	if len(t.subscriptions) == maxSubscriptions {
		return false, outOfRange("Subscriptions", 0, maxSubscriptions, "")
	}
	sub.created = s.opts.Now()
	sub.modified = sub.created
	t.subscriptions[sub.name] = sub
	return true, nil
}

func (s *Server) subscribe(q *request) (answer, error) {
	e, err := parse(q.body, "Subscription")
	if err != nil {
		return answer{}, err
	}
	asked, err := askedOf(e)
	if err != nil {
		return answer{}, err
	}
	sub, err := s.subscriptionOf(q.names[0], q.names[1], asked)
	if err != nil {
		return answer{}, err
	}
	fresh, err := s.addSubscription(sub)
	if err != nil || !fresh {
		return noContent(), err
	}
	return created(s.url(q.path)), nil
}

func askedOf(e element) (asked Subscription, err error) {
	for _, field := range []struct {
		name  string
		value *string
	}{
		{"Endpoint", &asked.Endpoint},
		{"FilterTag", &asked.FilterTag},
		{"NotifyStrategy", &asked.NotifyStrategy},
		{"NotifyContentFormat", &asked.NotifyContentFormat},
	} {
		if *field.value, _, err = e.text(field.name); err != nil {
			return asked, err
		}
	}
	return asked, nil
}

// inSubscription performs on the subscription that a request names, and its topic, under the lock.
func (s *Server) inSubscription(q *request, perform func(*topic, *subscription) (answer, error)) (answer, error) {
	return s.inTopic(q, func(t *topic) (answer, error) {
		sub, ok := t.subscriptions[q.names[1]]
		if !ok {
			return answer{}, refuse("SubscriptionNotExist")
		}
		return perform(t, sub)
	})
}

// setSubscriptionAttributes changes the strategy, which is all that can be changed.
func (s *Server) setSubscriptionAttributes(q *request) (answer, error) {
	e, err := parse(q.body, "Subscription")
	if err != nil {
		return answer{}, err
	}
	strategy, ok, err := e.text("NotifyStrategy")
	if err != nil {
		return answer{}, err
	}
	return s.inSubscription(q, func(t *topic, sub *subscription) (answer, error) {
		changed := *sub
		if ok {
			changed.strategy = strategy
		}
		changed.modified = q.at
		if err := changed.check(); err != nil {
			return answer{}, err
		}
		t.subscriptions[sub.name] = &changed
		return noContent(), nil
	})
}

func (s *Server) getSubscriptionAttributes(q *request) (answer, error) {
	return s.inSubscription(q, func(_ *topic, sub *subscription) (answer, error) {
		return document(http.StatusOK, "Subscription", sub.describe()), nil
	})
}

func (s *Server) unsubscribe(q *request) (answer, error) {
	return s.inSubscription(q, func(t *topic, sub *subscription) (answer, error) {
		delete(t.subscriptions, sub.name)
		return noContent(), nil
	})
}

func (s *Server) listSubscriptionByTopic(q *request) (answer, error) {
	return s.inTopic(q, func(t *topic) (answer, error) {
		names, next, err := page(q, t.subscriptions)
		if err != nil {
			return answer{}, err
		}
		list := struct {
			Subscription []subscriptionDocument
			NextMarker   string `xml:",omitempty"`
		}{NextMarker: next}
		for _, name := range names {
			entry := subscriptionDocument{URL: s.url(q.path + "/" + name)}
			if q.withMeta() {
				entry.subscriptionMeta = t.subscriptions[name].describe()
			}
			list.Subscription = append(list.Subscription, entry)
		}
		return document(http.StatusOK, "Subscriptions", list), nil
	})
}

type subscriptionDocument struct {
	URL string `xml:"SubscriptionURL"`
	*subscriptionMeta
}

type subscriptionMeta struct {
	SubscriptionName, Subscriber, TopicOwner, TopicName string
	Endpoint                                            string
	NotifyStrategy, NotifyContentFormat                 string
	FilterTag                                           string `xml:",omitempty"`
	CreateTime, LastModifyTime                          int64  // seconds
}

func (s *subscription) describe() *subscriptionMeta {
	return &subscriptionMeta{
		SubscriptionName: s.name, Subscriber: s.owner, TopicOwner: s.owner, TopicName: s.topic,
		Endpoint: s.endpoint, NotifyStrategy: s.strategy, NotifyContentFormat: s.format, FilterTag: s.filterTag,
		CreateTime: s.created.Unix(), LastModifyTime: s.modified.Unix(),
	}
}
