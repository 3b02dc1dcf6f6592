package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/parallel"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/function/internal/upgrade"
)

// Function is what lives as long as the process: the configuration, the connections, the rate limit.
type Function struct {
	config    Config
	broken    error // what is wrong with the configuration
	now       func() time.Time
	log       *slog.Logger
	transport *transport.Transport
	limit     *pace.Limiter

	turn   chan struct{} // holds one message at a time: between looking at an instance and claiming it nobody else may claim it
	mu     sync.Mutex
	topics map[string]*mns.Client // by account and region, which never change in the cloud

	// overtaken has, by rollout, the last follow-up that is of no use any more. Whoever has the turn may use it. What it does not know
	// after a restart, the claims tell.
	overtaken map[string]int
}

// New makes the function. A wrong configuration does not keep it from starting: every invocation then says what is wrong.
func New(getenv func(string) string, codeDir string, now func() time.Time, out io.Writer) *Function {
	config, broken := LoadConfig(getenv, codeDir)
	return &Function{
		config: config, broken: broken, now: now,
		log:       slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: config.LogLevel})),
		transport: transport.New(),
		limit:     pace.New(config.Policy.Rate.CallsPerSecond, now),
		turn:      make(chan struct{}, 1),
		topics:    map[string]*mns.Client{},
		overtaken: map[string]int{},
	}
}

// run is one invocation.
type run struct {
	*Function
	invocation invocation.Invocation
	deadline   time.Time // the last moment at which anything may be under way
	topic      *mns.Client
	rds        *rds.Client
	log        *slog.Logger
	throttled  int // calls that the API had refused before
}

// lastMoment is left for the answer to reach Function Compute.
const lastMoment = 500 * time.Millisecond

// begin takes what Function Compute says about the invocation.
func (r *run) begin(ctx context.Context) error {
	fc, ok := fccontext.FromContext(ctx)
	if !ok {
		return errors.New("there is no Function Compute context: the binary runs under the go1 runtime only")
	}
	i, err := invocation.From(fc)
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Message: err.Error()}
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = r.now().Add(time.Minute)
	}
	r.invocation, r.deadline, r.log = i, deadline.Add(-lastMoment), r.log.With("fcRequestId", i.RequestID)
	r.throttled, _ = r.limit.Throttled()
	r.rds = rds.New(r.transport, r.limit, r.config.RDSEndpoint, i.Credentials).Patient(upgrade.Retry)
	if r.topic, err = r.topicOf(i); err != nil {
		return &fault.Error{Kind: fault.Invalid, Message: err.Error()}
	}
	return r.refuseBroken(ctx)
}

// refuseBroken fails the invocation if the configuration is wrong, and says so on the topic where that is possible.
func (r *run) refuseBroken(ctx context.Context) error {
	if r.broken == nil {
		return nil
	}
	r.log.Error("event", "configuration", r.broken.Error())
	if r.config.ResultTopic != "" {
		a := r.account(events.Message{Trigger: unknownTrigger}, 0)
		_ = r.publish(ctx, a.Rejected([]string{"configuration: " + r.broken.Error()})) // the error itself goes to Function Compute
	}
	return &fault.Error{Op: "configuration", Kind: fault.Invalid, Message: r.broken.Error()}
}

// recover turns a panic, of this goroutine or of a worker, into an error that says where, not what: the value may hold anything. What the
// invocation has done until then is as after a killed process: the follow-up was armed before the first call, the claims say which calls
// may have been made, and the next delivery or follow-up goes on from there.
func (r *run) recover(err *error) {
	if p := recover(); p != nil {
		kind, stack := parallel.Trace(p)
		r.log.Error("panic", "type", kind, "stack", r.invocation.Credentials.Redact(stack))
		*err = failure(&fault.Error{Kind: fault.Internal, Message: fmt.Sprintf("panic: %s; the log has the stack", kind)})
	}
}

func (f *Function) topicOf(i invocation.Invocation) (*mns.Client, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := i.Account + " " + i.Region
	if f.topics[key] == nil {
		client, err := mns.New(f.transport, f.config.MNSEndpoint, i.Account, i.Region)
		if err != nil {
			return nil, err
		}
		f.topics[key] = client
	}
	return f.topics[key], nil
}

// unknownTrigger is the trigger of what fits no envelope.
const unknownTrigger events.Trigger = "unknown"

// open takes the messages out of the event. An event that fits no envelope is one message that cannot be opened.
func (r *run) open(event []byte) []events.Message {
	all, err := events.Decode(event)
	if err != nil {
		all = []events.Message{{Trigger: unknownTrigger, Err: err}}
	}
	r.log.Info("event", "bytes", len(event), "messages", len(all), "trigger", all[0].Trigger, "retryCount", r.invocation.RetryCount)
	return all
}

// account opens the account of the event's nth message. Where the envelope gives no id, the invocation's own and the place in the event
// serve: Function Compute keeps both when it tries again.
func (r *run) account(m events.Message, n int) upgrade.Account {
	id := m.ID
	if id == "" {
		id = fmt.Sprintf("%s#%d", r.invocation.RequestID, n)
	}
	return upgrade.Account{
		Source: r.invocation.ARN(), Account: r.invocation.Account, Rollout: upgrade.RolloutID(string(m.Trigger), id), Now: r.now(),
		Cause: upgrade.Cause{
			Trigger: string(m.Trigger), MessageID: m.ID, FCRequestID: r.invocation.RequestID, RetryCount: r.invocation.RetryCount,
		},
	}
}

// working gives the time for looking and calling. The last quarter, 10 seconds at the most, belongs to publishing.
func (r *run) working(ctx context.Context) (context.Context, context.CancelFunc) {
	reserve := min(10*time.Second, r.deadline.Sub(r.now())/4)
	return context.WithDeadline(ctx, r.deadline.Add(-reserve))
}

func (r *run) observer(c *course) upgrade.Observer {
	return upgrade.Observer{Reader: r.rds, Now: r.now(), Workers: transport.Parallel, Known: c.known}
}

func (r *run) writer(c *course) upgrade.Run {
	return upgrade.Run{
		API: r.rds, Rollout: c.rollout.ID, Wave: max(1, c.rollout.Wave), Allowed: c.rollout.Allowed(), Now: r.now, Log: r.log,
		Workers: transport.Parallel, Deadline: r.deadline,
	}
}

// wait waits for the message's turn. The go1 runtime runs one invocation at a time, and reservedConcurrency allows one instance,
// so there is nobody to wait for in the cloud; the rule does not rest on that alone.
func (r *run) wait(ctx context.Context) (done func(), err error) {
	ctx, cancel := r.working(ctx)
	defer cancel()
	select {
	case r.turn <- struct{}{}:
		return func() { <-r.turn }, nil
	case <-ctx.Done():
		return nil, &fault.Error{Op: "request", Kind: fault.Unavailable, Message: "another invocation in this process took all the time"}
	}
}

// publishOne publishes one notification, again and again until it is out, refused for good, or time is up.
func (r *run) publishOne(ctx context.Context, n upgrade.Notification) error {
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, r.deadline)
	defer cancel()
	var messageID string
	err = upgrade.Retry(ctx, func() (err error) {
		messageID, err = r.topic.Publish(ctx, r.invocation.Credentials, r.config.ResultTopic, string(body), n.Tag())
		return err
	})
	r.logNotification(ctx, n, messageID, err)
	return err
}
