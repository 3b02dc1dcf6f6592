package stack_test

import (
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/rig"
)

// BenchmarkStart measures from exec to the first request for an event, of the function and of a bare handler in turn, and gives the ratio
// of the medians.
func BenchmarkStart(b *testing.B) {
	bare := filepath.Join(b.TempDir(), "bare")
	if err := rig.Build(bare, "./testdata/bare", rig.DeployFlags()...); err != nil {
		b.Fatal(err)
	}
	var ours, theirs []time.Duration
	for b.Loop() {
		theirs = append(theirs, startUp(b, bare))
		ours = append(ours, startUp(b, binary))
	}
	b.ReportMetric(float64(median(ours))/float64(median(theirs)), "×bare")
	b.ReportMetric(float64(median(ours).Microseconds()), "µs/start")
	b.ReportMetric(float64(median(theirs).Microseconds()), "µs/bare")
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// startUp gives the time from exec until the process asks for its first event.
func startUp(b *testing.B, program string) time.Duration {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	asked := make(chan time.Time, 1)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- time.Now():
		default:
		}
		<-r.Context().Done()
	})}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()
	command := exec.Command(program)
	command.Env = []string{"FC_RUNTIME_API=" + listener.Addr().String(), "RESULT_TOPIC=results"}
	begin := time.Now()
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = command.Process.Kill(); _ = command.Wait() }()
	return (<-asked).Sub(begin)
}

// BenchmarkUpgradeInTheCloud is one whole upgrade in the built binary, network and local cloud included, and the memory that the process
// has come to need.
func BenchmarkUpgradeInTheCloud(b *testing.B) {
	var peak int64
	c := start(b, setup{policy: "rate: {callsPerSecond: 100000}\n", instance: func(i *fakerds.Instance) { i.Upgrade.Takes = time.Nanosecond }})
	for b.Loop() {
		c.RDS.Update(id, func(i *fakerds.Instance) {
			i.CurrentKernelVersion = "rds_20240101"
			i.Tags = nil
		})
		result := c.deliver(b, topicEvent(plain))
		if result.ErrorType != "" {
			b.Fatalf("%s", result.Body)
		}
		peak = max(peak, result.MaxMemoryUsage)
	}
	b.ReportMetric(float64(peak)/1e6, "MB-peak")
}
