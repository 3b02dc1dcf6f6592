// Package stack puts the four fakes together into one local cloud: Function Compute with the built function in it, RDS with a
// fleet, MNS with the topics and queues and OSS with the bucket that a deployment has. The names, keys and ports are fixed, so that
// any client can be pointed at it. It wires; it adds no behaviour of its own.
package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/sts"
)

// What a client of the local cloud may rely on.
const (
	Account     = "1234567890123456"
	Region      = "cn-hangzhou"
	AccessKeyID = "LTAI-local"
	Secret      = "local-secret"

	Function     = "rds-kernel-upgrade"
	RequestTopic = "rds-kernel-upgrade-requests" // its messages trigger the function
	ResultTopic  = "rds-kernel-upgrade-results"
	Inbox        = "rds-kernel-upgrade-results-inbox" // a queue, subscribed to the results
	FollowUps    = "rds-kernel-upgrade-follow-ups"    // a queue, in which rollouts wait for what comes next

	StateBucket = "rds-kernel-upgrade-state" // private, without versioning

	FollowUpsTimer   = "followUps" // the timer trigger that lets the function look into that queue
	FollowUpsPayload = `{"kind":"follow-ups"}`

	FCAddress  = "127.0.0.1:9000"
	RDSAddress = "127.0.0.1:9001"
	MNSAddress = "127.0.0.1:9002"
	OSSAddress = "127.0.0.1:9003"
)

// The follow-up queue's attributes in a deployment, in seconds (deploy/resources.ros.yaml).
const (
	followUpVisibility = 2400
	followUpRetention  = 604800
)

// Timer is a timer trigger of the function.
type Timer struct {
	Name    string
	Every   time.Duration // 0: it ticks at a POST to /_local/tick/{name} only
	Payload string
}

// FollowUpsEvery is the timer that a deployment has, with a period of its own.
func FollowUpsEvery(period time.Duration) Timer {
	return Timer{Name: FollowUpsTimer, Every: period, Payload: FollowUpsPayload}
}

// Options say how the cloud is to be. Binary and Now are required; an address that is empty is any free one on loopback.
type Options struct {
	Binary        string // the built function
	Fleet         io.Reader
	FC, RDS, MNS  string // addresses
	OSS           string // address
	Now           func() time.Time
	TopicFormat   fakefc.TopicFormat // how a topic's message reaches the function; JSON if empty
	Env           map[string]string  // of the function, besides the topic, the queue and the endpoints; FOLLOWUP_QUEUE "" is none
	Timers        []Timer            // none if empty: FollowUpsEvery is a deployment's
	FunctionSetup func(*fakefc.Options)
	RDSSetup      func(*fakerds.Options)
	FollowUpSetup func(*fakemns.QueueAttributes) // of the follow-up queue, where it is not to be as deployed
	// Wrap stands in front of a service ("rds", "mns" or "oss"), so that a test can interfere between two requests.
	Wrap func(service string, next http.Handler) http.Handler
}

// Stack is a running local cloud.
type Stack struct {
	Keys *sts.Keyring
	FC   *fakefc.Server
	RDS  *fakerds.Server
	MNS  *fakemns.Server
	OSS  *fakeoss.Server

	FCURL, RDSURL, MNSURL, OSSURL string

	servers []*http.Server
}

// Start runs the four services.
func Start(o Options) (*Stack, error) {
	s := &Stack{Keys: sts.NewKeyring(o.Now, sts.Key{ID: AccessKeyID, Secret: Secret})}
	err := errors.Join(s.startRDS(o), s.startMNS(o), s.startOSS(o))
	if err == nil {
		err = s.startFC(o)
	}
	if err == nil {
		err = errors.Join(s.connect(o), s.startTimers(o))
	}
	if err != nil {
		s.Close(context.Background())
		return nil, err
	}
	return s, nil
}

// Close ends the function's process first, so that it sees no vanished service, and then the services.
func (s *Stack) Close(ctx context.Context) {
	if s.FC != nil {
		s.FC.Close(ctx)
	}
	if s.MNS != nil {
		s.MNS.Close()
	}
	for _, server := range s.servers {
		_ = server.Close()
	}
}

