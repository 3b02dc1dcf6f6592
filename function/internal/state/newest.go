package state

import (
	"context"

	"rds-kernel-upgrade/function/internal/fault"
)

// pageSize is how many keys one listing returns: as many as OSS allows.
const pageSize = 1000

// newest returns the document with the greatest number, as it is stored. A listing may be a little behind, so the numbers after it are read too,
// until one is missing.
func (s *Store) newest(ctx context.Context) (number int64, stored []byte, err error) {
	number, err = s.search(ctx)
	if err != nil {
		return 0, nil, err
	}
	if number == 0 {
		return 0, nil, &fault.Error{Op: "state: list " + s.folder(), Kind: fault.NotFound, Message: "there is no document, so nothing is called. " +
			"If there was one, STATE_BUCKET or STATE_PREFIX is wrong, or it was removed: then copy it back. " +
			"If this function has never run, make the first one: make deploy does"}
	}
	for listed := number; number-listed <= pageSize; number++ {
		next, err := s.objects.Get(ctx, s.Key(number))
		switch {
		case missing(err) && number > listed:
			return number - 1, stored, nil
		case missing(err) && number == s.from:
			s.from = 0 // the bucket was emptied since then
			return s.newest(ctx)
		case missing(err):
			f := &fault.Error{Op: "state: read " + s.Key(number), Kind: fault.Unavailable, Code: fault.From(err).Code, RequestID: fault.From(err).RequestID}
			f.Message = "it is listed and cannot be read. If this does not pass, it was removed: copy it back. Nothing is called"
			return 0, nil, f
		case err != nil:
			return 0, nil, s.trouble("read "+s.Key(number), err)
		}
		stored = next
	}
	return 0, nil, &fault.Error{Op: "state: read " + s.Key(number), Kind: fault.Unavailable, Message: "there is a next document after each one, " +
		"and the listing has none of them: something answers in place of OSS. Look at OSS_ENDPOINT. Nothing is called"}
}

// search returns the greatest number that a listing shows, 0 if there is none. The history may have many thousands, so that it leaps: twice as
// far each time as long as there is something behind, and back by half when there is nothing.
func (s *Store) search(ctx context.Context) (int64, error) {
	last, leap := s.from, int64(0)
	for {
		found, more, err := s.list(ctx, last+leap)
		switch {
		case err != nil:
			return 0, s.trouble("list "+s.folder(), err)
		case found > 0 && !more:
			return found, nil
		case found > 0:
			last, leap = found, max(pageSize, 2*leap)
		case leap == 0:
			return last, nil
		case leap <= pageSize:
			leap = 0
		default:
			leap /= 2
		}
	}
}

// list returns the greatest number on the first page after another number, 0 if nothing comes after it, and reports whether there may be more.
func (s *Store) list(ctx context.Context, number int64) (found int64, more bool, err error) {
	after := s.Key(number)
	for {
		keys, err := s.objects.Keys(ctx, s.folder(), after, pageSize)
		if err != nil {
			return 0, false, err
		}
		for _, key := range keys {
			found = max(found, s.number(key))
		}
		more = len(keys) >= pageSize
		if found > 0 || !more {
			return found, more, nil
		}
		after = keys[len(keys)-1] // a whole page of objects that are no documents
	}
}
