package events_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rds-kernel-upgrade/events"
)

// aYear is the last SwitchTime that is taken.
var aYear = now.Add(365 * 24 * time.Hour)

// maxErrorText is far below the 64 KB of a notification, in which JSON writes it, and far above what people cause.
const maxErrorText = 32 << 10

func seed(f *testing.F) {
	f.Helper()
	for _, folder := range []string{samples, samples + "/invalid"} {
		for _, event := range readSamples(f, folder) {
			f.Add(event)
		}
	}
}

// seedBodies adds the requests inside the samples, since no change of a byte would find its way through an envelope.
func seedBodies(f *testing.F) {
	f.Helper()
	for _, event := range readSamples(f, samples) {
		messages, err := events.Decode(event)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range messages {
			f.Add(m.Body)
		}
	}
	for _, record := range readPublished(f) {
		f.Add(record)
		f.Add([]byte(`{"kind":"advisory","advisory":` + string(record) + `}`))
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
	if len(m.Source) > 256 || len(m.ID) > 2*256+1 || strings.ContainsFunc(m.Source+m.ID, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("got a name that is long or does not print in %+v", m)
	}
	if _, err := json.Marshal(m.Published); err != nil {
		t.Error(err)
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
	seedBodies(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := events.Parse(body, now)
		again, errAgain := events.Parse(body, now)
		if !cmp.Equal(r, again) || (err == nil) != (errAgain == nil) || err != nil && err.Error() != errAgain.Error() {
			t.Errorf("got %+v, %v and then %+v, %v", r, err, again, errAgain)
		}
		if err != nil {
			checkErrorText(t, err)
			if !errors.As(err, new(*events.Invalid)) || !reflect.DeepEqual(r, events.Request{}) {
				t.Errorf("got %+v and %v, want Invalid alone", r, err)
			}
			return
		}
		checkRequest(t, r)
	})
}

func checkRequest(t *testing.T, r events.Request) {
	t.Helper()
	if r.Mode != "" && r.Mode != events.Apply && r.Mode != events.Plan {
		t.Errorf("got the mode %q", r.Mode)
	}
	if r.PlanHash != "" && (len(r.PlanHash) != 32 || r.Mode == events.Plan) {
		t.Errorf("got the planHash %q with the mode %q", r.PlanHash, r.Mode)
	}
	remember(t, r)
	fleet := r.Kind == events.KindAdvisory || r.Kind == events.KindSweep
	if fleet != (r.Fleet != nil) || (r.Kind == events.KindStop) != (r.Stop != nil) || r.Kind != events.KindUpgrade && r.Upgrade != (events.Upgrade{}) {
		t.Errorf("got %+v, want what belongs to its kind", r)
	}
	switch r.Kind {
	case events.KindUpgrade:
		checkUpgrade(t, r.Upgrade)
	case events.KindAdvisory, events.KindSweep:
		checkFleet(t, *r.Fleet)
		if (r.Kind == events.KindAdvisory) != (r.Fleet.Advisory != nil) {
			t.Errorf("got %+v of kind %s", r.Fleet, r.Kind)
		}
	case events.KindStop:
		checkStop(t, *r.Stop)
	case events.KindTick, events.KindStatus:
	default:
		t.Errorf("got the kind %q", r.Kind)
	}
}

func checkStop(t *testing.T, s events.Stop) {
	t.Helper()
	if (s.Rollout == "") == (s.Advisory == "") || len(s.Advisory) > 128 {
		t.Errorf("got %+v, want exactly one id", s)
	}
	if s.Rollout != "" && (len(s.Rollout) != 16 || strings.Trim(s.Rollout, "0123456789abcdef") != "") {
		t.Errorf("got the rollout %q", s.Rollout)
	}
}

// remember writes a request as a rollout does, and reads it again.
func remember(t rapid.TB, r events.Request) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var again events.Request
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, again); diff != "" {
		t.Errorf("%s is remembered as another (-want +got)\n%s", text, diff)
	}
}

