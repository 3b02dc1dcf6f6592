package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

	turn chan struct{} // holds one invocation at a time: two of them would only make each other decide anew
	// Whoever has the turn may use these:
	topics map[string]*mns.Client // by account and region, which never change in the cloud
	number int64                  // of the newest document that this process has seen
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

// begin takes what Function Compute says about the invocation. If the configuration is wrong, the invocation fails, and says so on the topic where
// that is possible.
func (r *run) begin(ctx context.Context) (err error) {
	fc, ok := fccontext.FromContext(ctx)
	if !ok {
		return errors.New("there is no Function Compute context: the binary runs under the go1 runtime only")
	}
	var topic *mns.Client
	if r.invocation, err = invocation.From(fc); err == nil {
		topic, err = r.topicOf(r.invocation)
	}
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Message: err.Error()}
	}
	i := r.invocation
	r.log = journal{r.log.With("fcRequestId", i.RequestID)}
	r.rds = rds.New(r.transport, r.limit, r.config.RDSEndpoint, i.Credentials).Patient(pace.RetryFew[string])
	objects := oss.New(r.transport, r.config.OSSEndpoint, i.Region, r.config.StateBucket, i.Credentials)
	store := state.New(objects, r.config.StatePrefix, i.RequestID, rand.Text).From(r.number)
	r.documents = &documents{store: store, number: &r.number, setting: r.setting, log: r.log}
	r.publisher = &publisher{topic: topic, name: r.config.ResultTopic, credentials: i.Credentials, log: r.log}
	if r.broken == nil {
		return nil
	}
	r.log.Error("event", "configuration", r.broken.Error())
	if r.config.ResultTopic != "" {
		one := newRequest(r, events.Message{Trigger: unknownTrigger}, 0)
		told := r.from().Rejected(one.ID, one.Cause, []string{"configuration: " + r.broken.Error()})
		_ = r.publisher.send(ctx, slog.LevelInfo, told) // the error itself goes to Function Compute
	}
	return &fault.Error{Op: "configuration", Kind: fault.Invalid, Message: r.broken.Error()}
}

// topicOf returns the process's client of the result topic.
func (f *Function) topicOf(i invocation.Invocation) (topic *mns.Client, err error) {
	key := i.Account + " " + i.Region
	if f.topics[key] == nil {
		f.topics[key], err = mns.New(f.transport, f.config.MNSEndpoint, i.Account, i.Region)
	}
	return f.topics[key], err
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

// wait waits for the invocation's turn in this process. The go1 runtime runs one at a time, so there is nobody to wait for in the cloud.
func (f *Function) wait(ctx context.Context) (done func(), err error) {
	ctx, cancel := working(ctx, f.now())
	defer cancel()
	select {
	case f.turn <- struct{}{}:
		return func() { <-f.turn }, nil
	case <-ctx.Done():
		return nil, &fault.Error{Op: "event", Kind: fault.Unavailable, Message: "another invocation in this process took all the time"}
	}
}
