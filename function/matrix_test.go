package main_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/golden"
)

// trouble is what a request meets: one of the kinds of local/faults, or an answer that none of them gives.
type trouble struct {
	name   string
	only   string                              // the requests that it makes sense for: the beginning of their names
	kind   faults.Kind                         // if it is one
	effect bool                                // the request takes effect, and change has its answer
	change func(*http.Response) *http.Response // makes the answer; without effect of none
}

// troubles are all kinds of local/faults, and answers of a kind of their own.
//
//nolint:bodyclose // these are answers in the making: whoever reads one closes it
func troubles() (all []trouble) {
	for _, kind := range faults.Kinds() {
		all = append(all, trouble{name: string(kind), kind: kind})
	}
	return append(all,
		trouble{name: "denied", only: "rds ", change: says(403, `{"Code":"Forbidden.RAM","Message":"User not authorized to operate on the specified resource.","RequestId":"R-1"}`)},
		trouble{name: "numeric-code", only: "rds ", change: says(400, `{"Code":400,"Message":"no","RequestId":"R-1"}`)},
		trouble{name: "not-found", only: "rds ", change: says(404, `{"Code":"InvalidDBInstanceId.NotFound","Message":"The specified instance is not found.","RequestId":"R-1"}`)},
		trouble{name: "busy", only: "rds " + upgradeCall, change: says(400, `{"Code":"IncorrectDBInstanceState","Message":"The instance is busy.","RequestId":"R-1"}`)},
		trouble{name: "nothing", only: "rds ", effect: true, change: says(200, `{"RequestId":"R-1"}`)},
		trouble{name: "garbage", effect: true, change: says(200, `}{`)},
		trouble{name: "unavailable", change: says(503, `<html>`)},
		trouble{name: "denied", only: "mns ", change: says(403, mnsError("AccessDenied"))},
		trouble{name: "no-topic", only: "mns ", change: says(404, mnsError("TopicNotExist"))},
		trouble{name: "denied", only: "oss ", change: says(403, ossError("AccessDenied"))},
		trouble{name: "no-bucket", only: "oss ", change: says(404, ossError("NoSuchBucket"))},
		trouble{name: "no-such-key", only: "oss GetObject", change: says(404, ossError("NoSuchKey"))},
		trouble{name: "own-write-409", only: "oss PutObject", effect: true, change: says(409, ossError("FileAlreadyExists"))},
		trouble{name: "behind-by-one", only: "oss ListObjectsV2", effect: true, change: withoutTheLast},
		trouble{name: "versioning", only: "oss GetBucketVersioning", change: says(200, `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`)},
		trouble{name: "versioned", only: "oss PutObject", effect: true, change: func(r *http.Response) *http.Response {
			r.Header.Set("x-oss-version-id", "null")
			return r
		}},
	)
}

func mnsError(code string) string {
	return `<Error xmlns="http://mns.aliyuncs.com/doc/v1/"><Code>` + code + `</Code><Message>no</Message><RequestId>R-1</RequestId><HostId>h</HostId></Error>`
}

func ossError(code string) string {
	return `<Error><Code>` + code + `</Code><Message>no</Message><RequestId>R-1</RequestId></Error>`
}

// says is another answer.
func says(status int, body string) func(*http.Response) *http.Response {
	return func(*http.Response) *http.Response {
		return &http.Response{
			StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"X-Oss-Request-Id": {"R-1"}, "X-Mns-Request-Id": {"R-1"}},
			Body: io.NopCloser(strings.NewReader(body)),
		}
	}
}

var lastKey = regexp.MustCompile(`(?s)<Contents>[^~]*?</Contents>`)

