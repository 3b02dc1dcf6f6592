package stack_test

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/stack"
)

// BenchmarkStart measures from exec to the first request for an event, of the function and of a bare handler in turn, and gives the ratio
// of the medians. The rest says where the time goes: an empty program has what the kernel and Go take, a handler with the function's
// libraries what they take to initialize; the log names the function's packages. The processor's time hardly knows what else the machine does.
func BenchmarkStart(b *testing.B) {
	programs := []string{"empty", "bare", "libraries"}
	paths := map[string]string{"function": unpacked(b, binary)}
	for _, name := range programs {
		built := filepath.Join(b.TempDir(), name)
		if err := rig.Build(built, "./testdata/"+name, rig.DeployFlags()...); err != nil {
			b.Fatal(err)
		}
		paths[name] = unpacked(b, built)
	}
	programs = append(programs, "function")
	all := map[string]*launches{}
	for _, name := range programs {
		all[name] = &launches{inits: map[string][]time.Duration{}}
	}
	for b.Loop() {
		for _, n := range rand.Perm(len(programs)) { // what ran just before counts
			name := programs[n]
			all[name].add(launch(b, paths[name], name == "empty", ""))
			all[name].trace(launch(b, paths[name], name == "empty", "inittrace=1").log)
		}
	}
	bare, function := all["bare"], all["function"]
	b.ReportMetric(float64(median(function.took))/float64(median(bare.took)), "×bare")
	b.ReportMetric(float64(median(function.cpu))/float64(median(bare.cpu)), "×bare-cpu")
	b.ReportMetric(0, "ns/op") // of all programs together
	for _, name := range programs {
		b.ReportMetric(float64(median(all[name].took).Microseconds()), "µs/"+name)
		b.ReportMetric(float64(median(all[name].faults)), "faults/"+name)
	}
	b.Log(function.initialization())
}

// unpacked is a program as unpacking writes it. The linker writes it otherwise, and the kernel then needs a quarter longer to start it.
func unpacked(b *testing.B, program string) string {
	b.Helper()
	data, err := os.ReadFile(program)
	if err != nil {
		b.Fatal(err)
	}
	copied := filepath.Join(b.TempDir(), filepath.Base(program))
	if err := os.WriteFile(copied, data, 0o700); err != nil {
		b.Fatal(err)
	}
	return copied
}

// launched is one process, from exec until it asks for its first event, or until it ends if it never does.
type launched struct {
	took, cpu time.Duration
	faults    int64 // of pages
	log       string
}

// launches are those of one program.
type launches struct {
	took, cpu []time.Duration
	faults    []int64
	inits     map[string][]time.Duration // by package
}

func (l *launches) add(one launched) {
	l.took, l.cpu, l.faults = append(l.took, one.took), append(l.cpu, one.cpu), append(l.faults, one.faults)
}

// initialized is a line of GODEBUG=inittrace=1: a package and what its initialization took.
var initialized = regexp.MustCompile(`(?m)^init (\S+) @.* ms, (\S+) ms clock`)

func (l *launches) trace(log string) {
	for _, m := range initialized.FindAllStringSubmatch(log, -1) {
		took, _ := time.ParseDuration(m[2] + "ms")
		l.inits[m[1]] = append(l.inits[m[1]], took)
	}
}

// initialization says what the packages of a program take before main begins, and names those that take the most.
func (l *launches) initialization() string {
	packages, sum := slices.Collect(maps.Keys(l.inits)), time.Duration(0)
	for _, name := range packages {
		sum += median(l.inits[name])
	}
	slices.SortFunc(packages, func(a, b string) int { return cmp.Compare(median(l.inits[b]), median(l.inits[a])) })
	text := fmt.Sprintf("%d packages are initialized in %d µs:", len(packages), sum.Microseconds())
	for _, name := range packages[:min(8, len(packages))] { // a benchmark's log has ten lines
		text += fmt.Sprintf("\n%4d µs %s", median(l.inits[name]).Microseconds(), name)
	}
	return text
}

func median[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

// launch starts a program and ends it when it asks for its first event; one that asks for none ends by itself.
func launch(b *testing.B, program string, ends bool, debug string) (l launched) {
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
	command, log := exec.Command(program), &bytes.Buffer{}
	command.Env = []string{"FC_RUNTIME_API=" + listener.Addr().String(), "RESULT_TOPIC=results", "GODEBUG=" + debug}
	command.Stderr = log
	begin := time.Now()
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	if !ends {
		l.took = (<-asked).Sub(begin)
		l.cpu = processorTime(command.Process.Pid)
		_ = command.Process.Kill()
	}
	_ = command.Wait()
	if ends {
		l.took, l.cpu = time.Since(begin), command.ProcessState.UserTime()+command.ProcessState.SystemTime()
	}
	l.faults, l.log = command.ProcessState.SysUsage().(*syscall.Rusage).Minflt, log.String()
	return l
}

// processorTime is what all threads of a running process have had of the processor.
func processorTime(pid int) (sum time.Duration) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, thread := range threads {
		text, _ := os.ReadFile(thread) // a thread may have ended
		ran, _, _ := strings.Cut(string(text), " ")
		nanoseconds, _ := strconv.ParseInt(ran, 10, 64)
		sum += time.Duration(nanoseconds)
	}
	return sum
}

// BenchmarkUpgradeInTheCloud is the request for one upgrade in the built binary, network and local cloud included, and the memory that the process
// has come to need. Each one finds a document with nothing in it.
func BenchmarkUpgradeInTheCloud(b *testing.B) {
	var peak int64
	c := start(b, setup{policy: "rate: {callsPerSecond: 100000}\n"})
	empty := c.OSS.Objects("")[0].Content
	n := 0
	for b.Loop() {
		b.StopTimer()
		n++
		instance := fmt.Sprintf("rm-%06d", n)
		c.RDS.Add(member(instance))
		d, err := c.Document()
		if err == nil {
			err = c.OSS.Store(stack.StateBucket, fmt.Sprintf("%s/state/%012d.json", stack.StatePrefix, d.Number+1), empty)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		result := c.deliver(b, messageOf(instance, `{"DBInstanceId":"`+instance+`"}`))
		if result.ErrorType != "" || !bytes.Contains(result.Body, []byte(`"accepted"`)) {
			b.Fatalf("%s", result.Body)
		}
		peak = max(peak, result.MaxMemoryUsage)
	}
	b.ReportMetric(float64(peak)/1e6, "MB-peak")
}
