package rds_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/wire"
)

// ours is the instance of the documented answers.
const ours = "rm-uf6wjk5test"

// asked is one call, by the transcript that has its answer. It returns what came of it, the zero value if nothing did.
var asked = map[string]func(context.Context, *rds.Client) (any, error){
	"attribute":            func(ctx context.Context, c *rds.Client) (any, error) { return c.Instance(ctx, region, ours) },
	"instances":            func(ctx context.Context, c *rds.Client) (any, error) { return c.Fleet(ctx, region, fleet.Filter{}) },
	"list-tags":            func(ctx context.Context, c *rds.Client) (any, error) { return c.Tags(ctx, region, []string{ours}) },
	"mini-engine-versions": func(ctx context.Context, c *rds.Client) (any, error) { return offersOf(ctx, c, ours) },
	"history-tasks": func(ctx context.Context, c *rds.Client) (any, error) {
		return c.Tasks(ctx, region, []string{ours}, time.Unix(0, 0), time.Unix(1, 0))
	},
	"upgrade-specify-time": func(ctx context.Context, c *rds.Client) (any, error) { return c.Upgrade(ctx, upgradeOf(), always) },
}

// documented returns the answers of the transcripts.
func documented(t *testing.T) map[string][]byte {
	t.Helper()
	all, err := wire.Load("../../../testdata/wire/rds")
	must(t, err)
	answers := map[string][]byte{}
	for _, transcript := range all {
		if asked[transcript.Name] != nil {
			_, _, answers[transcript.Name], err = transcript.Response()
			must(t, err)
		}
	}
	if len(answers) != len(asked) {
		t.Fatalf("%d answers for %d calls", len(answers), len(asked))
	}
	return answers
}

// canned is a client to which the same is answered always, without a network.
func canned(status int, body string) *rds.Client {
	return rds.New(transport.Over(rig.Canned{Status: status, Body: body}), pace.New(1e6, time.Now),
		&transport.Endpoint{Scheme: "https", Host: "rds.example.com"}, invocation.NewCredentials(accessKeyID, secret, token))
}

// sound wants an answer that was understood, or a fault and nothing else.
func sound(t *testing.T, what string, got any, err error) {
	t.Helper()
	if err != nil {
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind == "" || !strings.HasPrefix(f.Op, "rds: ") || len(f.Message) > 1<<10 {
			t.Errorf("%s: got %.500v, want a fault", what, err)
		}
		noSecret(t, err, "Signature=")
		if v := reflect.ValueOf(got); v.IsValid() && !v.IsZero() {
			t.Errorf("%s: got %+v besides %v", what, got, err)
		}
		return
	}
	switch got := got.(type) {
	case fleet.Instance:
		if got.ID != ours {
			t.Errorf("%s: got %+v, want %s", what, got, ours)
		}
	case []fleet.Instance:
		seen := map[string]bool{}
		for _, i := range got {
			if i.ID == "" || seen[i.ID] || i.RegionID != region {
				t.Errorf("%s: got %+v", what, got)
			}
			seen[i.ID] = true
		}
	}
}

// spoilt returns each document that comes of putting another value into one place of this one.
func spoilt(document any, value any) (all []any) {
	all = append(all, value)
	switch d := document.(type) {
	case map[string]any:
		for key := range d {
			for _, inside := range spoilt(d[key], value) {
				changed := maps.Clone(d)
				changed[key] = inside
				all = append(all, changed)
			}
		}
	case []any:
		for n := range d {
			for _, inside := range spoilt(d[n], value) {
				changed := slices.Clone(d)
				changed[n] = inside
				all = append(all, changed)
			}
		}
	}
	return all
}

// Every field of every answer, and every list and object in it, as each of the other types.
func TestAnAnswerWithAWrongTypeIsAFaultOrUnderstood(t *testing.T) {
	t.Parallel()
	values := map[string]any{
		"null": nil, "a number": 7, "a huge number": json.RawMessage("1e400"), "a negative number": -1, "a fraction": 0.5, "a text": "x", "an empty text": "",
		"a boolean": true, "an empty list": []any{}, "a list of null": []any{nil}, "a list of lists": []any{[]any{}}, "an empty object": map[string]any{},
		"an object of an object": map[string]any{"DBInstanceId": map[string]any{}}, "a text of control characters": "\x00\x1b[2J\u202e",
	}
	for name, body := range documented(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var document any
			must(t, json.Unmarshal(body, &document))
			got, err := asked[name](t.Context(), canned(200, string(body)))
			if sound(t, "as it is", got, err); err != nil {
				t.Fatal(err)
			}
			for kind, value := range values {
				for n, changed := range spoilt(document, value) {
					text, err := json.Marshal(changed)
					must(t, err)
					got, err := asked[name](t.Context(), canned(200, string(text)))
					sound(t, fmt.Sprintf("%s in place %d: %.300s", kind, n, text), got, err)
				}
			}
		})
	}
}

