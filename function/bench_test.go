package main_test

import (
	"context"
	"fmt"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	"rds-kernel-upgrade/events"
	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// paper answers every call at once, as RDS, MNS and OSS would. Of the documents it keeps the newest one.
type paper struct {
	calls    int
	number   int64
	document []byte
}

// answers are those of RDS, by action.
var answers = map[string]string{
	"DescribeDBInstanceAttribute":    `{"RequestId":"A","Items":{"DBInstanceAttribute":[{"DBInstanceId":"rm-1","RegionId":"cn-hangzhou","Engine":"MySQL","EngineVersion":"8.0","DBInstanceStatus":"Running","LockMode":"Unlock","DBInstanceStorageType":"cloud_essd","CurrentKernelVersion":"rds_20240101","LatestKernelVersion":"rds_20260228","MaintainTime":"18:00Z-22:00Z"}]}}`,
	"ListTagResources":               `{"RequestId":"B","TagResources":{"TagResource":[]},"NextToken":""}`,
	"DescribeHistoryTasks":           `{"RequestId":"C","Items":[],"PageNumber":1,"PageSize":100,"TotalCount":0}`,
	"UpgradeDBInstanceKernelVersion": `{"RequestId":"D","DBInstanceName":"rm-1","TaskId":"226917711","TargetMinorVersion":"rds_20260228"}`,
}

const (
	acknowledged = `<?xml version="1.0" encoding="utf-8"?><Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageId>M</MessageId><MessageBodyMD5>3AC6DD36D2D6B7283F2F490A0975AAAA</MessageBodyMD5></Message>`
	unversioned  = `<?xml version="1.0" encoding="UTF-8"?><VersioningConfiguration xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com"></VersioningConfiguration>`
	noneAfter    = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated></ListBucketResult>`
	noSuchKey    = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><RequestId>E</RequestId></Error>`
)

// RoundTrip answers a request.
func (p *paper) RoundTrip(r *http.Request) (*http.Response, error) {
	p.calls++
	status, body := http.StatusOK, answers[r.URL.Query().Get("Action")]
	switch {
	case strings.HasPrefix(r.URL.Path, "/topics/"):
		status, body = http.StatusCreated, acknowledged
	case strings.Contains(r.URL.Host, "oss-"):
		status, body = p.oss(r)
	}
	header := http.Header{}
	header.Set("x-oss-request-id", "F")
	if r.Method == http.MethodGet && status == http.StatusOK && strings.HasSuffix(r.URL.Path, ".json") {
		header.Set("x-oss-hash-crc64ecma", strconv.FormatUint(crc64.Checksum(p.document, crc64.MakeTable(crc64.ECMA)), 10))
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (p *paper) oss(r *http.Request) (status int, body string) {
	digits, _, _ := strings.Cut(filepath.Base(r.URL.Path), ".")
	number, _ := strconv.ParseInt(digits, 10, 64)
	switch {
	case r.URL.Query().Has("versioning"):
		return http.StatusOK, unversioned
	case r.URL.Query().Has("list-type") && !strings.HasSuffix(r.URL.Query().Get("start-after"), fmt.Sprintf("%012d.json", p.number)):
		key := fmt.Sprintf("<Contents><Key>%s/state/%012d.json</Key></Contents>", prefix, p.number)
		return http.StatusOK, strings.Replace(noneAfter, "</ListBucketResult>", key+"</ListBucketResult>", 1)
	case r.URL.Query().Has("list-type"):
		return http.StatusOK, noneAfter
	case r.Method == http.MethodPut:
		p.document, _ = io.ReadAll(r.Body)
		p.number = number
		return http.StatusOK, ""
	case number != p.number:
		return http.StatusNotFound, noSuchKey
	default:
		return http.StatusOK, string(p.document)
	}
}

// CloseIdleConnections has none to close.
func (*paper) CloseIdleConnections() {}

// onPaper is a function over paper, and how it is invoked.
func onPaper(tb testing.TB, pool *paper) (invoke func(event string)) {
	tb.Helper()
	folder := tb.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "policy.yaml"), []byte("rate: {callsPerSecond: 100000}\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	f := function.New(environment(nil), folder, time.Now, io.Discard)
	f.Over(pool)
	return func(event string) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err := f.Handle(fccontext.NewContext(ctx, &fccontext.FcContext{
			RequestID: "1-2-3", Region: region, AccountId: account, Function: fccontext.Function{Name: "rds-kernel-upgrade"},
			Credentials: fccontext.Credentials{AccessKeyId: "STS.a", AccessKeySecret: "b", SecurityToken: "c"},
		}), []byte(event))
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// encoded is a document with some rollouts.
func encoded(tb testing.TB, rollouts ...*state.Rollout) []byte {
	tb.Helper()
	d := &state.Document{Version: state.Version, Number: 1, Nonce: "n", Written: time.Now().UTC().Truncate(time.Second), By: "b", Rollouts: rollouts}
	d.Sort()
	text, err := state.Encode(d)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// What the benchmark measures is what happens in the cloud: as many calls, and the same end.
func TestAnUpgradeOnPaperIsAnUpgrade(t *testing.T) {
	t.Parallel()
	pool := &paper{number: 1, document: encoded(t)}
	onPaper(t, pool)(oneUpgrade)
	d, err := state.Decode(pool.document)
	if err != nil || d.Number != 4 || len(d.Rollouts) != 1 || d.Rollouts[0].Members[0].Told != state.ToldAccepted || pool.calls != 12 {
		t.Errorf("%d calls, and %+v, %v", pool.calls, d, err)
	}
}

// BenchmarkOneUpgrade is the function's own time for one upgrade, from the event to the notification, without the network's. The collector
// is set as main sets it. It runs in a part of the upgrades (collections/op), which are then the slowest: µs-p99 is with those, µs-p99-calm
// without. µs-cpu is what the processor was busy, the collector's part included, whatever else the machine does.
func BenchmarkOneUpgrade(b *testing.B) {
	pool, first := &paper{number: 1}, encoded(b)
	invoke := onPaper(b, pool)
	measured(b, pool, func() {
		pool.document = first // under the number that is the newest one: as if somebody had restored it
		invoke(oneUpgrade)
	})
}

// BenchmarkATickOnAFleet is a tick while a fleet bakes: ten thousand members, of which nothing is due.
func BenchmarkATickOnAFleet(b *testing.B) {
	request, err := events.Parse([]byte(`{"kind":"sweep","rollout":{"bake":"24h"}}`), time.Now())
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	r := &state.Rollout{
		ID: "a7dc258ff8bf0089", Key: plan.KeyOf(request), State: state.Open, Since: now, Received: now, Request: request, Cause: state.Cause{Trigger: events.Direct, FCRequestID: "1"},
		Waves: []state.Wave{{Number: 1, Began: now, Done: now, Told: state.ToldDone}},
	}
	for n := range 10_000 {
		m := state.Member{DBInstanceID: fmt.Sprintf("rm-%05d", n), RegionID: region, Before: "rds_20250531", Target: "rds_20260228", Wave: n/50 + 1, State: state.Pending}
		if m.Wave == 1 {
			m.State, m.Told, m.End = state.Proven, state.ToldEnd, &state.End{At: now}
			m.Call = &state.Call{At: now, Due: now, UpgradeTime: events.Immediate, AcceptedAt: now}
		}
		if n%50 == 0 && n > 0 {
			r.Waves = append(r.Waves, state.Wave{Number: m.Wave})
		}
		r.Members = append(r.Members, m)
	}
	pool := &paper{number: 1, document: encoded(b, r)}
	invoke := onPaper(b, pool)
	measured(b, pool, func() { invoke(`{"kind":"tick"}`) })
	if pool.number != 1 {
		b.Errorf("%d documents were written", pool.number-1)
	}
}

// measured measures what is done again and again.
func measured(b *testing.B, pool *paper, do func()) {
	b.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	var took, calm, busy []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		before, processor, start := collections(), processorTime(b), time.Now()
		do()
		last := time.Since(start)
		took, busy = append(took, last), append(busy, processorTime(b)-processor)
		if collections() == before {
			calm = append(calm, last)
		}
	}
	b.ReportMetric(microseconds(took, 50), "µs-median")
	b.ReportMetric(microseconds(took, 99), "µs-p99")
	b.ReportMetric(microseconds(calm, 99), "µs-p99-calm")
	b.ReportMetric(microseconds(busy, 50), "µs-cpu")
	b.ReportMetric(1-float64(len(calm))/float64(len(took)), "collections/op")
	b.ReportMetric(float64(pool.calls)/float64(len(took)), "calls/op")
}

// microseconds is a percentile.
func microseconds(all []time.Duration, percent int) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return float64(all[len(all)*percent/100].Microseconds())
}

// collections is how often the collector has run.
func collections() uint64 {
	sample := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// processorTime is what this process has had of the processor.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
