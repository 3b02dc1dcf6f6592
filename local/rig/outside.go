package rig

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
)

// Tests is a *testing.M.
type Tests interface{ Run() int }

// Outside stands for everything beyond this machine: a proxy that notes who is asked for, and lets nobody through.
type Outside struct {
	mu    sync.Mutex
	lines []string
}

// Run runs the tests with this as the proxy of the whole process, and gives their exit code.
func (o *Outside) Run(tests Tests) int {
	server := httptest.NewServer(o)
	defer server.Close()
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY"} { // net/http never uses them for loopback
		_ = os.Setenv(name, server.URL)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		_ = os.Unsetenv(name)
	}
	return tests.Run()
}

// ServeHTTP notes the request's method and address, and refuses it with status 502.
func (o *Outside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lines = append(o.lines, r.Method+" "+r.RequestURI)
	http.Error(w, "there is nothing outside", http.StatusBadGateway)
}

// Asked gives what was asked for since the last time.
func (o *Outside) Asked() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.lines
	o.lines = nil
	return lines
}