// What an answer is not made of: it is refused as a whole, and costs no more memory than it is long. Not parallel: it counts what the
// process takes.
func TestAHostileAnswerIsAFault(t *testing.T) {
	const affordable = 128 << 20
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	for name, answer := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
	}{
		"a list nested 100,000 deep":          {200, `{"RequestId":"R","Items":` + deep + `}`, fault.Unavailable},
		"an unknown field that deep":          {200, `{"RequestId":"R","More":` + deep + `}`, fault.Unavailable},
		"an error nested that deep":           {400, `{"Code":"InvalidParameter","Message":"m","More":` + deep + `}`, fault.Unavailable},
		"objects nested that deep":            {200, strings.Repeat(`{"Items":`, 100_000), fault.Unavailable},
		"a message of 1 MB":                   {400, `{"Code":"InvalidParameter","RequestId":"R","Message":"` + strings.Repeat("x", 1<<20) + `"}`, fault.Invalid},
		"a message of credentials":            {400, `{"Code":"InvalidParameter","RequestId":"R","Message":"` + strings.Repeat(token, 1<<16) + `"}`, fault.Invalid},
		"half a JSON document":                {200, `{"RequestId":"R","Items":{"DBInstance":[{"DBInstanceId":"` + ours, fault.Unavailable},
		"two documents":                       {200, `{"RequestId":""}{"RequestId":"R"}`, fault.Unavailable},
		"bytes that are no letters":           {200, "{\"RequestId\":\"\xff\xfe", fault.Unavailable},
		"what is compressed though not asked": {200, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", fault.Unavailable},
		"XML":                                 {200, `<?xml version="1.0"?><DescribeDBInstancesResponse><RequestId>R</RequestId></DescribeDBInstancesResponse>`, fault.Unavailable},
		"a billion laughs":                    {200, `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>`, fault.Unavailable},
		"a status that nobody knows":          {999, `{"Code":"Odd","RequestId":"R"}`, fault.Unavailable},
		"blanks":                              {200, strings.Repeat(" ", 1<<20), fault.Unavailable},
	} {
		for _, call := range slices.Sorted(maps.Keys(asked)) {
			t.Run(call+": "+name, func(t *testing.T) {
				var got any
				var err error
				rig.Frugally(t, affordable, func() { got, err = asked[call](t.Context(), canned(answer.status, answer.body)) })
				if err == nil {
					t.Fatalf("got %+v, want a fault", got)
				}
				sound(t, name, got, err)
				if kind := fault.From(err).Kind; kind != answer.kind {
					t.Errorf("got the kind %s, want %s: %v", kind, answer.kind, err)
				}
			})
		}
	}
}

// An instance that was not asked for is none, whoever's it is.
func TestAnotherInstanceIsNotTaken(t *testing.T) {
	t.Parallel()
	attribute := func(ids ...string) string {
		list := []map[string]string{}
		for _, id := range ids {
			id, of, other := strings.Cut(id, "@")
			if !other {
				of = region
			}
			list = append(list, map[string]string{"DBInstanceId": id, "RegionId": of, "Engine": "MySQL"})
		}
		text, _ := json.Marshal(map[string]any{"RequestId": "R", "Items": map[string]any{"DBInstanceAttribute": list}})
		return string(text)
	}
	for name, c := range map[string]struct {
		body string
		want string // the id; empty for none
	}{
		"another one":                {attribute("rm-other"), ""},
		"one in another case":        {attribute(strings.ToUpper(ours)), ""},
		"one with a blank behind it": {attribute(ours + " "), ""},
		"ours in another region":     {attribute(ours + "@cn-beijing"), ""},
		"ours at another host":       {attribute(ours + "@x.evil.example.com/"), ""},
		"one without an id":          {attribute(""), ""},
		"none":                       {attribute(), ""},
		"another one before ours":    {attribute("rm-other", ours), ours},
		"ours twice":                 {attribute(ours, ours), ours},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := canned(200, c.body).Instance(t.Context(), region, ours)
			if got.ID != c.want || (err == nil) != (c.want != "") || err != nil && fault.From(err).Kind != fault.NotFound {
				t.Errorf("got %q, %v; want %q", got.ID, err, c.want)
			}
		})
	}
}

