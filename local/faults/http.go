package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"
)

// Service is the part of a fake that knows its own wire format.
type Service interface {
	// Action names the API action that a request asks for. It leaves the request's body readable.
	Action(r *http.Request) string
	// Refuse writes the service's own error document for Throttle, ServerError or TokenExpired.
	Refuse(w http.ResponseWriter, r *http.Request, kind Kind)
}

// A Witness is a Service that wants to know of the calls that a fault has ended before they reached it.
// Those that it refuses itself it knows already.
type Witness interface {
	Stopped(r *http.Request, kind Kind)
}

// Wrap puts the set in front of a fake's handler.
func (s *Set) Wrap(service Service, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		delay, kind := s.take(service.Action(r))
		if !pause(r, delay) {
			witness(service, r, Latency)
			return
		}
		switch kind {
		case "":
			next.ServeHTTP(w, r)
		case Throttle, ServerError, TokenExpired:
			service.Refuse(w, r, kind)
		case HTML:
			witness(service, r, kind)
			writeHTML(w)
		case ResetBefore:
			witness(service, r, kind)
			reset(w)
		default:
			afterEffect(w, r, kind, next)
		}
	})
}

func witness(service Service, r *http.Request, kind Kind) {
	if w, ok := service.(Witness); ok {
		w.Stopped(r, kind)
	}
}

// pause waits, and tells whether the client is still there.
func pause(r *http.Request, delay time.Duration) bool {
	if delay == 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// afterEffect lets the call happen and spoils its answer.
func afterEffect(w http.ResponseWriter, r *http.Request, kind Kind, next http.Handler) {
	answer := httptest.NewRecorder()
	next.ServeHTTP(answer, r)
	switch kind {
	case ResetAfter:
		reset(w)
	case Hang:
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	case Truncate:
		truncate(w, answer)
	default: // Empty
		w.WriteHeader(http.StatusOK)
	}
}

// truncate announces the whole answer, sends half of it, and hangs up.
func truncate(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(answer.Body.Len()))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()[:answer.Body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	reset(w)
}

func writeHTML(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n")
}

// reset closes the client's connection with RST instead of an orderly end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // not a TCP connection of net/http's server: the next best thing
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// ServeHTTP is the control address: GET lists the faults in force, POST adds the one in the body
// (in the form of Parse), DELETE clears all.
func (s *Set) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodPost:
		text, _ := io.ReadAll(io.LimitReader(r.Body, 1<<10))
		fault, err := Parse(string(text))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.Add(fault)
	case http.MethodDelete:
		s.Clear()
	default:
		http.Error(w, "want GET, POST or DELETE", http.StatusMethodNotAllowed)
		return
	}
	s.writeList(w)
}

func (s *Set) writeList(w http.ResponseWriter) {
	list := []string{}
	for _, f := range s.List() {
		list = append(list, f.String())
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(list); err != nil {
		panic(fmt.Sprintf("a list of strings always encodes: %v", err))
	}
}
