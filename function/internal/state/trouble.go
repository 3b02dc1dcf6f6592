package state

import (
	"context"
	"errors"
	"fmt"

	"rds-kernel-upgrade/function/internal/fault"
)

// noBucket is OSS's code for a bucket that does not exist.
const noBucket = "NoSuchBucket"

// missing reports whether an error says that an object does not exist, in a bucket that does.
func missing(err error) bool {
	return err != nil && fault.From(err).Kind == fault.NotFound && fault.From(err).Code != noBucket
}

// checkVersioning refuses a bucket in which a write could replace another one. It asks once.
func (s *Store) checkVersioning(ctx context.Context) error {
	if s.checked {
		return nil
	}
	versioned, err := s.objects.Versioned(ctx)
	switch {
	case err != nil:
		return s.trouble("ask for the bucket's versioning", err)
	case versioned:
		return &fault.Error{Op: "state: bucket", Kind: fault.Invalid, Message: "it has versioning, or once had it: there, OSS lets one writer replace what another one " +
			"has written, so nothing is called. Make a bucket without versioning, copy the newest object of " + s.folder() + " into it, and set STATE_BUCKET"}
	}
	s.checked = true
	return nil
}

// trouble returns the fault of a call to the bucket, with what is to be done about it.
func (k keys) trouble(what string, err error) error {
	f := *fault.From(err)
	if f.Op != "" {
		what += ": " + f.Op
	}
	f.Op, f.InDoubt = "state: "+what, false
	switch {
	case f.Code == noBucket, f.Kind == fault.NotFound: // an object that is missing is no trouble
		f.Message += "; without the bucket nothing is called: look at STATE_BUCKET and OSS_ENDPOINT, or make it (deploy/README.md)"
	case f.Kind == fault.Denied:
		f.Message += fmt.Sprintf("; without the document nothing is called: the function's role needs oss:GetObject and oss:PutObject on %s/*, "+
			"and oss:ListObjects and oss:GetBucketVersioning on the bucket (deploy/function-policy.json)", string(k))
	case f.Kind == fault.Conflict: // it would be taken for one of two writers
		f.Kind = fault.Unavailable
	case fault.Passing(&f):
		f.Message += "; without the document nothing is called, and Function Compute delivers the event again"
	}
	return &f
}

// checkArchives refuses to begin anew where a document has been lost.
func (s *Store) checkArchives(ctx context.Context) error {
	archives, err := s.objects.Keys(ctx, s.archives(), "", 1)
	switch {
	case err != nil:
		return s.trouble("list "+s.archives(), err)
	case len(archives) > 0:
		return &fault.Error{Op: "state: begin", Kind: fault.Invalid, Message: "there is no document in " + s.folder() + ", and there is an archive, " + archives[0] +
			": so there was one, and it was removed. Copy its newest number back. If nobody has it any more, begin anew under another STATE_PREFIX, " +
			"when no upgrade is in flight"}
	}
	return nil
}

// unreadable is the error about a document that was read and is not understood. It stays as it is, and nothing is written after it.
func (k keys) unreadable(number int64, err error) error {
	f := &fault.Error{Op: "state: read " + k.Key(number), Kind: fault.Invalid}
	var of newer
	if errors.As(err, &of) {
		f.Message = fmt.Sprintf("%v. Nothing is called. Deploy that version again, or %s", err, k.restore(number))
		return f
	}
	f.Message = fmt.Sprintf("the document is broken: %v. It stays as it is, and nothing is called. Mend a copy, and store it as %s, or %s", err, k.Key(number+1), k.restore(number))
	return f
}

// restore says how to go back to the document before one.
func (k keys) restore(number int64) string {
	if number == 1 {
		return "begin anew under another STATE_PREFIX"
	}
	return fmt.Sprintf("go back to the document before it: copy %s to %s", k.Key(number-1), k.Key(number+1))
}

// unknown is the error about a write of which nobody knows whether it happened. It may still happen.
func unknown(key string, lost, err error) error {
	f := &fault.Error{Op: "state: write " + key, Kind: fault.Conflict, InDoubt: true}
	f.Message = "nobody knows whether it was written: load, decide again, and call nothing: "
	if lost != nil {
		f.Message += lost.Error() + "; then "
	}
	f.Message += err.Error()
	return f
}
