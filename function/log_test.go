package main_test

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	function "rds-kernel-upgrade/function"
)

// A server that sends more than its answer is logged by net/http, with what it sent. Not parallel: the log is the process's.
func TestWhatAServerSendsBehindItsAnswerIsNotLogged(t *testing.T) {
	said := make(chan string, 4)
	defer log.SetOutput(log.Writer())
	log.SetOutput(function.Discreet(lines(func(line string) { said <- line })))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		time.Sleep(50 * time.Millisecond) // until the answer is read
		_, _ = io.WriteString(c, "CAIS-local-token")
	}()
	answer, err := http.Get("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	select {
	case line := <-said:
		if !strings.HasSuffix(line, "Unsolicited response received on idle HTTP channel\n") {
			t.Errorf("the log says %q", line)
		}
	case <-time.After(10 * time.Second):
		t.Error("the log says nothing: this test does not find what it looks for")
	}
}

// lines is a writer that hands on.
type lines func(string)

func (l lines) Write(p []byte) (int, error) {
	l(string(p))
	return len(p), nil
}

func TestOtherLinesAreLoggedAsTheyAre(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for _, line := range []string{"one\n", "starting with two\n", "", "three"} {
		if n, err := function.Discreet(&out).Write([]byte(line)); n != len(line) || err != nil {
			t.Errorf("%q: %d, %v", line, n, err)
		}
	}
	if got := out.String(); got != "one\nstarting with two\nthree" {
		t.Errorf("got %q", got)
	}
}
