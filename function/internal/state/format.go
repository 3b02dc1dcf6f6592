package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// newer is the error about a document of a format that this package does not know yet.
type newer struct{ version int }

func (e newer) Error() string {
	return fmt.Sprintf("its format has version %d, and this function knows versions up to %d: it was written by a newer version of the function", e.version, Version)
}

// stored is what stands in an object of the bucket.
type stored interface {
	// Sort puts its lists into the order in which they are written.
	Sort()
	// check reports what is impossible in it. It holds for what is read and for what is about to be written.
	check() *flaw
}

// Encode returns the document as it is stored. It refuses one that Decode would refuse; its lists must be in order.
func Encode(d *Document) ([]byte, error) { return encode(d) }

// Decode reads a document as it is stored. An error names the path of what is wrong.
func Decode(object []byte) (*Document, error) { return decode(object, &Document{}) }

func encode(from stored) ([]byte, error) {
	if f := from.check(); f != nil {
		return nil, f
	}
	p := &packing{}
	err := writeJSON(p, from)
	if err == nil && p.zip != nil {
		err = p.zip.Close()
	}
	return p.stored.Bytes(), err
}

// decode reads an object of the bucket. Of one in a newer format, nothing but its version is read.
func decode[T stored](object []byte, into T) (none T, err error) {
	text, err := Unpack(object)
	if err != nil {
		return none, err
	}
	var format struct {
		Version int `json:"version"`
	}
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(text, &format); {
	case errors.As(err, &syntax):
		return none, flawed("is not JSON, or is cut off")
	case format.Version > Version:
		return none, newer{format.Version}
	case !utf8.Valid(text):
		return none, flawed("is not valid UTF-8")
	}
	if f := readJSON(text, into); f != nil {
		return none, f
	}
	into.Sort()
	if f := into.check(); f != nil {
		return none, f
	}
	return into, nil
}

// checkVersion refuses what is in no format that was ever written.
func checkVersion(version int) *flaw {
	if version == Version {
		return nil
	}
	return flawed("is %d: want %d", version, Version).in("version")
}

// Equal reports whether two documents hold the same, whoever wrote them, and under whatever numbers. Their lists must be in order.
func Equal(a, b *Document) bool {
	first, err := contents(*a)
	second, err2 := contents(*b)
	return err == nil && err2 == nil && bytes.Equal(first, second)
}

// contents returns a hash of what a document holds.
func contents(d Document) ([]byte, error) {
	d.Number, d.Nonce, d.Written, d.By = 0, "", time.Time{}, ""
	hash := sha256.New()
	err := writeJSON(hash, &d)
	return hash.Sum(nil), err
}
