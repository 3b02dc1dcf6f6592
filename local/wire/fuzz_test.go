package wire_test

import (
	"os"
	"path/filepath"
	"testing"

	"rds-kernel-upgrade/local/wire"
)

// FuzzLoad holds that a file that is no transcript is an error that names it, and that one is read the same way twice.
func FuzzLoad(f *testing.F) {
	f.Add("source: x\n-- request --\nGET / HTTP/1.1\nHost: h\n\nbody\n-- response --\nHTTP/1.1 200 OK\n\nbody\n")
	f.Add("-- request --\n\n-- response --\nHTTP/0.9\n")
	f.Add("-- request --\nGET / HTTP/1.1\nContent-Length: 99\nTransfer-Encoding: chunked\n\nx")
	f.Add("\x00: \xff\n-- response --\nHTTP/1.1 200 OK\r\n\r\nx\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "odd.txtar"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := wire.Load(folder)
		if err != nil || len(all) != 1 || all[0].Name != "odd" {
			t.Fatalf("got %+v, %v", all, err)
		}
		r, body, err := all[0].Request()
		if err == nil && r != nil && r.ContentLength != int64(len(body)) {
			t.Errorf("a request of %d bytes has %d", r.ContentLength, len(body))
		}
		again, same, errAgain := all[0].Request()
		if string(body) != string(same) || (err == nil) != (errAgain == nil) || (r == nil) != (again == nil) {
			t.Errorf("read as %v, %q, %v and then %v, %q, %v", r, body, err, again, same, errAgain)
		}
		if status, _, _, err := all[0].Response(); err == nil && (status < 0 || status > 999) {
			t.Errorf("a response of status %d", status)
		}
	})
}
