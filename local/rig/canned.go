package rig

import (
	"io"
	"net/http"
	"strings"
)

// Canned is a pool of connections without a network: it answers every request with the same thing.
type Canned struct {
	Status int
	Body   string
}

// RoundTrip gives the answer.
func (c Canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.Status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.Body)), Request: r}, nil
}

// CloseIdleConnections has none to close.
func (Canned) CloseIdleConnections() {}
