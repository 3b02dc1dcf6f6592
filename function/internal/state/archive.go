package state

import (
	"slices"
	"time"
)

// Archive is a rollout that is over, with everything that was asked, called and published, in an object of its own. It is written once.
type Archive struct {
	// Version is the version of the format, as in a document.
	Version int `json:"version"`
	// Written is when the archive was made.
	Written time.Time `json:"written"`
	// By is the request id of the invocation that made it.
	By string `json:"by"`
	// Rollout is the rollout.
	Rollout *Rollout `json:"rollout"`
	// Messages are the requests that began it, joined it or stopped it.
	Messages []*Message `json:"messages,omitempty"`
}

// ArchiveOf returns the archive of a rollout of the document.
func (d *Document) ArchiveOf(r *Rollout) *Archive {
	a := &Archive{Version: Version, Written: d.Written, By: d.By, Rollout: r}
	for _, m := range d.Messages {
		if m.Rollout == r.ID {
			a.Messages = append(a.Messages, m)
		}
	}
	return a
}

// EncodeArchive returns an archive as it is stored.
func EncodeArchive(a *Archive) ([]byte, error) {
	if f := a.check(); f != nil {
		return nil, f
	}
	if f := a.Rollout.checkJSON().in("request").in("rollout"); f != nil {
		return nil, f
	}
	return pack(a)
}

// DecodeArchive reads an archive as it is stored. An error names the path of what is wrong.
func DecodeArchive(object []byte) (*Archive, error) {
	a := &Archive{}
	if err := decode(object, a); err != nil {
		return nil, err
	}
	a.Rollout.sort()
	slices.SortFunc(a.Messages, compareMessages)
	if f := a.check(); f != nil {
		return nil, f
	}
	return a, nil
}

func (a *Archive) check() *flaw {
	f := checkValues(a)
	switch {
	case f != nil:
		return f
	case a.Version != Version:
		return flawed("is %d: want %d", a.Version, Version).in("version")
	}
	if f := a.Rollout.check(); f != nil {
		return f.in("rollout")
	}
	if !a.Rollout.AllTold() {
		return flawed("has not ended, or not everything about it has been published").in("rollout")
	}
	return checkMessages(a.Messages)
}
