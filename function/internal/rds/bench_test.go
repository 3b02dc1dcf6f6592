package rds_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
)

// BenchmarkCall compares a call, with the SDK's client that is made for it, to a bare request over the same kind of connection.
func BenchmarkCall(b *testing.B) {
	server := httptest.NewServer(reply(200, `{"RequestId":"R-1"}`))
	defer server.Close()
	endpoint, err := transport.ParseEndpoint(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("client per call", func(b *testing.B) {
		pool := transport.New()
		defer pool.Close()
		client := rds.New(pool, pace.New(1e6, time.Now), &endpoint, invocation.NewCredentials(accessKeyID, secret, token))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.Upgrade(b.Context(), upgradeOf(), always); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			answer, err := http.Post(server.URL+"/?Action=UpgradeDBInstanceKernelVersion", "", nil)
			if err != nil {
				b.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
	})
}
