package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/local/faults"
)

// errand is one request of the function on its way.
type errand struct {
	process *taleProcess
	visit   *visit
	request *http.Request
	body    []byte
	service string
	action  string // as the service names it
	about   string // the instance
}

// fate is what becomes of an errand.
type fate struct {
	takes time.Duration // to the service
	what  string        // "" for nothing; else see fates
	late  bool          // whether it still arrives when nobody waits for it any more
}

// fates are what may happen to a request in trouble.
var fates = []string{"refuse", "kill before", "kill after", "lose", "hang", "slow", string(faults.Throttle), string(faults.ServerError), string(faults.TokenExpired), "twice"}

// chance returns a number from 0 to 1 that follows from the tale, and from how often it was asked for the same.
func (s *theatre) chance(about string) float64 {
	s.fates[about]++
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, s.seed, about, s.fates[about])
	return rand.New(rand.NewPCG(h.Sum64(), s.seed)).Float64()
}

// fateOf draws what becomes of a request, whatever the order of those that are made at the same time.
func (s *theatre) fateOf(e *errand) (f fate) {
	about := e.visit.name + e.service + e.action + e.about
	x := s.chance(about)
	y := s.chance(about + " what")
	z := s.chance(about + " when")
	f.takes, f.late = time.Millisecond+time.Duration(z*float64(s.slow)), y*8-float64(int(y*8)) < 0.5
	for _, now := range s.storms {
		if now.service == e.service && x < now.chance {
			f.what = now.kind
		}
	}
	if f.what == "" && x < s.trouble {
		f.what = fates[int(y*float64(len(fates)))]
	}
	if f.what == "" && e.action == kernelCall && x < s.crowded {
		f.what = string(faults.Throttle)
	}
	if f.what == "slow" {
		f.takes += time.Duration(z * float64(12*time.Second))
	}
	return f
}

func (p *taleProcess) errand(r *http.Request) (*errand, error) {
	v, known := r.Context().Value(visitKey{}).(*visit)
	if !known {
		return nil, errors.New("a request of no invocation")
	}
	service, _ := p.s.serviceOf(r)
	e := &errand{process: p, visit: v, request: r, service: service, action: actionOf(service, r), about: r.URL.Query().Get("DBInstanceId")}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		e.body = body
	}
	return e, nil
}

// CloseIdleConnections has none to close.
func (*taleProcess) CloseIdleConnections() {}

// RoundTrip carries a request of the process to its service. Others are on their way at the same time.
func (p *taleProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	e, err := p.errand(r)
	if err != nil {
		p.s.mu.Lock()
		defer p.s.mu.Unlock()
		p.s.blame(0, "%s: %v", r.URL, err)
		return nil, err
	}
	f, err := p.depart(e)
	if err != nil {
		return nil, err
	}
	defer p.s.watchReturn(e)
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	timer := time.NewTimer(f.takes)
	defer timer.Stop()
	var gone error
	select {
	case <-timer.C:
	case <-r.Context().Done():
		if gone = r.Context().Err(); !f.late {
			return nil, gone
		}
	}
	answer, err := p.arrive(e, f)
	if e.action == kernelCall && err == nil && gone == nil && f.what != "hang" {
		p.s.learn(e, answer.StatusCode, f.what)
	}
	if f.what == "hang" && err == nil {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if gone != nil {
		return nil, gone
	}
	return answer, err
}

// depart is the moment at which the process sends a request.
func (p *taleProcess) depart(e *errand) (fate, error) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.dead {
		return fate{}, fmt.Errorf("%s is dead", p.name)
	}
	f := s.fateOf(e)
	if f.what != "" {
		e.visit.troubled = true
		s.stirred++
		s.tell("%s %s %s %s: %s", e.visit.name, e.service, e.action, e.about, f.what)
	}
	switch f.what {
	case "refuse":
		return f, errors.New("the connection was refused")
	case "kill before":
		p.kill("before that")
		return f, errors.New("the process is dead")
	}
	if e.action == kernelCall {
		s.watchSend(e)
	}
	return f, nil
}

// arrive is the moment at which a request reaches its service, which answers at once.
func (p *taleProcess) arrive(e *errand, f fate) (*http.Response, error) {
	s := p.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.dead && !f.late {
		return nil, errors.New("the process is dead")
	}
	answer := s.answer(e, f)
	if f.what == "twice" && e.service != "rds" {
		answer = s.answer(e, f)
	}
	switch f.what {
	case "kill after":
		if !p.dead {
			p.kill("after that")
		}
		return nil, errors.New("the process is dead")
	case "lose":
		return nil, errors.New("the connection was reset")
	}
	return answer, nil
}

// answer lets the service answer, and watches what it does.
func (s *theatre) answer(e *errand, f fate) *http.Response {
	_, handler := s.serviceOf(e.request)
	if set := s.weather(e.service); slices.Contains(faults.Kinds(), faults.Kind(f.what)) && f.what != "hang" {
		set.Add(faults.Fault{Action: "*", Kind: faults.Kind(f.what), Times: 1})
		defer set.Clear()
	}
	r := e.request.Clone(e.request.Context())
	r.Body = io.NopCloser(bytes.NewReader(e.body))
	watched := e.service == "rds" && e.action == kernelCall
	if watched {
		s.watchArrival(e)
	}
	answer := serve(handler, r)
	good := answer.StatusCode/100 == 2
	switch {
	case watched:
		s.watchAnswer(e, answer.StatusCode)
	case e.service == "rds" && e.action == "DescribeDBInstances" && good:
		s.watchListing(e)
	case e.service == "oss" && r.Method == http.MethodPut && good && strings.Contains(r.URL.Path, "/state/"):
		s.watchDocument(e)
	case e.service == "mns" && good:
		s.readNews()
	}
	if e.service == "rds" {
		e.visit.looked = time.Now()
	}
	return answer
}

func (s *theatre) weather(service string) *faults.Set {
	switch service {
	case "oss":
		return s.oss.Faults()
	case "mns":
		return s.mns.Faults()
	default:
		return s.rds.Faults()
	}
}