// The tags of another instance are not ours, whatever their order.
func TestTagsOfAnotherInstanceAreNotOurs(t *testing.T) {
	t.Parallel()
	const body = `{"RequestId":"R","TagResources":{"TagResource":[
		{"ResourceId":"rm-other","TagKey":"kernel-upgrade","TagValue":"auto"},
		{"ResourceId":"` + ours + `","TagKey":"env","TagValue":"prod"},
		{"ResourceId":"","TagKey":"kernel-upgrade","TagValue":"auto"},
		{"ResourceId":"RM-UF6WJK5TEST","TagKey":"kernel-upgrade","TagValue":"auto"}]}}`
	got, err := canned(200, body).Tags(t.Context(), region, []string{ours})
	must(t, err)
	if diff := cmp.Diff(map[string]map[string]string{ours: {"env": "prod"}}, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

// A page is no longer than it was asked to be, and a code and a request id no longer than they ever are.
func TestTheLengthOfWhatTheAPISaysIsBounded(t *testing.T) {
	t.Parallel()
	items := strings.TrimSuffix(strings.Repeat(`{"DBInstanceId":"rm-1","RegionId":"`+region+`"},`, 101), ",")
	_, err := canned(200, `{"RequestId":"R","Items":{"DBInstance":[`+items+`]}}`).Fleet(t.Context(), region, fleet.Filter{})
	wantFault(t, err, fault.Error{
		Op: "rds: DescribeDBInstances cn-hangzhou", Kind: fault.Internal, RequestID: "R",
		Message: "=the listing has 101 instances on a page of 100: none of the list is used",
	})
	long := strings.Repeat("x", 1<<20)
	_, err = canned(400, `{"RequestId":"`+long+`","Code":"`+long+`","Message":"m"}`).Instance(t.Context(), region, ours)
	if text := fmt.Sprint(err); len(text) > 512 {
		t.Errorf("an error of %d bytes", len(text))
	}
}

// A server has our signature and our token once it was asked. It gets nothing more by asking back.
func TestNothingOfAnAnswerIsSentBack(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Cookie", "Authorization", "Proxy-Authorization", "Referer"} {
			if r.Header.Get(name) != "" {
				t.Errorf("the request has the header %s", name)
			}
		}
		w.Header().Set("Set-Cookie", "session=1; Path=/")
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.Header().Set("Refresh", "0; url=/")
		w.Header().Set("Retry-After", "0")
		reply(401, `{"RequestId":"R","Code":"Unauthorized","Message":"m"}`)(w, r)
	})
	for range 3 {
		_, err := s.client.Upgrade(t.Context(), upgradeOf(), always)
		wantFault(t, err, fault.Error{Kind: fault.Invalid, Code: "Unauthorized", Message: "=m", RequestID: "R"})
	}
	if n := s.seen.Load(); n != 3 {
		t.Errorf("3 calls were %d requests", n)
	}
}

// FuzzCall answers each call with one that begins as a documented one.
func FuzzCall(f *testing.F) {
	all, err := wire.Load("../../../testdata/wire/rds")
	if err != nil {
		f.Fatal(err)
	}
	for _, transcript := range all {
		if status, _, body, err := transcript.Response(); err == nil && status > 0 {
			f.Add(status, body)
		}
	}
	f.Add(200, []byte(`{"RequestId":"R","requestid":"S","REQUESTID":1,"Items":{"DBInstance":[{"DBInstanceId":"a","dbinstanceid":"b","RegionId":"cn-hangzhou"}]}}`))
	f.Add(200, []byte(`{"RequestId":"R","Items":{"DBInstance":{"DBInstanceId":"a"}},"NextToken":1e400,"TotalRecordCount":-1}`))
	f.Add(400, []byte(`{"RequestId":["R"],"Code":"a.Throttling","Message":"\ud800"}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 || status >= 300 && status < 400 {
			t.Skip("the transport lets none through")
		}
		client := canned(status, string(body))
		for name, call := range asked {
			got, err := call(t.Context(), client)
			sound(t, name, got, err)
			if err == nil && status != 200 && status/100 != 2 {
				t.Errorf("%s: %d %q is a success", name, status, body)
			}
		}
	})
}
