package main_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	local "rds-kernel-upgrade/local"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/tape"
)

// The programs that the tests run: the function, and a handler that does nothing.
var function, bare string

func TestMain(m *testing.M) {
	os.Exit(rig.WithFolder(m, func(folder string) error {
		function, bare = filepath.Join(folder, "main"), filepath.Join(folder, "bare")
		return errors.Join(
			rig.Build(function, "../function", rig.DeployFlags()...), rig.Build(bare, "./stack/testdata/bare", rig.DeployFlags()...),
		)
	}))
}

func TestTheDemonstrationEndsAsItShould(t *testing.T) {
	t.Parallel()
	var out tape.Tape
	folder := t.TempDir()
	if err := local.Run(t.Context(), &out, &out, "demo", "--binary", function, "--keep", folder); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, told := range []string{
		"plan: 24 to be upgraded, 16 not touched", "Wave 3", "failed      rr-bp1payments2     RDS's task ",
		"1 did not succeed, and the request allows 0", "So far: 16 upgraded, 1 failed, 6 to come, 17 left alone.", "rollout.bake: \"soon\"",
		"the same was asked for before and is under way", "a sweep begins only when no rollout is under way", "oss://rds-kernel-upgrade-state/rds-kernel-upgrade/state/",
		"/_local/objects/rds-kernel-upgrade-state/rds-kernel-upgrade/rollouts/", "All 5 scenes ended as they should.", "The operator looked into its error log",
		"24 upgraded + 16 left alone + 0 failed = 40 selected: each is accounted for once.",
	} {
		if !strings.Contains(out.String(), told) {
			t.Errorf("%q is not in\n%s", told, out.String())
		}
	}
	if kept, err := filepath.Glob(filepath.Join(folder, "*.json")); err != nil || len(kept) != 3 { // the document, and two rollouts
		t.Errorf("copies: %v, %v", kept, err)
	}
}

func TestTheDemonstrationSeesAFunctionThatDoesNothing(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]func() (width, height int, err error){
		"on a terminal":      func() (width, height int, err error) { return 120, 30, nil },
		"without a terminal": func() (width, height int, err error) { return 0, 0, errors.New("not a terminal") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			var out tape.Tape
			err := local.RunOn(ctx, &out, size, "demo", "--binary", bare)
			if err == nil || !strings.Contains(err.Error(), "scene 1") || !strings.Contains(err.Error(), "no report: it did not happen in time") {
				t.Errorf("%v\n%s", err, out.String())
			}
			if drawn := strings.Contains(out.String(), "\x1b["); drawn != (name == "on a terminal") {
				t.Errorf("a table was drawn: %v\n%s", drawn, out.String())
			}
		})
	}
}

// served runs the local cloud until the test ends, and gives the URLs of three of its services.
func served(t *testing.T, flags ...string) (fc, rds, mns string) {
	t.Helper()
	all := services(t, flags...)
	return all[0], all[1], all[2]
}

