package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"rds-kernel-upgrade/events"
)

// newer is the error about a document of a format that this package does not know yet.
type newer struct{ version int }

func (e newer) Error() string {
	return fmt.Sprintf("its format has version %d, and this function knows versions up to %d: it was written by a newer version of the function", e.version, Version)
}

// Encode returns the document as it is stored. It refuses one that Decode would refuse; its lists must be in order.
func Encode(d *Document) ([]byte, error) {
	if f := d.check(); f != nil {
		return nil, f
	}
	if f := d.checkRequests(); f != nil {
		return nil, f
	}
	return pack(d)
}

// Decode reads a document as it is stored. An error names the path of what is wrong.
func Decode(object []byte) (*Document, error) {
	d := &Document{}
	if err := decode(object, d); err != nil {
		return nil, err
	}
	d.Sort()
	if f := d.check(); f != nil {
		return nil, f
	}
	return d, nil
}

// stored is what can be read from an object of the bucket.
type stored interface{ version() int }

func (d *Document) version() int { return d.Version }

func (a *Archive) version() int { return a.Version }

// decode reads an object of the bucket. Of one in a newer format, nothing but its version is an error.
func decode(object []byte, into stored) error {
	text, err := Unpack(object)
	if err != nil {
		return err
	}
	f := readJSON(text, into)
	var format struct {
		Version int `json:"version"`
	}
	if f == nil {
		format.Version = into.version()
	} else {
		_ = json.Unmarshal(text, &format) // what cannot be read has its flaw
	}
	switch {
	case format.Version > Version:
		return newer{format.Version}
	case f != nil:
		return f
	}
	return nil
}

// checkRequests reports a request whose JSON this package could not read again.
func (d *Document) checkRequests() *flaw {
	for n, r := range d.Rollouts {
		if f := r.checkJSON(); f != nil {
			return f.in("request").at(n).in("rollouts")
		}
	}
	return nil
}

func (r *Rollout) checkJSON() *flaw {
	text, err := json.Marshal(r.Request)
	if err != nil {
		return flawed("cannot be written: %v", err)
	}
	return readJSON(text, &events.Request{})
}

// Equal reports whether two documents hold the same, whoever wrote them, and under whatever numbers. Their lists must be in order.
func Equal(a, b *Document) bool {
	first, err := contents(a)
	second, err2 := contents(b)
	return err == nil && err2 == nil && bytes.Equal(first, second)
}

// contents returns a hash of what a document holds.
func contents(d *Document) ([]byte, error) {
	hash := sha256.New()
	err := writeJSON(hash, d, "number", "nonce", "written", "by")
	return hash.Sum(nil), err
}
