package fakefc

import (
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"rds-kernel-upgrade/local/acs3"
)

// InvokeFunction of API version 2023-03-30.
const (
	apiVersion = "2023-03-30"
	apiAction  = "InvokeFunction"
	tailLog    = 4 << 10
)

// taskIDForm is that of InvokeFunction's parameter x-fc-async-task-id.
var taskIDForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)

// versionForm tells a version from an alias, which starts with a letter.
var versionForm = regexp.MustCompile(`^[0-9]+$`)

// ServeHTTP is the front door.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, "") })
	mux.HandleFunc("POST /"+apiVersion+"/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		s.answer(w, r, r.PathValue("name"))
	})
	mux.HandleFunc("GET /_local/invocations", s.listInvocations)
	mux.HandleFunc("POST /_local/tick/{name}", s.tickNow)
	return mux
}

// answer gives every request an id, also those that are refused.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, function string) {
	id := s.newRequestID()
	w.Header().Set("X-Fc-Request-Id", id)
	if refusal := s.invokeFunction(w, r, function, id); refusal != nil {
		writeRefusal(w, id, refusal)
	}
}

// order is what a caller wants.
type order struct {
	qualifier, taskID string
	async, tail       bool
	event             []byte
}

// invokeFunction checks in the order path, signature, parameters, existence, and then runs or queues the event.
func (s *Server) invokeFunction(w http.ResponseWriter, r *http.Request, function, id string) *acs3.Refusal {
	if function == "" {
		return pathNotSupported(r)
	}
	event, refusal := read(r)
	if refusal != nil {
		return refusal
	}
	if refusal := s.authenticate(r, event); refusal != nil {
		return refusal
	}
	o, refusal := parseOrder(r, event)
	if refusal != nil {
		return refusal
	}
	if refusal := s.exists(function, o.qualifier); refusal != nil {
		return refusal
	}
	if !s.enter() {
		return closing()
	}
	defer s.work.Done()
	if o.async {
		s.accept(w, o, id)
		return nil
	}
	return s.invokeNow(w, r, o, id)
}

func read(r *http.Request) ([]byte, *acs3.Refusal) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSyncEvent+1))
	switch {
	case err != nil:
		return nil, invalidArgument("the request's body cannot be read: %v", err)
	case len(body) > maxSyncEvent:
		return nil, entityTooLarge(maxSyncEvent)
	}
	return body, nil
}

// authenticate wants the signature of a known key over this very request, and a nonce that is new. The action and the version
// need not be told, since the path tells them, but must not tell something else: the gateway's codes for that are
// documented, the status of InvalidVersion is not.
func (s *Server) authenticate(r *http.Request, body []byte) *acs3.Refusal {
	key, refusal := acs3.Verify(r, body, s.o.Keys, s.o.Now())
	if refusal != nil {
		return refusal
	}
	if s.nonces.Used(key.ID, r.Header.Get("x-acs-signature-nonce")) {
		return acs3.NonceUsed()
	}
	if v := r.Header.Get("x-acs-version"); v != "" && v != apiVersion {
		return refuse(http.StatusBadRequest, "InvalidVersion", "Specified parameter Version is not valid.")
	}
	if a := r.Header.Get("x-acs-action"); a != "" && a != apiAction {
		return refuse(http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found, please check your url and method.")
	}
	return nil
}

func parseOrder(r *http.Request, event []byte) (order, *acs3.Refusal) {
	o := order{event: event, taskID: r.Header.Get("x-fc-async-task-id"), qualifier: r.URL.Query().Get("qualifier")}
	var refusal *acs3.Refusal
	if o.async, refusal = oneOf(r, "x-fc-invocation-type", "Sync", "Async"); refusal != nil {
		return o, refusal
	}
	if o.tail, refusal = oneOf(r, "x-fc-log-type", "None", "Tail"); refusal != nil {
		return o, refusal
	}
	if o.taskID != "" && !taskIDForm.MatchString(o.taskID) {
		return o, invalidArgument("x-fc-async-task-id '%s' is invalid: it starts with a letter or underscore, "+
			"has letters, digits, underscores and hyphens, and at most 128 characters", o.taskID)
	}
	if o.async && len(event) > maxAsyncEvent {
		return o, entityTooLarge(maxAsyncEvent)
	}
	return o, nil
}

// oneOf reads a header with two values, of which the first is the default. It tells whether it is the second.
func oneOf(r *http.Request, name, first, second string) (bool, *acs3.Refusal) {
	switch value := r.Header.Get(name); {
	case value == "", strings.EqualFold(value, first):
		return false, nil
	case strings.EqualFold(value, second):
		return true, nil
	default:
		return false, invalidArgument("%s '%s' is invalid: it is %s or %s", name, value, first, second)
	}
}

func (s *Server) exists(function, qualifier string) *acs3.Refusal {
	switch {
	case function != s.o.Name:
		return functionNotFound(function)
	case qualifier == "", qualifier == latest:
		return nil
	case versionForm.MatchString(qualifier):
		return versionNotFound(qualifier, function)
	default:
		return aliasNotFound(qualifier, function)
	}
}

// accept queues the event: 202, and nothing more.
func (s *Server) accept(w http.ResponseWriter, o order, id string) {
	s.queue.accept(delivery{id: id, event: o.event, async: true, accepted: s.o.Now()})
	if o.taskID != "" {
		w.Header().Set("X-Fc-Async-Task-Id", o.taskID)
	}
	w.WriteHeader(http.StatusAccepted)
}

// invokeNow runs the event. A function error is 200 as well: only X-Fc-Error-Type tells.
func (s *Server) invokeNow(w http.ResponseWriter, r *http.Request, o order, id string) *acs3.Refusal {
	if !s.tryAcquire() {
		return throttled(s.o.Concurrency)
	}
	result := s.attempt(r.Context(), delivery{id: id, event: o.event})
	s.release()
	h := w.Header()
	for name, value := range map[string]string{
		"Content-Type":                    "application/octet-stream",
		"X-Fc-Error-Type":                 result.ErrorType,
		"X-Fc-Instance-Id":                result.InstanceID,
		"X-Fc-Code-Checksum":              s.checksum(),
		"X-Fc-Invocation-Service-Version": latest,
		"X-Fc-Invocation-Duration":        strconv.FormatInt(result.Duration.Milliseconds(), 10),
		"X-Fc-Max-Memory-Usage":           strconv.FormatFloat(float64(result.MaxMemoryUsage)/(1<<20), 'f', 2, 64),
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	if o.tail {
		h.Set("X-Fc-Log-Result", base64.StdEncoding.EncodeToString(result.Log[max(len(result.Log)-tailLog, 0):]))
	}
	_, _ = w.Write(result.Body)
	return nil
}