func (s *Stack) startRDS(o Options) (err error) {
	options := fakerds.Options{Now: o.Now, Keys: s.Keys, Account: Account, Region: Region}
	if o.RDSSetup != nil {
		o.RDSSetup(&options)
	}
	s.RDS = fakerds.New(options)
	if o.Fleet != nil {
		if err := s.RDS.Load(o.Fleet); err != nil {
			return err
		}
	}
	s.RDSURL, err = s.listen(o.RDS, o.wrap("rds", s.RDS))
	return err
}

func (s *Stack) startMNS(o Options) (err error) {
	s.MNS = fakemns.New(fakemns.Options{Now: o.Now, Keys: s.Keys, Account: Account, Region: Region})
	s.MNSURL, err = s.listen(o.MNS, o.wrap("mns", s.MNS))
	return errors.Join(err,
		s.MNS.CreateTopic(RequestTopic), s.MNS.CreateTopic(ResultTopic), s.MNS.CreateQueue(Inbox),
		s.MNS.CreateQueue(FollowUps, o.followUpQueue),
		s.MNS.Subscribe(ResultTopic, "inbox", fakemns.Subscription{
			Endpoint: s.MNS.QueueEndpoint(Inbox), NotifyContentFormat: "SIMPLIFIED",
		}))
}

func (s *Stack) startOSS(o Options) (err error) {
	s.OSS = fakeoss.New(fakeoss.Options{Now: o.Now, Keys: s.Keys, Region: Region})
	s.OSSURL, err = s.listen(o.OSS, o.wrap("oss", s.OSS))
	return errors.Join(err, s.OSS.CreateBucket(StateBucket, fakeoss.BucketOptions{}))
}

func (s *Stack) startFC(o Options) (err error) {
	env := map[string]string{
		"RESULT_TOPIC": ResultTopic, "FOLLOWUP_QUEUE": FollowUps, "RDS_ENDPOINT": s.RDSURL, "MNS_ENDPOINT": s.MNSURL,
	}
	maps.Copy(env, o.Env)
	binary, err := filepath.Abs(o.Binary) // the child has a working directory of its own
	if err != nil {
		return err
	}
	options := fakefc.Options{
		Name: Function, Binary: binary, Env: env, Account: Account, Region: Region,
		Timeout: time.Minute, MemoryMB: 128, Keys: s.Keys, Now: o.Now,
	}
	if o.FunctionSetup != nil {
		o.FunctionSetup(&options)
	}
	if s.FC, err = fakefc.New(options); err == nil {
		s.FCURL, err = s.listen(o.FC, s.FC)
	}
	return err
}

// connect lets the messages of the request topic trigger the function.
func (s *Stack) connect(o Options) error {
	format := cmp.Or(o.TopicFormat, fakefc.JSON)
	return s.MNS.SubscribeFunc(RequestTopic, Function, "", func(_ context.Context, m fakemns.TopicMessage) error {
		_, err := s.FC.InvokeAsync(RequestTopic, fakefc.TopicEvent(format, fakefc.TopicMessage{
			TopicOwner: m.TopicOwner, TopicName: m.Topic, Subscriber: m.Subscriber, SubscriptionName: m.Subscription,
			MessageID: m.ID, Body: m.Body, MD5: m.MD5, Attributes: m.Attributes, PublishTime: m.PublishTime,
		}))
		return err
	})
}

func (s *Stack) startTimers(o Options) error {
	var errs []error
	for _, t := range o.Timers {
		errs = append(errs, s.FC.AddTimer(t.Name, t.Every, t.Payload))
	}
	return errors.Join(errs...)
}

// followUpQueue sets the attributes of the follow-up queue.
func (o Options) followUpQueue(a *fakemns.QueueAttributes) {
	a.VisibilityTimeout, a.MessageRetentionPeriod = followUpVisibility, followUpRetention
	if o.FollowUpSetup != nil {
		o.FollowUpSetup(a)
	}
}

func (o Options) wrap(service string, next http.Handler) http.Handler {
	if o.Wrap == nil {
		return next
	}
	return o.Wrap(service, next)
}

// listen serves a handler and gives its URL.
func (s *Stack) listen(address string, handler http.Handler) (string, error) {
	address = cmp.Or(address, "127.0.0.1:0")
	listener, err := net.Listen("tcp", address) //nolint:noctx // it ends with the stack
	if err != nil {
		return "", fmt.Errorf("%w: is another stack running?", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(listener) }() // ends with Close
	return "http://" + listener.Addr().String(), nil
}
