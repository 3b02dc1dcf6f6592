package fakerds_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/local/wire"
)

func transcripts(t *testing.T) []wire.Transcript {
	t.Helper()
	all, err := wire.Load("../../testdata/wire/rds")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryTranscriptSaysWhereItComesFrom(t *testing.T) {
	for _, transcript := range transcripts(t) {
		if transcript.Meta["source"] == "" {
			t.Errorf("%s: no source", transcript.Name)
		}
	}
}

func TestSignaturesOfTheTranscripts(t *testing.T) {
	count := map[string]int{}
	for _, transcript := range transcripts(t) {
		r, body, err := transcript.Request()
		if err != nil {
			t.Fatal(err)
		}
		if r == nil {
			continue
		}
		count[transcript.Meta["method"]]++
		t.Run(transcript.Name, func(t *testing.T) {
			want, secret := transcript.Meta["signature"], transcript.Meta["secret"]
			if transcript.Meta["method"] == acs3.Algorithm {
				clock := rig.NewClock(at(t, transcript))
				keys := sts.NewKeyring(clock.Now, sts.Key{ID: transcript.Meta["key"], Secret: secret})
				if _, refusal := acs3.Verify(r, body, keys, clock.Now()); refusal != nil {
					t.Error(refusal)
				}
				return
			}
			if got := fakerds.Sign(r.Method, parameters(t, r, body), secret); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	if count["HMAC-SHA1"] < 10 || count[acs3.Algorithm] < 1 {
		t.Errorf("signatures checked: %v", count)
	}
}

func parameters(t *testing.T, r *http.Request, body []byte) url.Values {
	t.Helper()
	all := r.URL.Query()
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	for name := range form {
		all.Set(name, form.Get(name))
	}
	return all
}

func at(t *testing.T, transcript wire.Transcript) time.Time {
	t.Helper()
	now, err := time.Parse(time.RFC3339, transcript.Meta["now"])
	if err != nil {
		t.Fatal(err)
	}
	return now
}

func TestAnswersHaveTheShapeOfTheTranscripts(t *testing.T) {
	compared := 0
	for _, transcript := range transcripts(t) {
		r, _, err := transcript.Request()
		if err != nil {
			t.Fatal(err)
		}
		status, header, body, err := transcript.Response()
		if err != nil {
			t.Fatal(err)
		}
		if r == nil || status == 0 {
			continue
		}
		compared++
		t.Run(transcript.Name, func(t *testing.T) {
			w := httptest.NewRecorder()
			serverFor(t, transcript).ServeHTTP(w, r)
			if w.Code != status || w.Header().Get("Content-Type") != header.Get("Content-Type") {
				t.Fatalf("got %d %s, want %d %s: %s", w.Code, w.Header().Get("Content-Type"), status, header.Get("Content-Type"), w.Body)
			}
			if diff := cmp.Diff(shape(t, body), shape(t, w.Body.Bytes())); diff != "" {
				t.Errorf("shape (-transcript +fake):\n%s", diff)
			}
			if diff := cmp.Diff(versionsIn(body), versionsIn(w.Body.Bytes())); diff != "" {
				t.Errorf("versions (-transcript +fake):\n%s", diff)
			}
		})
	}
	if compared < 12 {
		t.Errorf("only %d transcripts compared", compared)
	}
}

// versionsIn returns the versions that an answer lists, if it does.
func versionsIn(body []byte) (versions []string) {
	var list struct {
		MinorVersionItems []struct{ MinorVersion string }
	}
	if json.Unmarshal(body, &list) != nil {
		return nil
	}
	for _, item := range list.MinorVersionItems {
		versions = append(versions, item.MinorVersion)
	}
	return versions
}

// serverFor has the clock, the key and the fleet that the transcript names.
func serverFor(t *testing.T, transcript wire.Transcript) *fakerds.Server {
	t.Helper()
	meta := transcript.Meta
	clock := rig.NewClock(at(t, transcript))
	key := sts.Key{ID: meta["key"], Secret: meta["secret"], Token: meta["token"], Expires: clock.Now().Add(time.Hour)}
	c := &cloud{clock: clock, key: key, keys: sts.NewKeyring(clock.Now, key)}
	c.Server = fakerds.New(fakerds.Options{Now: clock.Now, Keys: c.keys, NumericTaskID: meta["numericTaskId"] == "true"})
	if meta["fleet"] != "" {
		if err := c.Load(strings.NewReader(meta["fleet"])); err != nil {
			t.Fatal(err)
		}
	}
	if id := meta["upgrade"]; id != "" {
		c.ok(t, "UpgradeDBInstanceKernelVersion", params("DBInstanceId", id))
	}
	return c.Server
}

// shape gives the paths of a JSON or XML text, each with the kind of value at its end. List positions do not count.
func shape(t *testing.T, text []byte) []string {
	t.Helper()
	paths := map[string]bool{}
	if text[0] == '<' {
		xmlPaths(t, string(text), paths)
	} else {
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		jsonPaths(value, "", paths)
	}
	all := []string{}
	for path := range paths {
		all = append(all, path)
	}
	slices.Sort(all)
	return all
}

func jsonPaths(value any, path string, paths map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			jsonPaths(inner, path+"."+name, paths)
		}
	case []any:
		paths[path+"[]"] = true
		for _, inner := range v {
			jsonPaths(inner, path+"[]", paths)
		}
	default:
		paths[fmt.Sprintf("%s %T", path, value)] = true
	}
}

func xmlPaths(t *testing.T, text string, paths map[string]bool) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	var open []string
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
			paths[strings.Join(open, "/")] = true
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
}

func TestRootOfXMLAnswersIsTheActionsNameAndResponse(t *testing.T) {
	c := newCloud(t)
	c.Add(mysql("rm-1"))
	for _, transcript := range transcripts(t) {
		_, _, body, err := transcript.Response()
		if action := transcript.Meta["action"]; err == nil && action != "" {
			if want := action + "Response"; shape(t, body)[0] != want {
				t.Errorf("%s: root %s, want %s", transcript.Name, shape(t, body)[0], want)
			}
		}
	}
	own := params("Format", "XML", "RegionId", "cn-hangzhou", "DBInstanceId", "rm-1", "ResourceType", "INSTANCE", "ResourceId.1", "rm-1",
		"TagKey.1", "k", "FromStartTime", "2026-11-01T00:00:00Z", "ToStartTime", "2026-11-30T00:00:00Z")
	for _, action := range fakerds.Actions() {
		if action == "TagResources" {
			own["Tag.1.Key"] = "k"
		} else {
			delete(own, "Tag.1.Key")
		}
		if action == "ListTagResources" || action == "UntagResources" {
			delete(own, "Tag.1.Key")
		}
		w := c.send(action, own)
		if want := "<?xml version='1.0' encoding='UTF-8'?><" + action + "Response>"; !strings.HasPrefix(w.Body.String(), want) {
			t.Errorf("%s: %d %s", action, w.Code, w.Body)
		}
	}
}