// services runs the local cloud until the test ends, and returns the URLs of FC, RDS, MNS and OSS.
func services(t *testing.T, flags ...string) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out tape.Tape
	ended := make(chan struct{})
	var failed error
	go func() {
		defer close(ended)
		args := []string{"serve", "--binary", function, "--fc", "127.0.0.1:0", "--rds", "127.0.0.1:0", "--mns", "127.0.0.1:0", "--oss", "127.0.0.1:0"}
		failed = local.Run(ctx, &out, &out, append(args, flags...)...)
	}()
	t.Cleanup(func() {
		cancel()
		if <-ended; failed != nil {
			t.Errorf("it ended with %v", failed)
		}
	})
	urls := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	for !strings.Contains(out.String(), "until Ctrl-C") {
		select {
		case <-ended:
			t.Fatalf("it ended at once: %s", out.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return urls.FindAllString(out.String(), 4)
}

func post(t *testing.T, url, body string) string {
	t.Helper()
	return ask(t, http.MethodPost, url, body)
}

func get(t *testing.T, url string) string {
	t.Helper()
	return ask(t, http.MethodGet, url, "")
}

func ask(t *testing.T, method, url, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var text bytes.Buffer
	if _, err := text.ReadFrom(answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.Status + " " + text.String()
}

func TestTheStackServesUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	fc, rds, mns := served(t, "--fault", "rds:DescribeDBInstances=throttle:3", "--latency", "1ms")
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(`{"DBInstanceId":"rm-bp1orders","mode":"plan"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var out tape.Tape
	err := local.Run(t.Context(), &out, &out, "invoke", "--fc", strings.TrimPrefix(fc, "http://"), "--event", event)
	if err != nil || !strings.Contains(out.String(), `"status":"plan"`) {
		t.Errorf("%v\n%s", err, out.String())
	}
	if got := post(t, rds+"/_local/faults", "DescribeDBInstances=html502"); !strings.Contains(got, `["DescribeDBInstances=throttle:3","*=latency:1ms","DescribeDBInstances=html502"]`) {
		t.Errorf("got %s", got)
	}
	if got := post(t, mns+"/_local/faults", "PublishMessage=nonsense"); !strings.HasPrefix(got, "400") {
		t.Errorf("got %s", got)
	}
	if got := post(t, fc+"/_local/tick/nightly", ""); !strings.HasPrefix(got, "202") {
		t.Errorf("got %s", got)
	}
}

func TestTheStackServesTheBucketOfTheState(t *testing.T) {
	t.Parallel()
	oss := services(t, "--fleet", "gen:1", "--fault", "oss:PutObject=throttle:3", "--latency", "1ms")[3]
	for path, want := range map[string]string{
		"/_local/faults":                        `200 OK ["PutObject=throttle:3","*=latency:1ms"]`,
		"/_local/objects":                       `200 OK [{"bucket":"rds-kernel-upgrade-state","key":"rds-kernel-upgrade/state/000000000001.json",`,
		"/rds-kernel-upgrade-state/?versioning": "403 Forbidden <?xml",
		"/another-bucket/?versioning":           "404 Not Found <?xml",
	} {
		if got := get(t, oss+path); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s", path, got)
		}
	}
}

func TestAnInvocationThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	fc, _, _ := served(t, "--fault", "oss:*=token-expired")
	var out tape.Tape
	err := local.Run(t.Context(), &out, &out, "invoke", "--fc", strings.TrimPrefix(fc, "http://"), "--event", "../testdata/events/direct-minimal.json")
	if err == nil || !strings.Contains(err.Error(), "UnhandledInvocationError") || !strings.Contains(out.String(), `"errorType":"Expired"`) {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestWrongWordsAreRefused(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // after the parallel cases
	free := []string{"serve", "--binary", bare, "--fc", "127.0.0.1:0", "--rds", "127.0.0.1:0", "--mns", "127.0.0.1:0", "--oss", "127.0.0.1:0"}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no command":            {nil, "want one of the commands"},
		"an unknown command":    {[]string{"sevre"}, "want one of the commands"},
		"an unknown flag":       {[]string{"serve", "--flet", "x"}, "flag provided but not defined"},
		"an unknown format":     {append(free, "--format", "XML"), "want JSON or STREAM"},
		"a fault of no service": {append(free, "--fault", "osv:*=throttle"), "want rds:ACTION"},
		"a fault of no kind":    {append(free, "--fault", "rds:*=rain"), "unknown kind"},
		"no such fleet":         {append(free, "--fleet", "nowhere.json"), "no such file"},
		"a fleet of nobody":     {append(free, "--fleet", "gen:0"), "want gen:N or gen:N:SEED"},
		"a quota of nothing":    {append(free, "--fault", "rds:*=quota:0"), "for quota, the calls per second"},
		"a port that is taken":  {[]string{"serve", "--binary", bare, "--fc", taken.Addr().String()}, "is another stack running?"},
		"nobody at the door":    {[]string{"invoke", "--fc", "127.0.0.1:1", "--event", "../testdata/events/direct-minimal.json"}, "is the local cloud running"},
		"no such event":         {[]string{"invoke", "--event", "nowhere.json"}, "no such file"},
		"nothing to pack":       {[]string{"package", "--binary", "nowhere"}, "no such file"},
		"nothing to measure":    {[]string{"size", "--binary", "nowhere"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out tape.Tape
			if err := local.Run(t.Context(), &out, &out, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestThePackageHoldsTheBinaryAndThePolicy(t *testing.T) {
	t.Parallel()
	file, small := filepath.Join(t.TempDir(), "p.zip"), filepath.Join(t.TempDir(), "main")
	if err := os.WriteFile(small, []byte("as good as any"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out tape.Tape
	if err := local.Run(t.Context(), &out, &out, "package", "--binary", small, "--policy", "../policy.yaml", "--zip", file); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	var names []string
	for _, f := range archive.File {
		names = append(names, fmt.Sprintf("%s %s", f.Name, f.Mode()))
	}
	if got := strings.Join(names, ", "); got != "main -rwxr-xr-x, policy.yaml -rw-r--r--" {
		t.Errorf("got %s", got)
	}
	if err := local.Run(t.Context(), &out, &out, "size", "--binary", function, "--zip", file); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestASizeOverItsBarIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "large")
	if err := os.WriteFile(file, make([]byte, 5_300_001), 0o600); err != nil {
		t.Fatal(err)
	}
	var out tape.Tape
	if err := local.Run(t.Context(), &out, &out, "size", "--binary", file, "--zip", file); err == nil || !strings.Contains(err.Error(), "over its bar") {
		t.Errorf("got %v\n%s", err, out.String())
	}
}
