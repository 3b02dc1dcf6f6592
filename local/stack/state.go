package stack

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"rds-kernel-upgrade/schema"
)

// Document is the newest document of the state, as far as the local cloud reads it: it is read from the bucket, as an operator would.
type Document struct {
	Key  string `json:"-"` // of the object
	Size int    `json:"-"` // of the object, in bytes: a large one is compressed
	Text []byte `json:"-"` // the whole document

	Number   int64     `json:"number"`
	Rollouts []Rollout `json:"rollouts"`
	Messages []Message `json:"messages"`
}

// Rollout is one rollout of a document or an archive.
type Rollout struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	Halt     string    `json:"halt"`
	Waves    []Wave    `json:"waves"`
	Members  []Member  `json:"members"`
	Told     Told      `json:"told"`
	Archived time.Time `json:"archived"`
}

// Wave is one wave of a rollout.
type Wave struct {
	Number int       `json:"wave"`
	Began  time.Time `json:"began"`
	Done   time.Time `json:"done"`
	Told   string    `json:"told"`
}

// Member is one instance of a rollout.
type Member struct {
	DBInstanceID string `json:"DBInstanceId"`
	State        string `json:"state"`
	Wave         int    `json:"wave"`
	Told         string `json:"told"`
}

// Told is when what was published of a rollout.
type Told struct {
	Halted time.Time `json:"halted"`
	Report time.Time `json:"report"`
}

// Message is one request.
type Message struct {
	ID      string    `json:"id"`
	Answer  string    `json:"answer"`
	Rollout string    `json:"rollout"`
	Told    time.Time `json:"told"`
}

// Archive is a rollout that is over, in an object of its own.
type Archive struct {
	Key      string    `json:"-"`
	Text     []byte    `json:"-"`
	Rollout  Rollout   `json:"rollout"`
	Messages []Message `json:"messages"`
}

// Settled reports whether nothing is to be done any more: each request was answered, and each rollout has ended and is in its archive.
func (d Document) Settled() bool {
	for _, m := range d.Messages {
		if m.Told.IsZero() {
			return false
		}
	}
	for _, r := range d.Rollouts {
		if r.Archived.IsZero() {
			return false
		}
	}
	return true
}

// Document reads the newest document, and checks it against its schema.
func (s *Stack) Document() (d Document, err error) {
	all := s.OSS.Objects(StatePrefix + "/state/")
	if len(all) == 0 {
		return d, errors.New("there is no document in " + StateBucket)
	}
	newest := all[len(all)-1] // the numbers have leading zeros
	d.Key, d.Size = newest.Key, newest.Size
	d.Text, err = read(newest.Content, schema.CheckState, &d)
	if err != nil {
		err = fmt.Errorf("oss://%s/%s: %w", StateBucket, d.Key, err)
	}
	return d, err
}

// Archives reads the archives of rollouts, and checks them against their schema.
func (s *Stack) Archives() (all []Archive, err error) {
	for _, o := range s.OSS.Objects(StatePrefix + "/rollouts/") {
		a := Archive{Key: o.Key}
		if a.Text, err = read(o.Content, schema.CheckArchive, &a); err != nil {
			return nil, fmt.Errorf("oss://%s/%s: %w", StateBucket, o.Key, err)
		}
		all = append(all, a)
	}
	return all, nil
}

// StateWrites returns how often the document was written after the first time.
func (s *Stack) StateWrites() int { return len(s.OSS.Objects(StatePrefix+"/state/")) - 1 }

// ObjectURL returns the address at which an object of the bucket can be read here without a signature.
func (s *Stack) ObjectURL(key string) string {
	return s.OSSURL + "/_local/objects/" + StateBucket + "/" + strings.TrimPrefix(key, "/")
}

// read decodes an object.
func read(object []byte, check func([]byte) error, into any) (text []byte, err error) {
	if text, err = Unpack(object); err != nil {
		return nil, err
	}
	if err := check(text); err != nil {
		return nil, err
	}
	return text, json.Unmarshal(text, into)
}

// Unpack returns the text of an object: a large one is compressed.
func Unpack(object []byte) ([]byte, error) {
	if !bytes.HasPrefix(object, []byte{0x1f, 0x8b}) {
		return object, nil
	}
	zip, err := gzip.NewReader(bytes.NewReader(object))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(zip)
}
