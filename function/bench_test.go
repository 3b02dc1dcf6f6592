package main_test

import (
	"context"
	"io"
	"net/http"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/local/rig"
)

// paper answers every call at once, as RDS and MNS would.
type paper struct{ calls int }

var answers = map[string]string{
	"DescribeDBInstanceAttribute":    `{"RequestId":"A","Items":{"DBInstanceAttribute":[{"DBInstanceId":"rm-bp1orders","RegionId":"cn-hangzhou","Engine":"MySQL","EngineVersion":"8.0","DBInstanceStatus":"Running","LockMode":"Unlock","DBInstanceStorageType":"cloud_essd","CurrentKernelVersion":"rds_20240101","LatestKernelVersion":"rds_20260228","MaintainTime":"18:00Z-22:00Z"}]}}`,
	"ListTagResources":               `{"RequestId":"B","TagResources":{"TagResource":[]},"NextToken":""}`,
	"TagResources":                   `{"RequestId":"C"}`,
	"UpgradeDBInstanceKernelVersion": `{"RequestId":"D","DBInstanceName":"rm-bp1orders","TaskId":"226917711","TargetMinorVersion":"rds_20260228"}`,
}

const published = `<?xml version="1.0" encoding="utf-8"?><Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageId>M</MessageId><MessageBodyMD5>3AC6DD36D2D6B7283F2F490A0975AAAA</MessageBodyMD5></Message>`

func (p *paper) RoundTrip(r *http.Request) (*http.Response, error) {
	p.calls++
	status, body := http.StatusOK, answers[r.URL.Query().Get("Action")]
	if strings.HasPrefix(r.URL.Path, "/topics/") {
		status, body = http.StatusCreated, published
	}
	return rig.Canned{Status: status, Body: body}.RoundTrip(r)
}

func (*paper) CloseIdleConnections() {}

// BenchmarkOneUpgrade is the function's own time for one upgrade, from the event to the notification, without the network's. The collector
// is set as main sets it. It runs in a part of the upgrades (collections/op), which are then the slowest: µs-p99 is with those, µs-p99-calm
// without. µs-cpu is what the processor was busy, the collector's part included, whatever else the machine does.
func BenchmarkOneUpgrade(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(50))
	f := function.New(func(name string) string {
		return map[string]string{"RESULT_TOPIC": topic, "LOG_LEVEL": "INFO"}[name]
	}, writePolicy(b), time.Now, io.Discard)
	pool := &paper{}
	f.Over(pool)
	var took, calm, busy []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		before, processor, start := collections(), processorTime(b), time.Now()
		_, err := f.Handle(fccontext.NewContext(ctx, &fccontext.FcContext{
			RequestID: "1-2-3", Region: region, AccountId: account, Function: fccontext.Function{Name: "rds-kernel-upgrade"},
			Credentials: fccontext.Credentials{AccessKeyId: "STS.a", AccessKeySecret: "b", SecurityToken: "c"},
		}), []byte(request))
		last := time.Since(start)
		took, busy = append(took, last), append(busy, processorTime(b)-processor)
		if collections() == before {
			calm = append(calm, last)
		}
		cancel()
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(microseconds(took, 50), "µs-median")
	b.ReportMetric(microseconds(took, 99), "µs-p99")
	b.ReportMetric(microseconds(calm, 99), "µs-p99-calm")
	b.ReportMetric(microseconds(busy, 50), "µs-cpu")
	b.ReportMetric(1-float64(len(calm))/float64(len(took)), "collections/op")
	b.ReportMetric(float64(pool.calls)/float64(len(took)), "calls/op")
}

// microseconds gives a percentile.
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
