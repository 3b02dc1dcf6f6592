package rig

import (
	"io"
	"net/http"
	"testing"
)

// Answer is what a client gets to see.
type Answer struct {
	Status int
	Header http.Header
	Length int64 // as announced; -1 if it was not
	Body   string
	Err    error // no answer at all, or one that broke off
}

// Send sends a request over a connection of its own.
func Send(tb testing.TB, r *http.Request) Answer {
	tb.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r) //nolint:gosec // tests name the address
	if err != nil {
		return Answer{Err: err}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, response.ContentLength, string(body), err}
}
