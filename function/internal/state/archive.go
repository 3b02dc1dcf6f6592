package state

import (
	"cmp"
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

// DecodeArchive reads an archive as it is stored. An error names the path of what is wrong.
func DecodeArchive(object []byte) (*Archive, error) { return decode(object, &Archive{}) }

// Sort puts the lists of the archive into the order in which they are written.
func (a *Archive) Sort() {
	a.Rollout.sort()
	slices.SortFunc(a.Messages, compare)
}

func (a *Archive) check() *flaw {
	if f := cmp.Or(checkValues(a), checkVersion(a.Version)); f != nil {
		return f
	}
	f := cmp.Or(a.Rollout.check().in("rollout"), checkList(a.Messages).in("messages"))
	if f == nil && !a.Rollout.AllTold() {
		f = flawed("has not ended, or not everything about it has been published").in("rollout")
	}
	return f
}
