package main_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
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

// BenchmarkOneUpgrade is the function's own time for one upgrade, from the event to the notification, without the network's.
func BenchmarkOneUpgrade(b *testing.B) {
	f := function.New(func(name string) string {
		return map[string]string{"RESULT_TOPIC": topic, "LOG_LEVEL": "INFO"}[name]
	}, writePolicy(b), time.Now, io.Discard)
	pool := &paper{}
	f.Over(pool)
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		start := time.Now()
		_, err := f.Handle(fccontext.NewContext(ctx, &fccontext.FcContext{
			RequestID: "1-2-3", Region: region, AccountId: account, Function: fccontext.Function{Name: "rds-kernel-upgrade"},
			Credentials: fccontext.Credentials{AccessKeyId: "STS.a", AccessKeySecret: "b", SecurityToken: "c"},
		}), []byte(request))
		took = append(took, time.Since(start))
		cancel()
		if err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-median")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99")
	b.ReportMetric(float64(pool.calls)/float64(len(took)), "calls/op")
}
