package upgrade

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"rds-kernel-upgrade/events"
)

const (
	// maxBody is the largest message that the queue takes, less what its XML may need.
	maxBody = 60_000
	// plainBody is how long a follow-up may be so that people can read it on the queue. A longer one is packed: each wave reads the whole
	// fleet, so the more instances one message remembers, the fewer calls a rollout makes.
	plainBody = 8_000
	// maxUnpacked bounds what a packed message may hold: a hundred times more could be packed into one by somebody else.
	maxUnpacked = 1 << 20
	// flightSize bounds what one more instance in flight adds to a packed message, finished or proven later on included, but for the
	// details of failures, which are left out if there is no room for them.
	flightSize = 110
)

// MaxSeq is more follow-ups than a rollout can have.
const MaxSeq = 1 << 30

// packed is a follow-up that is too long to be sent as it is.
type packed struct {
	Kind   string `json:"kind"`
	ID     string `json:"rollout"`
	Seq    int    `json:"seq"`
	Packed []byte `json:"packed"` // the message, as gzip
}

// ParseFollowUp reads a follow-up's message. It is strict: what this version does not know, it must not lose.
func ParseFollowUp(body string) (*Rollout, error) {
	r, err := parseFollowUp([]byte(body))
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return nil, fmt.Errorf("follow-up: %w", err)
	}
	return r, nil
}

func parseFollowUp(body []byte) (*Rollout, error) {
	r, outer := &Rollout{}, packed{}
	if strict(body, &outer) != nil || len(outer.Packed) == 0 {
		return r, strict(body, r)
	}
	text, err := unpack(outer.Packed)
	if err != nil {
		return nil, fmt.Errorf("packed: %w", err)
	}
	if err := strict(text, r); err != nil {
		return nil, err
	}
	if outer.ID != r.ID || outer.Seq != r.Seq {
		return nil, fmt.Errorf("it says rollout %.64q, seq %d, and holds rollout %.64q, seq %d", outer.ID, outer.Seq, r.ID, r.Seq)
	}
	return r, nil
}

func (r *Rollout) check() error {
	switch {
	case r.Kind != followUp || r.ID == "":
		return fmt.Errorf("kind %.64q, rollout %.64q: want a message that this function has sent", r.Kind, r.ID)
	case r.Request.Kind != events.KindUpgrade && r.Request.Fleet == nil:
		return fmt.Errorf("rollout %s has no request", r.ID)
	case r.Seq < 0 || r.Seq >= MaxSeq:
		return fmt.Errorf("seq %d: want 0 or more, and less than %d", r.Seq, MaxSeq)
	default:
		return nil
	}
}

// strict reads one JSON value with no unknown fields and nothing behind it.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something stands behind it")
	}
	return nil
}

func unpack(data []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(reader, maxUnpacked+1))
	if err == nil && len(text) > maxUnpacked {
		err = fmt.Errorf("it holds more than %d bytes", maxUnpacked)
	}
	return text, err
}

// Body is the follow-up's message.
func (r *Rollout) Body() (string, error) {
	body, err := r.body()
	if err == nil && len(body) > maxBody {
		body, err = r.bare().body()
	}
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("follow-up: %d bytes are more than a message holds", len(body))
	}
	return string(body), err
}

// bare is the rollout without the details of what has failed, which were told.
func (r *Rollout) bare() *Rollout {
	bare := *r
	bare.Finished = slices.Clone(r.Finished)
	for n := range bare.Finished {
		bare.Finished[n].Detail = ""
	}
	return &bare
}

// body is the message, packed if it is long. Packing costs a megabyte for a moment, which a short one is spared.
func (r *Rollout) body() ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil || len(text) <= plainBody {
		return text, err
	}
	var data bytes.Buffer
	w := gzip.NewWriter(&data)
	_, err = w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return json.Marshal(packed{r.Kind, r.ID, r.Seq, data.Bytes()})
}

// Room gives how many instances may be in flight so that the follow-up stays a message.
func (r *Rollout) Room() int {
	body, err := r.bare().body()
	if err != nil {
		return 0
	}
	return max(0, (maxBody-len(body))/flightSize)
}