// withoutTheLast takes the last key off a list.
func withoutTheLast(r *http.Response) *http.Response {
	body, _ := io.ReadAll(r.Body)
	if keys := lastKey.FindAllIndex(body, -1); len(keys) > 0 {
		last := keys[len(keys)-1]
		body = slices.Delete(body, last[0], last[1])
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

// meets reports whether the trouble makes sense for a request.
func (m trouble) meets(name string) bool { return strings.HasPrefix(name, m.only) }

// weather lets requests of the function meet trouble: the one with a number, or all of a name from a moment on, until it is over.
type weather struct {
	*world
	trouble trouble
	at      int    // the number of the request, from 1 on
	name    string // of the requests that meet it
	on      bool   // it lasts

	mu    sync.Mutex
	names []string // of all requests
	met   int
}

// carry carries a request.
func (v *weather) carry(r *http.Request) (*http.Response, error) {
	name := v.nameOf(r)
	v.mu.Lock()
	v.names = append(v.names, name)
	meets := len(v.names) == v.at || v.on && name == v.name
	if meets {
		v.met++
	}
	v.mu.Unlock()
	if meets && v.trouble.kind != "" {
		v.raise(r)
	}
	if meets && v.trouble.change != nil && !v.trouble.effect {
		return v.trouble.change(nil), nil
	}
	answer, err := v.RoundTrip(r)
	if meets && v.trouble.kind == faults.Latency { // it has no number of times
		v.faultsOf(r).Clear()
	}
	switch {
	case r.Context().Err() != nil: // it came too late, or never
		return nil, r.Context().Err()
	case err == nil && meets && v.trouble.effect:
		return v.trouble.change(answer), nil
	}
	return answer, err
}

// raise lets the next request of this action meet the trouble.
func (v *weather) raise(r *http.Request) {
	fault := faults.Fault{Action: "*", Kind: v.trouble.kind, Times: 1}
	if v.trouble.kind == faults.Latency {
		fault.Delay = 3 * time.Second
	}
	v.faultsOf(r).Add(fault)
}

func (v *weather) faultsOf(r *http.Request) *faults.Set {
	service, _ := v.serviceOf(r)
	return map[string]*faults.Set{"rds": v.rds.Faults(), "mns": v.mns.Faults(), "oss": v.oss.Faults()}[service]
}

// nameOf names a request by its service and action, and by what distinguishes those of one action.
func (v *weather) nameOf(r *http.Request) string {
	service, _ := v.serviceOf(r)
	switch {
	case service == "rds":
		return "rds " + actionOf(service, r)
	case service == "mns":
		return "mns PublishMessage " + tagOf(r)
	case strings.Contains(r.URL.RawQuery, "versioning"):
		return "oss GetBucketVersioning"
	case strings.Contains(r.URL.RawQuery, "list-type"):
		return "oss ListObjectsV2"
	case strings.Contains(r.URL.Path, "/rollouts/"):
		return "oss PutObject archive"
	case r.Method == http.MethodPut:
		return "oss PutObject"
	default:
		return "oss GetObject" + v.whether(r.URL.Path)
	}
}

// whether says that there is no object under a key.
func (v *weather) whether(path string) string {
	if slices.ContainsFunc(v.oss.Objects(prefix), func(o fakeoss.Object) bool { return strings.HasSuffix(path, o.Key) }) {
		return ""
	}
	return " next"
}

var messageTag = regexp.MustCompile(`<MessageTag>([^<]*)</MessageTag>`)

// tagOf returns the tag of a message that is published.
func tagOf(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if tag := messageTag.FindSubmatch(body); tag != nil {
		return string(tag[1])
	}
	return ""
}

// troubled is what is played in bad weather.
type troubled struct {
	single          bool // it is a request for one instance
	times           int  // how many requests of one name meet each trouble
	policy, request string
	fleet           []fakerds.Instance
	want            ending
}

// unevenly keeps what is due off the ticks of the timer: the pauses before a request is repeated are random.
const unevenly = oneByOne + "verify: {first: 4m30s}\n"

var troubledSingle = troubled{
	single: true, times: 2, policy: unevenly, request: `{"DBInstanceId":"rm-1","TargetMinorVersion":"rds_20260228"}`, fleet: two[:1],
	want: ending{ends: map[string]string{"rm-1": "completed"}},
}

var troubledRollout = troubled{
	times: 1, policy: unevenly, request: strings.Replace(sweepBaked, "5m", "4m30s", 1), fleet: two,
	want: ending{ends: map[string]string{"rm-1": "completed", "rm-2": "completed"}, bake: 4*time.Minute + 30*time.Second},
}

// outcome is what came of it, as far as it can be another thing than without trouble.
type outcome struct {
	calls, met int
	told       string // under how many ids, in their order
	repeated   []string
	failed     []string
	took       time.Duration
}

// play plays it once.
func (c troubled) play(t *testing.T, v *weather) (o outcome) {
	t.Helper()
	play(t, c.policy, func(t *testing.T, w *world) {
		t.Helper()
		d := c.begin(w, v)
		d.goOn(t)
		if v.at == 0 || c.overcomes(v.trouble, v.names[v.at-1]) {
			c.want.check(t, w)
		}
		w.promises(t)
		o = v.outcome(t, d)
		if t.Failed() {
			t.Logf("%s at %d (%s)", v.trouble.name, v.at, v.names[max(0, v.at-1)])
			w.explain(t)
		}
	})
	return o
}

// begin sends the request in bad weather.
func (c troubled) begin(w *world, v *weather) *delivery {
	w.rds.Add(c.fleet...)
	v.world = w
	d := &delivery{killer: &killer{carry: v.carry}}
	d.into(w)
	w.timeout = 2 * time.Minute
	d.send("M1", c.request)
	return d
}

// outcome says what has come of it so far.
func (v *weather) outcome(t *testing.T, d *delivery) outcome {
	t.Helper()
	o := outcome{calls: len(v.rds.CallsOf(upgradeCall)), met: v.met, failed: slices.Compact(slices.Sorted(slices.Values(d.failed))), took: time.Since(noon).Truncate(time.Minute)}
	var tags []string
	seen := map[string]bool{}
	for _, m := range v.mns.Published(topic) {
		n := told{Tag: m.Tag}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			t.Fatal(err)
		}
		if seen[n.ID] {
			o.repeated = append(o.repeated, n.Tag)
			continue
		}
		seen[n.ID], tags = true, append(tags, n.Tag)
	}
	o.told = strings.Join(tags, " ")
	return o
}

// beside says how an outcome differs from the one without trouble.
func (o outcome) beside(calm outcome) string {
	var parts []string
	add := func(differs bool, format string, a ...any) {
		if differs {
			parts = append(parts, fmt.Sprintf(format, a...))
		}
	}
	add(len(o.failed) > 0, "fails: %s", strings.Join(o.failed, " "))
	add(o.took != calm.took, "%+d minutes", int((o.took - calm.took).Minutes()))
	add(o.calls != calm.calls, "%d calls", o.calls)
	add(len(o.repeated) > 0, "published again: %s", strings.Join(slices.Compact(o.repeated), " "))
	add(o.told != calm.told, "published: %s", o.told)
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, "; ")
}

