// Package wire reads the transcripts of testdata/wire: one documented or measured exchange with a service in each
// file, as it looks on the wire. Clients and fakes are tested against the same transcripts, so that they cannot
// agree with each other on something that the cloud does not do.
//
// A transcript is a txtar archive. Its comment holds "name: value" lines (source, and what a test needs to know:
// now, secret, signature …); its sections "request" and "response" are HTTP/1.1 messages with plain newlines.
// A transcript may lack either section.
package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"
)

// Transcript is one exchange.
type Transcript struct {
	Name string            // the file's name without its ending
	Meta map[string]string // the comment's "name: value" lines
	req  []byte
	resp []byte
}

// Load reads every transcript of a folder, in the order of their names.
func Load(dir string) ([]Transcript, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("wire: no transcripts in %s", dir)
	}
	var all []Transcript
	for _, file := range files {
		text, err := os.ReadFile(file) //nolint:gosec // tests name the folder
		if err != nil {
			return nil, fmt.Errorf("wire: %w", err)
		}
		all = append(all, parse(strings.TrimSuffix(filepath.Base(file), ".txtar"), text))
	}
	return all, nil
}

func parse(name string, text []byte) Transcript {
	archive := txtar.Parse(text)
	t := Transcript{Name: name, Meta: map[string]string{}}
	for line := range strings.Lines(string(archive.Comment)) {
		if key, value, ok := strings.Cut(line, ": "); ok {
			t.Meta[key] = strings.TrimSpace(value)
		}
	}
	for _, f := range archive.Files {
		switch f.Name {
		case "request":
			t.req = f.Data
		case "response":
			t.resp = f.Data
		}
	}
	return t
}

// Request gives the request and its body; a transcript without one gives nil.
func (t Transcript) Request() (*http.Request, []byte, error) {
	if t.req == nil {
		return nil, nil, nil
	}
	head, body := split(t.req)
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil {
		return nil, nil, fmt.Errorf("wire: %s: %w", t.Name, err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return r, body, nil
}

// Response gives the response's status, headers and body; a transcript without one gives status 0.
func (t Transcript) Response() (status int, header http.Header, body []byte, err error) {
	if t.resp == nil {
		return 0, nil, nil, nil
	}
	head, body := split(t.resp)
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), nil)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("wire: %s: %w", t.Name, err)
	}
	defer func() { _ = r.Body.Close() }()
	return r.StatusCode, r.Header, body, nil
}

// split parts head and body, and gives the head the line ends that HTTP wants. The one newline that ends
// a section is the archive's, not the body's.
func split(message []byte) (head, body []byte) {
	head, body, _ = bytes.Cut(message, []byte("\n\n"))
	head = bytes.ReplaceAll(bytes.TrimRight(head, "\n"), []byte("\n"), []byte("\r\n"))
	return append(head, "\r\n\r\n"...), bytes.TrimSuffix(body, []byte("\n"))
}
