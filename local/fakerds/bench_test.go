package fakerds_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

// connections is how many calls a client has under way.
const connections = 16

// BenchmarkServed makes signed calls over loopback, of a fleet of 10,000. What it measures is the client, too.
func BenchmarkServed(b *testing.B) {
	const size = 10_000
	id := func(n int) string { return fmt.Sprintf("rm-%05d", n%size) }
	fifty := func(n int, more ...string) map[string]string {
		own := params(append(more, "RegionId", "cn-hangzhou", "ResourceType", "INSTANCE")...)
		for at := range 50 {
			own[fmt.Sprintf("ResourceId.%d", at+1)] = id(50*n + at)
		}
		return own
	}
	for _, bench := range []struct {
		action string
		own    func(n int) map[string]string
	}{
		{listing, func(n int) map[string]string {
			token := base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "next:%d", 100*(n%(size/100))))
			return params("RegionId", "cn-hangzhou", "MaxResults", "100", "NextToken", token)
		}},
		{describe, func(n int) map[string]string { return params("RegionId", "cn-hangzhou", "DBInstanceId", id(n)) }},
		{"ListTagResources", func(n int) map[string]string { return fifty(n) }},
		{"TagResources", func(n int) map[string]string { return fifty(n, "Tag.1.Key", "claim", "Tag.1.Value", fmt.Sprint(n)) }},
		{upgrade, func(n int) map[string]string { return params("RegionId", "cn-hangzhou", "DBInstanceId", id(n)) }},
		{"DescribeHistoryTasks", func(n int) map[string]string {
			return params("FromStartTime", "2026-11-22T00:00:00Z", "ToStartTime", "2026-11-23T00:00:00Z", "InstanceId", id(n))
		}},
	} {
		b.Run(bench.action, func(b *testing.B) {
			c := newCloud(b)
			c.Add(manyOf(size)...)
			serveMany(b, c, bench.action, bench.own)
		})
	}
}

// manyOf gives a fleet in which everything can be upgraded, again and again.
func manyOf(size int) []fakerds.Instance {
	all := make([]fakerds.Instance, 0, size)
	for n := range size {
		i := mysql(fmt.Sprintf("rm-%05d", n))
		i.Tags = map[string]string{"env": "dev", "kernel-upgrade": "auto"}
		i.Upgrade = fakerds.Upgrade{Takes: time.Nanosecond, Silent: true}
		all = append(all, i)
	}
	return all
}

func serveMany(b *testing.B, c *cloud, action string, own func(n int) map[string]string) {
	b.Helper()
	server := httptest.NewServer(c)
	defer server.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	var calls atomic.Int64
	b.SetParallelism(max(1, connections/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n := int(calls.Add(1))
			c.clock.Advance(time.Microsecond)
			answer, err := client.Get(server.URL + "/?" + c.sign(http.MethodGet, c.common(action, own(n))).Encode())
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
				b.Errorf("%d, %v", answer.StatusCode, err)
			}
			_ = answer.Body.Close()
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
