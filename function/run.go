package main

import (
	"context"
	"crypto/rand"
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
	"rds-kernel-upgrade/function/internal/notice"
	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/parallel"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/function/internal/transport"
)

// Function is what lives as long as the process: the configuration, the connections, the rate limit.
type Function struct {
	config    Config
	broken    error // what is wrong with the configuration
	now       func() time.Time
	log       *slog.Logger
	transport *transport.Transport
	limit     *pace.Limiter

	turn   chan struct{} // holds one invocation at a time: two of them would only make each other decide anew
	mu     sync.Mutex
	topics map[string]*mns.Client // by account and region, which never change in the cloud
	number int64                  // of the newest document that this process has seen; whoever has the turn may use it
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
	}
}

// run is one invocation.
type run struct {
	*Function
	invocation invocation.Invocation
	rds        *rds.Client
	documents  *documents
	publisher  *publisher
	log        journal
}

// lastMoment is left for the answer to reach Function Compute.
const lastMoment = 500 * time.Millisecond

// begin takes what Function Compute says about the invocation. The context that it returns ends when nothing may be under way any more.
func (r *run) begin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	none := func() {}
	fc, ok := fccontext.FromContext(ctx)
	if !ok {
		return ctx, none, errors.New("there is no Function Compute context: the binary runs under the go1 runtime only")
	}
	i, err := invocation.From(fc)
	if err != nil {
		return ctx, none, &fault.Error{Kind: fault.Invalid, Message: err.Error()}
	}
	topic, err := r.topicOf(i)
	if err != nil {
		return ctx, none, &fault.Error{Kind: fault.Invalid, Message: err.Error()}
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = r.now().Add(time.Minute)
	}
	r.invocation, r.log = i, journal{r.log.With("fcRequestId", i.RequestID)}
	r.rds = rds.New(r.transport, r.limit, r.config.RDSEndpoint, i.Credentials).Patient(pace.RetryFew[string])
	r.publisher = &publisher{topic: topic, name: r.config.ResultTopic, credentials: i.Credentials, log: r.log}
	objects := oss.New(r.transport, r.config.OSSEndpoint, i.Region, r.config.StateBucket, i.Credentials)
	r.documents = &documents{store: state.New(objects, r.config.StatePrefix, i.RequestID, rand.Text), setting: r.setting, log: r.log, number: &r.number}
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-lastMoment))
	return ctx, cancel, r.refuseBroken(ctx)
}

// refuseBroken fails the invocation if the configuration is wrong, and says so on the topic where that is possible.
func (r *run) refuseBroken(ctx context.Context) error {
	if r.broken == nil {
		return nil
	}
	r.log.Error("event", "configuration", r.broken.Error())
	if r.config.ResultTopic != "" {
		one := r.request(events.Message{Trigger: unknownTrigger}, 0)
		_ = r.publisher.these(ctx, r.from().Rejected(one.ID, one.Cause, []string{"configuration: " + r.broken.Error()})) // the error itself goes to Function Compute
	}
	return &fault.Error{Op: "configuration", Kind: fault.Invalid, Message: r.broken.Error()}
}

// setting is what decisions depend on, now. The document has whole seconds, in UTC.
func (r *run) setting() plan.Setting {
	return plan.Setting{Now: r.now().UTC().Truncate(time.Second), Policy: r.config.Policy, Region: r.invocation.Region}
}

// from is what notifications say of the function.
func (r *run) from() notice.From {
	return notice.From{Source: r.invocation.ARN(), Account: r.invocation.Account, Now: r.setting().Now, Policy: r.config.Policy}
}

// recover turns a panic, of this goroutine or of a worker, into an error that says where, not what: the value may hold anything. What the
// invocation has done until then is as after a killed process: the document has its intents, and the next invocation goes on from there.
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

// working returns the time for looking and calling. The last quarter, 10 seconds at the most, belongs to writing and publishing.
func (r *run) working(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, _ := ctx.Deadline() // begin has set one
	reserve := min(10*time.Second, deadline.Sub(r.now())/4)
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

// within returns the time that is left after intents were written: all of the invocation, its requests included, ends within verify.first of that.
// After it anybody may take an intent that has shown nothing for one whose call was not made. A twentieth is left for clocks that differ, and for
// what is on its way.
func (r *run) within(ctx context.Context, intents []plan.Intent) (context.Context, context.CancelFunc) {
	if len(intents) == 0 {
		return context.WithCancel(ctx)
	}
	first := time.Duration(r.config.Policy.Verify.First)
	return context.WithDeadline(ctx, intents[0].At.Add(first-first/20))
}

// wait waits for the invocation's turn in this process. The go1 runtime runs one at a time, so there is nobody to wait for in the cloud.
func (r *run) wait(ctx context.Context) (done func(), err error) {
	ctx, cancel := r.working(ctx)
	defer cancel()
	select {
	case r.turn <- struct{}{}:
		return func() { <-r.turn }, nil
	case <-ctx.Done():
		return nil, &fault.Error{Op: "event", Kind: fault.Unavailable, Message: "another invocation in this process took all the time"}
	}
}
