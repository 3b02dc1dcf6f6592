// Package stack puts the four fakes together into one local cloud: Function Compute with the built function in it, RDS with a
// fleet, MNS with the topics and a subscribed queue, and OSS with the bucket and the first document that a deployment has. The names, keys and
// ports are fixed, so that any client can be pointed at it. It wires; it adds no behaviour of its own.
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
	"os/exec"
	"path/filepath"
	"strings"
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

	StateBucket = "rds-kernel-upgrade-state" // private, without versioning
	StatePrefix = "rds-kernel-upgrade"       // with which all keys in it begin

	TickTimer   = "tick" // the timer trigger that continues the rollouts
	TickPayload = `{"kind":"tick"}`

	FCAddress  = "127.0.0.1:9000"
	RDSAddress = "127.0.0.1:9001"
	MNSAddress = "127.0.0.1:9002"
	OSSAddress = "127.0.0.1:9003"
)

// Timer is a timer trigger of the function.
type Timer struct {
	Name    string
	Every   time.Duration // 0: it ticks at a POST to /_local/tick/{name} only
	Payload string
}

// TickEvery returns the timer that a deployment has, with a period of its own.
func TickEvery(period time.Duration) Timer {
	return Timer{Name: TickTimer, Every: period, Payload: TickPayload}
}

// Options say how the cloud is to be. Binary and Now are required; an address that is empty is any free one on loopback.
type Options struct {
	Binary        string // the built function
	Fleet         io.Reader
	FC, RDS, MNS  string // addresses
	OSS           string // address
	Now           func() time.Time
	TopicFormat   fakefc.TopicFormat // how a topic's message reaches the function; JSON if empty
	Env           map[string]string  // of the function, besides the topic, the bucket and the endpoints
	Timers        []Timer            // none if empty: TickEvery is a deployment's
	FunctionSetup func(*fakefc.Options)
	RDSSetup      func(*fakerds.Options)
	// Wrap stands in front of a service ("rds", "mns" or "oss"), so that a test can interfere between two requests. It does not see how the first
	// document is made.
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

	function fakefc.Options
	servers  []*http.Server
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
		s.MNS.Subscribe(ResultTopic, "inbox", fakemns.Subscription{
			Endpoint: s.MNS.QueueEndpoint(Inbox), NotifyContentFormat: "SIMPLIFIED",
		}))
}

func (s *Stack) startOSS(o Options) (err error) {
	s.OSS = fakeoss.New(fakeoss.Options{Now: o.Now, Keys: s.Keys, Region: Region})
	s.OSSURL, err = s.listen(o.OSS, o.wrap("oss", s.OSS))
	err = errors.Join(err, s.OSS.CreateBucket(StateBucket, fakeoss.BucketOptions{}))
	if err == nil {
		err = s.makeDocument(o)
	}
	return err
}

// makeDocument makes the first document of the state as a deployment does: with the function's own command, and the account's key.
func (s *Stack) makeDocument(o Options) error {
	server, url, err := serve("127.0.0.1:0", s.OSS)
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	binary, err := filepath.Abs(o.Binary)
	if err != nil {
		return err
	}
	begin := exec.CommandContext(context.Background(), binary, "begin") //nolint:gosec // it is the binary that is run
	begin.Env = []string{
		"STATE_BUCKET=" + StateBucket, "FC_REGION=" + Region, "OSS_ENDPOINT=" + url,
		"ALIBABA_CLOUD_ACCESS_KEY_ID=" + AccessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=" + Secret,
	}
	if out, err := begin.CombinedOutput(); err != nil {
		return fmt.Errorf("%s begin: %w: %s", o.Binary, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (s *Stack) startFC(o Options) (err error) {
	env := map[string]string{
		"RESULT_TOPIC": ResultTopic, "STATE_BUCKET": StateBucket,
		"RDS_ENDPOINT": s.RDSURL, "MNS_ENDPOINT": s.MNSURL, "OSS_ENDPOINT": s.OSSURL,
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
	s.function = options
	if s.FC, err = fakefc.New(options); err == nil {
		s.FCURL, err = s.listen(o.FC, s.FC)
	}
	return err
}

// Another runs a second process of the function over the same services, as there could be without reservedConcurrency: 1. Who asks for it closes it.
func (s *Stack) Another() (*fakefc.Server, error) {
	options := s.function
	options.OnStart = nil
	return fakefc.New(options)
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

func (o Options) wrap(service string, next http.Handler) http.Handler {
	if o.Wrap == nil {
		return next
	}
	return o.Wrap(service, next)
}

// listen serves a handler until the stack is closed, and returns its URL.
func (s *Stack) listen(address string, handler http.Handler) (url string, err error) {
	server, url, err := serve(cmp.Or(address, "127.0.0.1:0"), handler)
	if err == nil {
		s.servers = append(s.servers, server)
	}
	return url, err
}

// serve serves a handler until the server is closed.
func serve(address string, handler http.Handler) (server *http.Server, url string, err error) {
	listener, err := net.Listen("tcp", address) //nolint:noctx // it ends with the server
	if err != nil {
		return nil, "", fmt.Errorf("%w: is another stack running?", err)
	}
	server = &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(listener) }() // ends with Close
	return server, "http://" + listener.Addr().String(), nil
}
