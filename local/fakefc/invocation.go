package fakefc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"rds-kernel-upgrade/local/sts"
)

// UnhandledInvocationError is the one error type that a go1 function without an initializer can have.
// HandledInvocationError comes from Node.js callbacks, and InitializationError from initializers.
const UnhandledInvocationError = "UnhandledInvocationError"

// End tells how an attempt ended.
type End string

// The ends of an attempt.
const (
	Running     End = "running"      // it has not ended yet
	Answered    End = "answered"     // the function answered, with a result or an error
	Crashed     End = "crashed"      // the process ended before it answered
	TimedOut    End = "timed out"    // the deadline passed, and the process was killed
	Canceled    End = "canceled"     // the caller hung up, and the process was killed
	NotStarted  End = "not started"  // the handler could not be executed
	NeverServed End = "never served" // the process did not ask for an invocation in time, and was killed
)

// Result is the answer to one invocation.
type Result struct {
	RequestID      string
	Body           []byte // what the function returned, or the error document
	ErrorType      string // "" or UnhandledInvocationError
	Log            []byte // what the process wrote meanwhile
	Duration       time.Duration
	RetryCount     int
	InstanceID     string
	MaxMemoryUsage int64 // peak of the process so far, in bytes
	End            End
}

// Invocation is one attempt in the server's log. Retries of an event have its request id.
type Invocation struct {
	RequestID   string    `json:"requestId"`
	RetryCount  int       `json:"retryCount"`
	Trigger     string    `json:"trigger"` // "" when it was invoked directly
	Async       bool      `json:"async"`
	Event       string    `json:"event"`
	Started     time.Time `json:"started"`
	Ended       time.Time `json:"ended"` // zero while it runs
	Body        string    `json:"body"`
	ErrorType   string    `json:"errorType"`
	End         End       `json:"end"`
	AccessKeyID string    `json:"accessKeyId"` // of the credentials it was given
	InstanceID  string    `json:"instanceId"`
}

// delivery is an event on its way to the function.
type delivery struct {
	id, trigger string
	event       []byte
	async       bool
	retry       int
	accepted    time.Time
}

// attempt runs a delivery on the instance. The caller holds a slot.
func (s *Server) attempt(ctx context.Context, d delivery) Result {
	key := s.o.Keys.Issue(s.o.CredentialsTTL)
	entry := &Invocation{
		RequestID: d.id, RetryCount: d.retry, Trigger: d.trigger, Async: d.async, Event: string(d.event),
		Started: s.o.Now(), End: Running, AccessKeyID: key.ID,
	}
	s.mu.Lock()
	s.invocations = append(s.invocations, entry)
	s.mu.Unlock()
	result := s.run(ctx, d, key, entry.Started)
	result.RequestID, result.RetryCount = d.id, d.retry
	s.mu.Lock()
	defer s.mu.Unlock()
	entry.Ended, entry.Body, entry.ErrorType = entry.Started.Add(result.Duration), string(result.Body), result.ErrorType
	entry.End, entry.InstanceID = result.End, result.InstanceID
	return result
}

// run finds the instance, or starts one, and gives it the delivery.
func (s *Server) run(ctx context.Context, d delivery, key sts.Key, started time.Time) Result {
	inst, end := s.serving(ctx)
	if inst == nil {
		return Result{Body: document("Invalid handler '"+s.handler()+"'", "FunctionUnhandledError: InvalidHandlerName",
			"InvalidHandlerName: Invalid handler '"+s.handler()+"'"), ErrorType: UnhandledInvocationError, End: NotStarted}
	}
	from, result := 0, Result{End: end}
	if end == "" {
		from = inst.begin()
		x := &exchange{id: d.id, event: d.event, headers: s.headers(inst, d, key), reply: newReply()}
		result = inst.run(ctx, x, s.o.Timeout)
		inst.finish(!s.o.NoFreeze)
	}
	result.Duration, result.InstanceID, result.MaxMemoryUsage = s.o.Now().Sub(started), inst.id, inst.memory()
	if result.End != Answered {
		message := s.report(result)
		result.Body, result.ErrorType = document(message, ""), UnhandledInvocationError
		_, _ = fmt.Fprintf(inst.log, "FC Invoke End RequestId: %s, Error: %s\n", d.id, message)
	}
	result.Log = inst.log.since(from, d.id)
	return result
}

