package state

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
)

// Objects is the part of a bucket that a Store uses. Every error is a *fault.Error.
type Objects interface {
	// Get returns an object. One that is missing is an error of kind NotFound; if the bucket itself is missing, the error's code is
	// NoSuchBucket, whatever its kind.
	Get(ctx context.Context, key string) ([]byte, error)
	// Create writes an object if there is none under its key, and reports whether it has. An error that is InDoubt means that nobody knows.
	Create(ctx context.Context, key string, body []byte) (created bool, err error)
	// Keys returns the first keys with a prefix that come after another one, in ascending order, at most most of them.
	Keys(ctx context.Context, prefix, after string, most int) ([]string, error)
	// Versioned reports whether the bucket has versioning, or has ever had it.
	Versioned(ctx context.Context) (bool, error)
}

// keys is the prefix of all keys of a store: it knows the keys under it, and the errors that name them.
type keys string

// Key returns the key of the document with a number.
func (k keys) Key(number int64) string { return fmt.Sprintf("%s%012d.json", k.folder(), number) }

// ArchiveKey returns the key of the archive of a rollout.
func (k keys) ArchiveKey(rollout string) string { return k.archives() + rollout + ".json" }

func (k keys) archives() string { return string(k) + "/rollouts/" }

func (k keys) folder() string { return string(k) + "/state/" }

// number returns the number in a key, 0 if it is no document's.
func (k keys) number(key string) int64 {
	digits := strings.TrimSuffix(strings.TrimPrefix(key, k.folder()), ".json")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || k.Key(n) != key {
		return 0
	}
	return n
}

// Store loads and saves the document in a bucket. It belongs to one invocation, which uses it one call at a time.
//
// Its errors are *fault.Error. One of kind Conflict means: load and decide anew, call nothing. After any other one nothing can be done in this
// invocation; its text says what an operator has to do.
type Store struct {
	keys
	objects Objects
	by      string
	nonce   func() string
	from    int64 // a number that is known to have existed, 0 if none is
	checked bool  // the bucket has no versioning
}

// New returns a store over a bucket. All its keys begin with the prefix. By is the request id of the invocation, which every document that it
// saves names. Every call of nonce must return another text, as crypto/rand.Text does.
func New(objects Objects, prefix, by string, nonce func() string) *Store {
	return &Store{keys: keys(prefix), objects: objects, by: by, nonce: nonce}
}

// From sets a number of which the process knows from an earlier invocation, so that the search for the newest one begins there.
func (s *Store) From(number int64) *Store {
	s.from = number
	return s
}

// Load returns the newest document. That there is none is an error: the first one is made by Begin only.
func (s *Store) Load(ctx context.Context) (*Document, error) {
	if err := s.checkVersioning(ctx); err != nil {
		return nil, err
	}
	number, stored, err := s.newest(ctx)
	if err != nil {
		return nil, err
	}
	d, err := Decode(stored)
	if err == nil && d.Number > number {
		err = flawed("is %d under this key", d.Number).in("number")
	}
	if err != nil {
		return nil, s.unreadable(number, err)
	}
	d.Number, s.from = number, number // a document that was restored from an older one has a smaller number inside
	return d, nil
}

// Save writes a document as the successor of the one that it was made from, unless that has another successor. It puts the document's lists in
// order. The caller has set Written. After success the document has its new number, nonce and writer, and is what a Load would return; otherwise
// these are as they were.
func (s *Store) Save(ctx context.Context, d *Document) error {
	if err := s.checkVersioning(ctx); err != nil {
		return err
	}
	if d.Number < 1 {
		return &fault.Error{Op: "state: save", Kind: fault.Internal, Message: "the document was not loaded"}
	}
	next := *d
	next.Version, next.Number, next.Nonce, next.By = Version, d.Number+1, s.nonce(), s.by
	next.Sort()
	stored, err := Encode(&next)
	if err != nil {
		return &fault.Error{Op: "state: save", Kind: fault.Internal, Message: "the next document would be wrong, so it was not written: " + err.Error()}
	}
	if err := s.create(ctx, s.Key(next.Number), stored); err != nil {
		return err
	}
	*d, s.from = next, next.Number
	return nil
}

// Begin makes the first document, if there is none, and reports whether it did. The function itself never calls it: an empty listing may also be
// a wrong bucket or a wrong prefix. Where rollouts have been archived there was a document, so that a new one is refused.
func (s *Store) Begin(ctx context.Context, written time.Time) (begun bool, err error) {
	if err := s.checkVersioning(ctx); err != nil {
		return false, err
	}
	number, err := s.search(ctx)
	if err != nil || number > 0 {
		return false, err
	}
	if err := s.checkArchives(ctx); err != nil {
		return false, err
	}
	d := &Document{Version: Version, Number: 1, Nonce: s.nonce(), Written: written, By: s.by}
	stored, err := Encode(d)
	if err != nil {
		return false, &fault.Error{Op: "state: begin", Kind: fault.Internal, Message: err.Error()}
	}
	err = s.create(ctx, s.Key(1), stored)
	if err != nil && Conflicts(err) && !fault.From(err).InDoubt {
		return false, nil // somebody else has begun
	}
	return err == nil, err
}

// Conflicts reports whether an error of Save means: load and decide anew, call nothing.
func Conflicts(err error) bool { return err != nil && fault.From(err).Kind == fault.Conflict }

// create writes an object if there is none, and finds out whether it did when the answer does not say. Every body has a nonce of its own, so
// equal bodies are one write.
func (s *Store) create(ctx context.Context, key string, body []byte) error {
	created, lost := s.objects.Create(ctx, key, body)
	switch {
	case lost == nil && created:
		return nil
	case lost != nil && !fault.From(lost).InDoubt:
		return s.trouble("write "+key, lost)
	}
	// That there is one already is no clear answer either: a client that has repeated its call may have written it the first time.
	stands, err := s.objects.Get(ctx, key)
	switch {
	case err == nil && bytes.Equal(stands, body):
		return nil
	case err == nil:
		return &fault.Error{Op: "state: write " + key, Kind: fault.Conflict, Message: "another invocation has written this number: load it, and decide again"}
	default:
		return unknown(key, lost, err)
	}
}

// Archive writes the archive of a rollout. One that is there already remains as it is.
func (s *Store) Archive(ctx context.Context, a *Archive) error {
	stored, err := encode(a)
	if err != nil {
		return &fault.Error{Op: "state: archive", Kind: fault.Internal, Message: "the archive would be wrong, so it was not written: " + err.Error()}
	}
	key := s.ArchiveKey(a.Rollout.ID)
	_, lost := s.objects.Create(ctx, key, stored)
	if lost == nil {
		return nil
	}
	if fault.From(lost).InDoubt {
		if _, err := s.objects.Get(ctx, key); err == nil {
			return nil
		}
	}
	return s.trouble("write "+key, lost)
}
