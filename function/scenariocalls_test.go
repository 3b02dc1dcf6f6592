package main_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sent is one request of the function.
type sent struct {
	action string // as the service calls it
	about  string // what matters of it
	failed string // the answer, if it was no success
}

// calls returns one line for each request that changes something. Reads that follow each other are one line together; requests that
// were made at the same time have no order, and those of one action are sorted. What fails again and again is one line: how often depends on chance.
func (s *stage) calls() (lines []string) {
	var run []string
	var last string
	end := func() {
		if slices.Sort(run); last == "" {
			run = counted(run)
		}
		lines, run = append(lines, run...), nil
	}
	for _, c := range s.sent {
		kind := c.action
		if c.about == "" { // it only reads
			kind = ""
		}
		if kind != last || kind == "PutObject" || kind == "PublishMessage" {
			end()
			last = kind
		}
		run = append(run, c.String())
	}
	end()
	return again(lines)
}

// again makes one line of requests that fail in the same way, one after the other.
func again(lines []string) (short []string) {
	for n, line := range lines {
		switch {
		case n == 0 || line != lines[n-1] || !strings.Contains(line, "→"):
			short = append(short, line)
		case n == 1 || line != lines[n-2]:
			short[len(short)-1] = line + ", again and again"
		}
	}
	return short
}

// few is how many reads that fail are counted.
const few = 5

// counted makes one line of reads, "3 DescribeDBInstanceAttribute, 1 ListTagResources".
func counted(reads []string) []string {
	if len(reads) == 0 {
		return nil
	}
	count := map[string]int{}
	for _, r := range reads {
		count[r]++
	}
	var parts []string
	for _, r := range slices.Sorted(maps.Keys(count)) {
		number := strconv.Itoa(count[r])
		if count[r] > few && strings.Contains(r, "→") {
			number = "many"
		}
		parts = append(parts, number+" "+r)
	}
	return []string{strings.Join(parts, ", ")}
}

func (c sent) String() string {
	text := strings.TrimSpace(c.action + " " + c.about)
	if c.failed != "" {
		text += " → " + c.failed
	}
	return text
}

// RoundTrip carries a request to its service, and keeps it. Another invocation may write its document just before this one writes.
func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	var c sent
	switch service, _ := s.serviceOf(r); service {
	case "mns":
		c.action, c.about = ofMNS(body)
	case "oss":
		c.action, c.about = ofOSS(r)
	default:
		c.action, c.about = ofRDS(r.URL.Query(), body)
	}
	if text := s.meanwhile; text != "" && c.action == "PutObject" {
		s.meanwhile = ""
		s.put(text)
	}
	answer, err := s.world.RoundTrip(r)
	if r.Context().Err() != nil { // the client does not wait any longer
		answer, err = nil, r.Context().Err()
	}
	c.failed = failureOf(answer, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, c)
	return answer, err
}

// refusal finds the code in an answer of any of the services.
var refusal = regexp.MustCompile(`"Code":"([^"]+)"|<Code>([^<]+)</Code>`)

// failureOf is the answer in words, "" if it was a success. That there is no object is one, too: it is how the newest document is known.
func failureOf(answer *http.Response, err error) string {
	if err != nil {
		return "no answer"
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	code := refusal.FindSubmatch(body)
	switch {
	case answer.StatusCode < http.StatusBadRequest:
		return ""
	case string(code[2]) == "NoSuchKey":
		return ""
	case code == nil:
		return strconv.Itoa(answer.StatusCode)
	default:
		return fmt.Sprintf("%d %s%s", answer.StatusCode, code[1], code[2])
	}
}

// ofRDS says what a request to RDS does; nothing, of one that only reads.
func ofRDS(query url.Values, body []byte) (action, about string) {
	form, _ := url.ParseQuery(string(body))
	maps.Copy(query, form)
	if action = query.Get("Action"); action != "UpgradeDBInstanceKernelVersion" {
		return action, ""
	}
	return action, strings.Join(strings.Fields(strings.Join([]string{
		query.Get("DBInstanceId"), query.Get("UpgradeTime"), query.Get("SwitchTime"), query.Get("TargetMinorVersion"),
	}, " ")), " ")
}

// ofMNS says what a request to MNS does.
func ofMNS(body []byte) (action, about string) {
	var message struct{ MessageBody, MessageTag string }
	_ = xml.Unmarshal(body, &message)
	var n struct {
		Subject string
		Data    struct {
			Event string
			Wave  int
		}
	}
	_ = json.Unmarshal([]byte(message.MessageBody), &n) // the schema is checked later
	about = message.MessageTag + " " + n.Subject[strings.LastIndex(n.Subject, "/")+1:]
	if n.Data.Event != "" {
		about = message.MessageTag + " " + strings.TrimPrefix(fmt.Sprintf("%d %s", n.Data.Wave, n.Data.Event), "0 ")
	}
	return "PublishMessage", strings.TrimSpace(about)
}

// ofOSS says what a request to OSS does; nothing, of one that only reads.
func ofOSS(r *http.Request) (action, about string) {
	query := r.URL.Query()
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method == http.MethodPut:
		return "PutObject", strings.TrimSuffix(strings.TrimPrefix(key, prefix+"/"), ".json")
	case r.Method == http.MethodHead:
		return "HeadObject", ""
	case query.Has("versioning"):
		return "GetBucketVersioning", ""
	case key == "":
		return "ListObjectsV2", ""
	default:
		return "GetObject", ""
	}
}