// lines writes a table in which the troubles that come to the same stand together.
type lines struct {
	bytes.Buffer
	*tabwriter.Writer
}

func newLines(head string) *lines {
	l := &lines{}
	l.Writer = tabwriter.NewWriter(&l.Buffer, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(l.Writer, head)
	return l
}

// add adds the outcomes at one request, by the names of the troubles.
func (l *lines) add(at string, names []string, outcomes map[string]string) {
	for len(names) > 0 {
		what := outcomes[names[0]]
		var same, others []string
		for _, name := range names {
			if outcomes[name] == what {
				same = append(same, name)
			} else {
				others = append(others, name)
			}
		}
		_, _ = fmt.Fprintf(l.Writer, "%s\t%s\t%s\n", at, strings.Join(same, " "), what)
		at, names = "", others
	}
}

// TestFaultMatrix lets requests of a rollout meet every kind of trouble once: the first ones of each name, and all that write the document. In the end
// everything has come as without it, but where RDS has refused something for good. The golden file says what is different on the way: that the
// invocation fails and is delivered again, that it takes longer, or that something is published again, which has the same id.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, c := range map[string]troubled{"single": troubledSingle, "rollout": troubledRollout} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calm := &weather{}
			want := c.play(t, calm)
			table, times := newLines("request\tmeets\tand then"), map[string]int{}
			for at, request := range calm.names {
				if times[request]++; times[request] > c.times && request != "oss PutObject" {
					continue
				}
				var names []string
				outcomes := map[string]string{}
				for _, m := range troubles() {
					if m.meets(request) {
						v := &weather{trouble: m, at: at + 1}
						names, outcomes[m.name] = append(names, m.name), c.play(t, v).beside(want)
					}
				}
				table.add(fmt.Sprintf("%d %s", at+1, request), names, outcomes)
			}
			_ = table.Flush()
			golden.Text(t, "testdata/fault-once-"+name+".txt", table.Bytes())
		})
	}
}

