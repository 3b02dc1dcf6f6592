package main

import (
	"context"
	"reflect"

	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// documents reads and writes the document for one invocation.
type documents struct {
	store   *state.Store
	newest  *state.Document // that the invocation knows
	number  *int64          // of the newest one that the process has seen
	setting func() plan.Setting
	log     journal
}

// maxTries is how often one invocation decides anew because others have written meanwhile. After that the next tick goes on.
const maxTries = 5

// load reads the newest document.
func (d *documents) load(ctx context.Context) error {
	document, err := d.store.Load(ctx)
	if err == nil {
		d.newest, *d.number = document, document.Number
	}
	return err
}

// save writes what was decided as the document after the newest one that is known. What has not changed is not written, unless it is old: the
// bucket removes old documents.
func (d *documents) save(ctx context.Context, p *plan.Plan) error {
	p.Tidy()
	p.Document.Sort()
	same := reflect.DeepEqual(d.newest, p.Document) || state.Equal(d.newest, p.Document) // the second writes both as JSON, and decides
	if same && !d.newest.Old(p.Now) {
		return nil
	}
	p.Document.Written = p.Now
	if err := d.store.Save(ctx, p.Document); err != nil {
		return err
	}
	d.newest, *d.number = p.Document, p.Document.Number
	d.log.Info("state", "number", p.Document.Number)
	return nil
}

// change changes the document. Where another invocation has written meanwhile, nothing of what was decided holds: the change is made anew, to what
// that one has written.
func (d *documents) change(ctx context.Context, what func(*plan.Plan)) error {
	for tries := 1; ; tries++ {
		p := plan.On(d.newest, d.setting())
		what(p)
		err := d.save(ctx, p)
		if err == nil || !state.Conflicts(err) || tries == maxTries {
			return err
		}
		if err := d.load(ctx); err != nil {
			return err
		}
	}
}

// archive puts the rollouts that are over, and of which everything was published, into objects of their own. What cannot be written now is
// written by a later invocation.
func (d *documents) archive(ctx context.Context, p *plan.Plan) {
	for _, rollout := range p.Document.ToArchive() {
		account := p.Document.ArchiveOf(rollout)
		account.Written = p.Now
		if err := d.store.Archive(ctx, account); err != nil {
			d.log.Warn("archive", "rollout", rollout.ID, "error", err.Error())
			continue
		}
		rollout.Archived = p.Now
		d.log.Info("archive", "rollout", rollout.ID, "key", d.store.ArchiveKey(rollout.ID))
	}
}
