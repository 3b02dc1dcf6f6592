package events_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/events"
)

// maxErrorText is far below the 64 KB of a notification, and far above what people cause.
const maxErrorText = 48 << 10 // a hundred problems fit into one message of MNS

func seed(f *testing.F) {
	f.Helper()
	for _, folder := range []string{samples, samples + "/invalid"} {
		for _, event := range readSamples(f, folder) {
			f.Add(event)
		}
	}
}

func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, event []byte) {
		messages, err := events.Decode(event)
		if err != nil {
			checkErrorText(t, err)
			if len(messages) > 0 || !errors.As(err, new(*events.Unrecognized)) {
				t.Errorf("got %d messages and %v, want Unrecognized alone", len(messages), err)
			}
			return
		}
		if len(messages) == 0 {
			t.Error("got no message and no error")
		}
		text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(string(event)), "\ufeff"))
		if len(messages) > 1 && !strings.HasPrefix(text, "[") {
			t.Error("got several messages from what is no array")
		}
		if strings.ContainsAny(text[:1], "[{") && !json.Valid([]byte(text)) {
			t.Error("took what is not JSON")
		}
		for _, m := range messages {
			checkMessage(t, m)
		}
	})
}

func checkMessage(t *testing.T, m events.Message) {
	t.Helper()
	if (m.Err == nil) != (m.Body != nil) {
		t.Errorf("got %+v, want either a body or an error", m)
	}
	if m.Err != nil {
		checkErrorText(t, m.Err)
		return
	}
	if !utf8.Valid(m.Body) || m.Body[0] != '{' || len(m.Body) > 65_536 {
		t.Errorf("got the body %q", m.Body)
	}
	if len(m.Source) > 256 || len(m.ID) > 2*256+1 {
		t.Errorf("got a long name in %+v", m)
	}
	coded, err := json.Marshal(map[string]any{
		"TopicName": "t", "MessageId": "1", "Message": base64.StdEncoding.EncodeToString(m.Body),
	})
	if err != nil {
		t.Fatal(err)
	}
	again, err := events.Decode(coded)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Body) < 48<<10 && string(again[0].Body) != string(m.Body) {
		t.Errorf("plain %q is %q, %v in base64", m.Body, again[0].Body, again[0].Err)
	}
}

func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := events.Parse(body, now)
		again, errAgain := events.Parse(body, now)
		if !cmp.Equal(r, again) || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Errorf("got %+v, %v and then %+v, %v", r, err, again, errAgain)
		}
		if err != nil {
			checkErrorText(t, err)
			if !errors.As(err, new(*events.Invalid)) || r != (events.Request{}) {
				t.Errorf("got %+v and %v, want Invalid alone", r, err)
			}
			return
		}
		checkRequest(t, r)
	})
}

func checkRequest(t *testing.T, r events.Request) {
	t.Helper()
	if r.Kind != events.KindUpgrade {
		t.Errorf("got the kind %q", r.Kind)
	}
	if r.Mode != "" && r.Mode != events.Apply && r.Mode != events.Plan {
		t.Errorf("got the mode %q", r.Mode)
	}
	u := r.Upgrade
	if u.DBInstanceID == "" || len(u.DBInstanceID) > 64 || len(u.RegionID) > 128 || len(u.TargetMinorVersion) > 64 {
		t.Errorf("got %+v", u)
	}
	if strings.ContainsAny(u.DBInstanceID+u.RegionID+u.TargetMinorVersion, " /?&=%\"'\\\n@:#") {
		t.Errorf("got %+v, which is not safe in a URL", u)
	}
	switch u.UpgradeTime {
	case events.Immediate, events.MaintainTime:
		if !u.SwitchTime.IsZero() {
			t.Errorf("got a SwitchTime with %s", u.UpgradeTime)
		}
	case events.SpecifyTime:
		if !u.SwitchTime.After(now) || u.SwitchTime.Location() != time.UTC {
			t.Errorf("got the SwitchTime %s", u.SwitchTime)
		}
	default:
		t.Errorf("got the UpgradeTime %q", u.UpgradeTime)
	}
}

func checkErrorText(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	if len(text) > maxErrorText {
		t.Errorf("got %d bytes of error text", len(text))
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		t.Errorf("got the error text %q", text)
	}
}
