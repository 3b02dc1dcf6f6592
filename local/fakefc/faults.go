package fakefc

import (
	"net/http"
	"strings"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/faults"
)

// Action makes the Server a faults.Service: the front door has one action, and the paths of ours have none.
func (s *Server) Action(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/"+apiVersion+"/") {
		return apiAction
	}
	return ""
}

// Refuse writes the error document for a fault. A status of 500 has the documented code; its message is ours.
func (s *Server) Refuse(w http.ResponseWriter, _ *http.Request, kind faults.Kind) {
	refusal := refuse(http.StatusInternalServerError, "InternalServerError", "an internal error occurred, try again")
	switch kind {
	case faults.Throttle:
		refusal = throttled(s.o.Concurrency)
	case faults.TokenExpired:
		refusal = acs3.ExpiredToken()
	}
	id := s.newRequestID()
	w.Header().Set("X-Fc-Request-Id", id)
	writeRefusal(w, id, refusal)
}