// report words an end without an answer as the cloud does. The texts were seen in "Process exited unexpectedly before completing
// request" (help.aliyun.com, FC 3.0), github.com/dyc87112/OpenAIProxy/issues/3 and
// github.com/XiaoMiku01/fansMedalHelperVersion/issues/32.
func (s *Server) report(r Result) string {
	memory := fmt.Sprintf("maxMemoryUsage: %.2fMB", float64(r.MaxMemoryUsage)/(1<<20))
	switch r.End {
	case TimedOut, NeverServed:
		return fmt.Sprintf("Function timed out after %d seconds (%s)", int(s.o.Timeout.Seconds()), memory)
	case Canceled:
		return fmt.Sprintf("Invocation canceled by client (duration: %dms, %s)", r.Duration.Milliseconds(), memory)
	default:
		return fmt.Sprintf("Process exited unexpectedly before completing request (duration: %dms, %s)", r.Duration.Milliseconds(), memory)
	}
}

// document is the error document of a failed invocation.
func document(message, errorType string, stack ...string) []byte {
	text, err := json.Marshal(struct {
		Message string   `json:"errorMessage"`
		Type    string   `json:"errorType,omitempty"`
		Stack   []string `json:"stackTrace,omitempty"`
	}{message, errorType, stack})
	if err != nil {
		panic(fmt.Sprintf("strings always encode: %v", err))
	}
	return text
}

// headers are those of the runtime API's answer to next. FC 3.0 has no services: what names one stays empty, and so does
// the log store, since the function's log goes to Options.Stdout.
func (s *Server) headers(inst *instance, d delivery, key sts.Key) http.Header {
	h := http.Header{}
	for name, value := range map[string]string{
		"x-fc-request-id":         d.id,
		"x-fc-trace-id":           d.id,
		"x-fc-instance-id":        inst.id,
		"x-fc-client-ip":          "127.0.0.1",
		"x-fc-function-type":      "0",
		"x-fc-function-name":      s.o.Name,
		"x-fc-function-handler":   s.handler(),
		"x-fc-function-memory":    strconv.Itoa(s.o.MemoryMB),
		"x-fc-function-timeout":   strconv.Itoa(int(s.o.Timeout.Seconds())),
		"x-fc-function-deadline":  strconv.FormatInt(s.o.Now().Add(s.o.Timeout).UnixMilli(), 10),
		"x-fc-access-key-id":      key.ID,
		"x-fc-access-key-secret":  key.Secret,
		"x-fc-security-token":     key.Token,
		"x-fc-service-name":       "",
		"x-fc-service-logproject": "",
		"x-fc-service-logstore":   "",
		"x-fc-qualifier":          latest,
		"x-fc-version-id":         latest,
		"x-fc-region":             s.o.Region,
		"x-fc-account-id":         s.o.Account,
		"x-fc-retry-count":        strconv.Itoa(d.retry),
	} {
		h.Set(name, value)
	}
	return h
}

// Invocations is the log of all attempts, in the order of their starts.
func (s *Server) Invocations() []Invocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Invocation, 0, len(s.invocations))
	for _, entry := range s.invocations {
		list = append(list, *entry)
	}
	return slices.Clip(list)
}

// newRequestID has the form of the cloud's: 1-67318f55-1310da55-db2afabf2b30, where the second part is the time.
func (s *Server) newRequestID() string {
	return fmt.Sprintf("1-%08x-%s-%s", s.o.Now().Unix(), random(4), random(6))
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
