package fakemns

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Call is one request that reached the service, whether it was granted or refused. What a fault kept from the
// service (a reset before the effect, a load balancer's page) is not one. It holds no secret, token or signature.
type Call struct {
	Action      string    `json:"action"`         // such as PublishMessage; empty when the address means none
	Resource    string    `json:"resource"`       // the path, without its query
	At          time.Time `json:"at"`             // when it came
	Status      int       `json:"status"`         // the answer's status
	Code        string    `json:"code,omitempty"` // the answer's error code, if it has one
	RequestID   string    `json:"requestId"`
	AccessKeyID string    `json:"accessKeyId,omitempty"` // whose valid signature it bore
	BodyMD5     string    `json:"bodyMD5,omitempty"`     // of the request's body, in upper-case hexadecimal; empty without one
}

// callLog is the calls so far.
type callLog struct {
	mu    sync.Mutex
	calls []Call
}

func (l *callLog) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, c)
}

// Calls gives the calls so far, in the order in which they were answered.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return slices.Clone(s.calls.calls)
}

// CallsOf gives the calls of one action.
func (s *Server) CallsOf(action string) []Call {
	return slices.DeleteFunc(s.Calls(), func(c Call) bool { return c.Action != action })
}

func (q *request) call(a answer) Call {
	c := Call{
		Action: q.route.action, Resource: q.path, At: q.at, Status: a.status, Code: a.code,
		RequestID: q.id, AccessKeyID: q.keyID,
	}
	if len(q.body) > 0 {
		c.BodyMD5 = digest(string(q.body))
	}
	return c
}

// serveCalls is the control address of the call log.
func (s *Server) serveCalls(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		http.Error(w, "want GET", http.StatusMethodNotAllowed)
		return
	}
	calls := s.Calls()
	if calls == nil {
		calls = []Call{}
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(calls); err != nil {
		panic(fmt.Sprintf("fakemns: calls always encode: %v", err))
	}
}