// overcomes reports whether a trouble that is met once changes nothing in the end. What RDS refuses for good ends the upgrade, and what says that
// nothing is there is believed. A request for one instance does not wait for one that is busy, or whose tasks cannot be asked for.
func (c troubled) overcomes(m trouble, request string) bool {
	switch m.name {
	case "denied", "not-found", "nothing":
		return !strings.HasPrefix(request, "rds ")
	case "busy":
		return !c.single
	case "token-expired", "hang":
		return !c.single || request != "rds DescribeHistoryTasks"
	default:
		return true
	}
}

// stops reports whether nothing can be called as long as requests to OSS meet the trouble.
func (m trouble) stops(name string) bool {
	return strings.HasPrefix(name, "oss ") && name != "oss PutObject archive" && !slices.Contains(map[bool][]string{
		false: {"latency", "behind-by-one", "no-such-key"},
		true:  {"latency", "own-write-409", "reset-after", "hang", "truncate", "empty200", "garbage"}, // it was written
	}[name == "oss PutObject"], m.name)
}

// TestLastingFaultMatrix lets all requests of one name meet trouble for seven hours, which is longer than verify.giveUp: for a single upgrade from the
// beginning, and for a rollout from its first call on. The golden file says what came of it as long as it lasted, and when it was over.
func TestLastingFaultMatrix(t *testing.T) {
	t.Parallel()
	exhaustive(t)
	for name, c := range map[string]troubled{"single": troubledSingle, "rollout": troubledRollout} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calm := &weather{}
			c.play(t, calm)
			slices.Sort(calm.names)
			table := newLines("requests\tmeet\tand while it lasts\tin the end it has published")
			for _, request := range slices.Compact(calm.names) {
				var names []string
				outcomes := map[string]string{}
				for _, m := range troubles() {
					if m.meets(request) {
						names, outcomes[m.name] = append(names, m.name), c.endure(t, &weather{trouble: m, name: request}, name == "rollout")
					}
				}
				table.add(request, names, outcomes)
			}
			_ = table.Flush()
			golden.Text(t, "testdata/fault-lasting-"+name+".txt", table.Bytes())
		})
	}
}

// endure plays it while a trouble lasts, and afterwards.
func (c troubled) endure(t *testing.T, v *weather, called bool) (line string) {
	t.Helper()
	play(t, c.policy, func(t *testing.T, w *world) {
		t.Helper()
		d := c.begin(w, v)
		if called {
			d.deliverNext(0)
			time.Sleep(time.Minute)
		}
		v.on = true
		before, end := len(w.rds.CallsOf(upgradeCall)), noon.Add(7*time.Hour)
		w.timeout = 15 * time.Second
		soon := noon.Add(15 * time.Minute)
		d.play(5*time.Minute, func() bool { return !time.Now().Before(soon) })
		d.play(3*time.Hour, func() bool { return !time.Now().Before(end) })
		meanwhile := v.outcome(t, d)
		if m := v.trouble; m.stops(v.name) && meanwhile.calls > before {
			t.Errorf("%d calls were made", meanwhile.calls)
		}
		v.on = false
		d.goOn(t)
		w.promises(t)
		for id, calls := range w.accepted() {
			if calls > 1 {
				t.Errorf("%s: %d calls were accepted", id, calls)
			}
		}
		line = meanwhile.lasting(v.name) + "\t" + kindsOf(strings.Fields(v.outcome(t, d).told))
		if t.Failed() {
			t.Logf("%s at %s", v.trouble.name, v.name)
			w.explain(t)
		}
	})
	return line
}

// lasting says what came of it while the trouble lasted. Which of several notifications gets out beside one that cannot is a matter of chance.
func (o outcome) lasting(name string) string {
	parts := []string{"published: " + kindsOf(strings.Fields(o.told))}
	if strings.HasPrefix(name, "mns ") {
		parts = []string{fmt.Sprint("calls: ", o.calls)}
	}
	if len(o.failed) > 0 {
		parts = append(parts, "fails: "+strings.Join(o.failed, " "))
	}
	return strings.Join(parts, "; ")
}

// kindsOf returns each tag once: how often one of several notifications is tried is a matter of chance.
func kindsOf(tags []string) string {
	slices.Sort(tags)
	return cmp.Or(strings.Join(slices.Compact(tags), " "), "nothing")
}
