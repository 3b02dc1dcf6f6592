package fakerds

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rds-kernel-upgrade/local/acs3"
)

// Call is one request, as the log keeps it. Params holds neither the signature nor the security token.
//
// Accepted says that an upgrade really was accepted, even when a fault has spoiled its answer afterwards: then
// Status and Code are what the API had answered. A call that a fault has stopped before it reached the API has the
// fault's kind as its Code, and one that was over a quota has throttle.
type Call struct {
	Action       string            `json:"action"`
	Params       map[string]string `json:"params"`
	Signer       string            `json:"signer"` // HMAC-SHA1 or ACS3-HMAC-SHA256
	At           time.Time         `json:"at"`
	Status       int               `json:"status"`         // 0 when nothing was answered
	Code         string            `json:"code,omitempty"` // of the refusal
	RequestID    string            `json:"requestId"`
	DBInstanceID string            `json:"DBInstanceId,omitempty"`
	Accepted     bool              `json:"accepted"`
}

// Calls gives every call so far, oldest first.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call{}, s.calls...)
}

// CallsOf gives the calls of one action, oldest first.
func (s *Server) CallsOf(action string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Call
	for _, c := range s.calls {
		if c.Action == action {
			all = append(all, c)
		}
	}
	return all
}

func (s *Server) log(call Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

// write sends the answer or the refusal in the form that was asked for, and notes which it was.
func (c *Call) write(w http.ResponseWriter, q *request, answer document, refusal *acs3.Refusal) {
	root := q.action + "Response"
	c.Status = http.StatusOK
	answer = append(document{{"RequestId", c.RequestID}}, answer...)
	if refusal != nil {
		c.Status, c.Code, root = refusal.Status, refusal.Code, "Error"
		answer = errorDocument(c.RequestID, refusal)
	}
	var body []byte
	contentType := "text/xml;charset=utf-8"
	if q.json {
		body, contentType = answer.json(), "application/json;charset=utf-8"
	} else {
		body = answer.xml(root)
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(c.Status)
	_, _ = w.Write(body) //nolint:gosec // escaped by document, and no browser reads it; a client that has gone away is its own affair
}

// newRequestID makes a UUID in the upper case that the service uses.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	return strings.ToUpper(text)
}