func checkFleet(t *testing.T, f events.Fleet) {
	t.Helper()
	if len(f.Select.RegionIDs) > 20 || len(f.Select.Tags) > 4 || len(f.Select.DBInstanceIDs) > 100 {
		t.Errorf("got %+v", f.Select)
	}
	if (f.Schedule.UpgradeTime == events.SpecifyTime) != f.Schedule.SwitchTime.After(now) || f.Schedule.SwitchTime.After(aYear) {
		t.Errorf("got %+v", f.Schedule)
	}
	for _, w := range append([]events.Wave{{Tags: f.Select.Tags}}, f.Rollout.Waves...) {
		for key, tag := range w.Tags {
			if strings.ContainsFunc(key+tag, func(r rune) bool { return !unicode.IsPrint(r) || unicode.Is(unicode.Variation_Selector, r) }) {
				t.Errorf("got the tag %q: %q, which does not show as it is", key, tag)
			}
		}
	}
	percent := 0.0
	for _, w := range f.Rollout.Waves {
		if (len(w.Tags) > 0) == (w.Percent > 0) || len(w.Tags) > 4 || percent == 100 || w.Percent > 0 && w.Percent <= percent {
			t.Errorf("got the waves %+v", f.Rollout.Waves)
		}
		percent = max(percent, w.Percent)
	}
	if len(f.Rollout.Waves) > 0 && percent != 100 {
		t.Errorf("got the waves %+v, which leave instances out", f.Rollout.Waves)
	}
	if b := f.Rollout.Bake; b != nil && (*b < 0 || *b > 30*24*time.Hour) || f.Rollout.MaxFailures < 0 || f.Rollout.MaxFailures > 1000 {
		t.Errorf("got %+v", f.Rollout)
	}
	if f.Advisory != nil {
		checkAdvisory(t, *f.Advisory)
	}
}

func checkAdvisory(t *testing.T, a events.Advisory) {
	t.Helper()
	if text, err := json.Marshal(a); err != nil || len(text) > 24<<10 || len(a.Affected) == 0 || a.ID == "" {
		t.Errorf("got %d bytes of %+v, %v", len(text), a, err)
	}
	for _, e := range a.Affected {
		known := e.FixedIn != "" || len(e.Ranges) > 0 || len(e.Versions) > 0
		if e.Engine != "MySQL" && e.Engine != "PostgreSQL" || known == (e.Unknown != "") {
			t.Errorf("got %+v", e)
		}
	}
}

func checkUpgrade(t *testing.T, u events.Upgrade) {
	t.Helper()
	if u.DBInstanceID == "" || len(u.DBInstanceID) > 64 || len(u.RegionID) > 128 || len(u.TargetMinorVersion) > 64 {
		t.Errorf("got %+v", u)
	}
	if strings.ContainsFunc(u.DBInstanceID+u.RegionID+u.TargetMinorVersion, func(r rune) bool { return r > unicode.MaxASCII }) {
		t.Errorf("got %+v, which has other characters than those of ASCII", u)
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
		if !u.SwitchTime.After(now) || u.SwitchTime.After(aYear) || u.SwitchTime.Location() != time.UTC {
			t.Errorf("got the SwitchTime %s", u.SwitchTime)
		}
	default:
		t.Errorf("got the UpgradeTime %q", u.UpgradeTime)
	}
}

func checkErrorText(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	coded, _ := json.Marshal(text)
	if len(coded) > maxErrorText {
		t.Errorf("got %d bytes of error text", len(coded))
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		t.Errorf("got the error text %q", text)
	}
}

func FuzzAdvisory(f *testing.F) {
	seedBodies(f)
	f.Fuzz(func(t *testing.T, advisory []byte) {
		r, err := events.Parse([]byte(`{"kind":"advisory","advisory":`+string(advisory)+`}`), now)
		if err != nil {
			checkErrorText(t, err)
			return
		}
		checkRequest(t, r)
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, text := range []string{"90s", "5m", "6h", "14d", "1d12h", "0", "", "d", "-1h", "1d-1h", "1.5h", "65536d", "1572864h", "1572863h59m59.999999999s", "2562047h"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := events.ParseDuration(text)
		if err != nil {
			checkErrorText(t, err)
			return
		}
		const day = 24 * time.Hour
		for _, form := range []string{d.String(), fmt.Sprintf("%dd%s", d/day, d%day)} {
			if again, err := events.ParseDuration(form); err != nil || again != d {
				t.Errorf("%q is %v, but %s is %v, %v", text, d, form, again, err)
			}
		}
	})
}
