package wire_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/wire"
)

// folder writes files and gives the folder that they are in.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, files map[string]string) []wire.Transcript {
	t.Helper()
	all, err := wire.Load(folder(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

const exchange = `source: RDS API 2014-08-15, TagResources
now: 2026-11-22T20:00:00Z
a line that says nothing
empty:
-- request --
POST /?A=1&B= HTTP/1.1
Host: rds.aliyuncs.com
x-acs-action: TagResources

two
lines

-- response --
HTTP/1.1 404 Not Found
Content-Type: application/json

{"Code":"x"}
`

func TestExchangeIsReadWhole(t *testing.T) {
	all := load(t, map[string]string{"b.txtar": exchange, "a.txtar": "source: first\n", "c.txt": "no transcript"})
	if len(all) != 2 || all[0].Name != "a" || all[1].Name != "b" {
		t.Fatalf("got %v", all)
	}
	got := all[1]
	want := map[string]string{"source": "RDS API 2014-08-15, TagResources", "now": "2026-11-22T20:00:00Z"}
	if diff := cmp.Diff(want, got.Meta); diff != "" {
		t.Errorf("meta (-want +got):\n%s", diff)
	}
	r, body, err := got.Request()
	if err != nil {
		t.Fatal(err)
	}
	read, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	const text = "two\nlines\n"
	if r.Method != http.MethodPost || r.Host != "rds.aliyuncs.com" || r.URL.RawQuery != "A=1&B=" || r.Header.Get("X-Acs-Action") != "TagResources" ||
		string(body) != text || string(read) != text || r.ContentLength != int64(len(text)) {
		t.Errorf("request %v with body %q", r, body)
	}
	status, header, answer, err := got.Response()
	if err != nil || status != 404 || header.Get("Content-Type") != "application/json" || string(answer) != `{"Code":"x"}` {
		t.Errorf("response %d %v %q %v", status, header, answer, err)
	}
}

func TestSectionsMayBeAbsent(t *testing.T) {
	got := load(t, map[string]string{"a.txtar": "source: x\n"})[0]
	if r, body, err := got.Request(); r != nil || body != nil || err != nil {
		t.Errorf("request %v %q %v", r, body, err)
	}
	if status, header, body, err := got.Response(); status != 0 || header != nil || body != nil || err != nil {
		t.Errorf("response %d %v %q %v", status, header, body, err)
	}
}

func TestMessageWithoutABody(t *testing.T) {
	got := load(t, map[string]string{"a.txtar": "-- request --\nGET / HTTP/1.1\nHost: h\n-- response --\nHTTP/1.1 204 No Content\n"})[0]
	r, body, err := got.Request()
	if err != nil || r.Host != "h" || len(body) != 0 {
		t.Errorf("request %v %q %v", r, body, err)
	}
	if status, _, body, err := got.Response(); status != 204 || len(body) != 0 || err != nil {
		t.Errorf("response %d %q %v", status, body, err)
	}
}

func TestMessagesThatAreNoHTTP(t *testing.T) {
	got := load(t, map[string]string{"broken.txtar": "-- request --\nnothing\n-- response --\nnothing\n"})[0]
	if _, _, err := got.Request(); err == nil || !strings.Contains(err.Error(), "wire: broken: ") {
		t.Errorf("request: %v", err)
	}
	if _, _, _, err := got.Response(); err == nil || !strings.Contains(err.Error(), "wire: broken: ") {
		t.Errorf("response: %v", err)
	}
}

func TestFolderWithoutTranscripts(t *testing.T) {
	dir := folder(t, nil)
	if _, err := wire.Load(dir); err == nil || err.Error() != "wire: no transcripts in "+dir {
		t.Errorf("got %v", err)
	}
}

func TestTranscriptThatCannotBeRead(t *testing.T) {
	dir := folder(t, nil)
	if err := os.Mkdir(filepath.Join(dir, "a.txtar"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := wire.Load(dir); err == nil || !strings.HasPrefix(err.Error(), "wire: ") {
		t.Errorf("got %v", err)
	}
}
