package fakefc

import (
	"encoding/json"
	"net/http"
)

// listInvocations is GET /_local/invocations: the log of attempts. It has access key ids, and no secret or token of
// the platform's.
func (s *Server) listInvocations(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.Invocations()) // it fails only when the reader is gone
}

// tickNow is POST /_local/tick/{timer}: fires a timer that Every drives.
func (s *Server) tickNow(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	s.mu.Lock()
	payload, known := s.timers[name]
	s.mu.Unlock()
	if !known {
		http.Error(w, "no timer is named "+name, http.StatusNotFound)
		return
	}
	id, err := s.Tick(name, payload)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("X-Fc-Request-Id", id)
	w.WriteHeader(http.StatusAccepted)
}
