package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/local/fakerds"
)

// nouns are the first words of the log's lines since it was asked last, with what tells one line from another.
func (w *world) nouns() (lines []string) {
	w.tb.Helper()
	for line := range strings.Lines(w.log.String()) {
		var l struct {
			Level, Msg, Tag, State, Error     string
			DBInstanceID                      string `json:"DBInstanceId"`
			Number, Instances, Intents, Count int
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			w.tb.Fatalf("%v: %s", err, line)
		}
		text := l.Level + " " + l.Msg
		for _, part := range []string{l.DBInstanceID, l.State, l.Tag} {
			if part != "" {
				text += " " + part
			}
		}
		for _, n := range []int{l.Number, l.Instances, l.Intents, l.Count} {
			if n > 0 {
				text += fmt.Sprint(" ", n)
			}
		}
		lines = append(lines, text)
	}
	w.log.Reset()
	return lines
}

// The log has one line for each noun, in the order of the flow.
func TestTheLogHasOneLineForEachNoun(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		w.must(w.request("M1", oneUpgrade))
		w.sameLines("one upgrade", []string{
			"INFO event", "INFO request rm-1", "INFO fleet rm-1", "INFO plan rm-1 intent", "INFO plan open", "INFO state 2", "INFO outcome rm-1", "INFO state 3",
			"INFO notification accepted", "INFO state 4",
		}, w.nouns())
		time.Sleep(10 * time.Minute)
		w.must(w.tick())
		w.sameLines("its end", []string{
			"INFO event", "INFO request", "INFO fleet rm-1", "INFO plan rm-1 proven", "INFO plan closed", "INFO state 5", "INFO notification completed", "INFO notification report",
			"INFO archive", "INFO state 6",
		}, w.nouns())
		w.must(w.tick())
		w.sameLines("a tick on which nothing is due", []string{"INFO event", "INFO request"}, w.nouns())
		w.must(w.request("M2", "no request"))
		w.sameLines("no request", []string{"INFO event", "WARN request", "INFO notification rejected"}, w.nouns())
		w.rds.Add(behind("rm-2", with(fakerds.Upgrade{Refuse: "EngineNotSupported"})))
		w.must(w.request("M3", `{"DBInstanceId":"rm-2"}`))
		w.sameLines("a refusal", []string{
			"INFO event", "INFO request rm-2", "INFO fleet rm-2", "INFO plan rm-2 intent", "INFO plan open", "INFO state 7", "WARN outcome rm-2", "INFO state 8",
			"INFO notification failed", "INFO notification report", "INFO archive", "INFO state 9",
		}, w.nouns())
	})
}

// A large fleet has few lines at level INFO: what there is of each instance is at level DEBUG.
func TestALargeFleetHasFewLines(t *testing.T) {
	t.Parallel()
	for level, most := range map[string]int{"INFO": 12, "DEBUG": 10000} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			play(t, "budget: {maxInstances: 1000, maxPercent: 100}\n", func(t *testing.T, w *world) {
				t.Helper()
				const size = 60
				for n := range size {
					w.rds.Add(behind(fmt.Sprintf("rm-%03d", n)))
				}
				w.env["LOG_LEVEL"] = level
				w.restart()
				w.must(w.request("M1", sweep))
				lines := w.nouns()
				if len(lines) > most || (len(lines) > size) != (level == "DEBUG") {
					t.Errorf("%d lines: %s", len(lines), strings.Join(lines, "\n"))
				}
				if level == "INFO" {
					w.sameLines("the lines", []string{
						"INFO event", "INFO request", "INFO fleet 60", "INFO plan open", "INFO state 2", "INFO outcome 60", "INFO state 3", "INFO notification wave",
						"INFO notification 60", "INFO state 4",
					}, lines)
				}
				time.Sleep(time.Hour)
				w.must(w.tick())
				if lines := w.nouns(); level == "INFO" {
					w.sameLines("the lines of the end", []string{
						"INFO event", "INFO request", "INFO fleet 60", "INFO plan closed", "INFO state 5", "INFO notification 60", "INFO notification wave", "INFO notification report",
						"INFO archive", "INFO state 6",
					}, lines)
				}
			})
		})
	}
}

// A region that cannot be listed is in the log, and so is what could not be published.
func TestTheLogSaysWhatWentWrong(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.rds.Add(behind("rm-1"))
		w.timeout = time.Minute
		w.before = func(service, action string) bool { return service == "mns" || action == "DescribeDBInstances" }
		_, err := w.request("M1", sweep)
		if err != nil { // the rollout waits for its fleet, and nobody is told of that
			t.Error(err)
		}
		w.sameLines("the lines", []string{"INFO event", "INFO request", "WARN fleet", "INFO plan waiting", "INFO state 2"}, w.nouns())
		_, err = w.request("M2", "no request")
		if errorType(t, err) != "Unavailable" {
			t.Errorf("got %v", err)
		}
		w.sameLines("the lines", []string{"INFO event", "WARN request", "ERROR notification rejected"}, w.nouns())
	})
}

// A server that sends more than its answer is logged by net/http, with what it sent. Not parallel: the log is the process's.
func TestWhatAServerSendsBehindItsAnswerIsNotLogged(t *testing.T) {
	var said bytes.Buffer
	defer log.SetOutput(log.Writer())
	log.SetOutput(function.Discreet(&said))
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return ours, nil }}}
		more := make(chan bool)
		go func() {
			_, _ = theirs.Read(make([]byte, 4096))
			_, _ = io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			<-more
			_, _ = io.WriteString(theirs, "CAIS-local-token")
		}()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://service", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		synctest.Wait() // until the answer is read, and the connection idle
		close(more)
		synctest.Wait()
		_ = theirs.Close()
	})
	if !strings.HasSuffix(said.String(), "Unsolicited response received on idle HTTP channel\n") {
		t.Errorf("the log says %q", said.String())
	}
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
	if n, err := function.Discreet(broken{}).Write([]byte("a starting with b")); n != 0 || err == nil {
		t.Errorf("what cannot be written: %d, %v", n, err)
	}
}

// broken takes nothing.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
