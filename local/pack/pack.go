// Package pack writes the code package that Function Compute unpacks: a zip whose bytes depend on the files' names and
// contents alone, so that the same source gives the same package on every machine, and a deployment of unchanged code is
// seen to be one (fc3 compares the CRC-64 of the package with the deployed one). What is in the package is handed to it: it opens
// no file of the machine by itself, and reads no clock and no permission bits. All files lie at the root of the package, where the
// go1 runtime looks for its handler, but for the time zones.
package pack

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Handler is the name of the binary in the package, which the go1 runtime calls the handler (s.yaml: handler).
const Handler = "main"

// The modes in the package, whatever the files' own are: the handler can be executed, all else can be read.
const (
	handlerMode fs.FileMode = 0o755
	fileMode    fs.FileMode = 0o644
)

// epoch is the time of every file: the first that the zip format can tell.
var epoch = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// File is one file of the package.
type File struct {
	Name string
	Data []byte
}

// Write writes the package. The order of the files does not matter. A package without a handler is refused, and so are a name
// that occurs twice and one that is neither a file's at the root nor a time zone's; nothing is written then.
func Write(w io.Writer, files ...File) error {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	if err := check(files); err != nil {
		return err
	}
	archive := zip.NewWriter(w)
	archive.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	for _, f := range files {
		if err := add(archive, f); err != nil {
			return fmt.Errorf("pack: %s: %w", f.Name, err)
		}
	}
	return archive.Close()
}

func add(archive *zip.Writer, f File) error {
	header := &zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: epoch}
	header.SetMode(modeOf(f.Name))
	w, err := archive.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = w.Write(f.Data)
	return err
}

func modeOf(name string) fs.FileMode {
	if name == Handler {
		return handlerMode
	}
	return fileMode
}

// isName tells whether a file of the package can have this name.
func isName(name string) bool {
	_, isZone := strings.CutPrefix(name, ZoneFolder+"/")
	return fs.ValidPath(name) && name != "." && !strings.Contains(name, `\`) && (isZone || !strings.Contains(name, "/"))
}

// check takes the files in the order of their names.
func check(files []File) error {
	var errs []error
	handler := false
	for n, f := range files {
		handler = handler || f.Name == Handler
		switch {
		case !isName(f.Name):
			errs = append(errs, fmt.Errorf("pack: %q: want the name of a file at the package's root, or below %s", f.Name, ZoneFolder))
		case n > 0 && f.Name == files[n-1].Name:
			errs = append(errs, fmt.Errorf("pack: %q: there twice: want each name once", f.Name))
		case len(f.Data) == 0:
			errs = append(errs, fmt.Errorf("pack: %q: empty: build it first", f.Name))
		}
	}
	if !handler {
		errs = append(errs, fmt.Errorf("pack: no %q: the go1 runtime starts it as the handler", Handler))
	}
	return errors.Join(errs...)
}
