package fakeoss_test

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
	"rds-kernel-upgrade/local/wire"
)

// transcripts loads testdata/wire/oss: those with a signature of their own, and the rest.
func transcripts(t *testing.T) (signed, plain []wire.Transcript) {
	t.Helper()
	all, err := wire.Load("../../testdata/wire/oss")
	must(t, err)
	for _, transcript := range all {
		if transcript.Meta["secret"] != "" {
			signed = append(signed, transcript)
		} else {
			plain = append(plain, transcript)
		}
	}
	return signed, plain
}

// requestOf returns a transcript's request as a server gets it.
func requestOf(t *testing.T, transcript wire.Transcript) *http.Request {
	t.Helper()
	r, body, err := transcript.Request()
	must(t, err)
	if r.Header.Get("Content-Length") == "" && len(body) > 0 {
		t.Fatalf("%s: a body without its length", transcript.Name)
	}
	return r.WithContext(t.Context())
}

func TestPublishedSignaturesVerify(t *testing.T) {
	t.Parallel()
	signed, _ := transcripts(t)
	if len(signed) != 21 {
		t.Errorf("%d signed transcripts, want 9 vectors and 12 measured requests", len(signed))
	}
	for _, transcript := range signed {
		t.Run(transcript.Name, func(t *testing.T) {
			t.Parallel()
			meta := transcript.Meta
			now, err := time.Parse(time.RFC3339, meta["now"])
			must(t, err)
			c := rig.NewClock(now)
			for secret, refused := range map[string]bool{meta["secret"]: false, "another": true} {
				keys := sts.NewKeyring(c.Now, sts.Key{ID: meta["key"], Secret: secret, Token: meta["token"], Expires: now.Add(time.Hour)})
				s := fakeoss.New(fakeoss.Options{Now: c.Now, Keys: keys, Region: region})
				must(t, s.CreateBucket(meta["bucket"], fakeoss.BucketOptions{}))
				got := send(t, s, requestOf(t, transcript))
				if (got.text("Code") == "SignatureDoesNotMatch") != refused || s.Calls()[0].AccessKeyID != "" == refused {
					t.Errorf("with secret %s: %d %s", secret, got.status, got.body)
				}
			}
		})
	}
}

// stage is a cloud for one transcript.
func stage(t *testing.T, transcript wire.Transcript) *cloud {
	t.Helper()
	meta, home := transcript.Meta, region
	if meta["region"] != "" {
		home = meta["region"]
	}
	c := start(t, func(o *fakeoss.Options) { o.Region = home })
	must(t, c.CreateBucket(meta["bucket"], fakeoss.BucketOptions{Versioning: meta["versioning"]}))
	for key := range strings.FieldsSeq(meta["objects"]) {
		must(t, c.Store(meta["bucket"], key, []byte(key)))
	}
	if key := meta["deleted"]; key != "" {
		c.ask(t, "DELETE", meta["bucket"]+"/"+key, "").want(t, 204, "", "")
	}
	return c
}

// spoil brings about what a transcript's answer refuses.
func spoil(c *cloud, name string, r *http.Request) {
	replace := func(from, to string) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), from, to, 1))
	}
	switch name {
	case "error-region":
		r.Header.Set("Authorization", "OSS4-HMAC-SHA256 Credential=testid/20261122/beijing/oss/aliyun_v4_request,Signature=0")
	case "error-access-key":
		replace("testid", "nobody")
	case "error-token-missing":
		replace("testid", c.keys.Issue(time.Hour).ID)
	case "error-token-expired":
		key := c.keys.Issue(time.Hour)
		c.keys.ExpireAll()
		replace("testid", key.ID)
		r.Header.Set("x-oss-security-token", key.Token)
	case "error-time-skewed":
		c.Advance(20 * time.Minute)
	case "error-signature":
		r.Header.Set("Authorization", "OSS testid:y5H7yzPsA/tP4+0tH1HHvPEwUv8=")
	case "error-throttled":
		c.Faults().Add(faults.Fault{Action: "*", Kind: faults.Throttle})
	case "error-internal":
		c.Faults().Add(faults.Fault{Action: "*", Kind: faults.ServerError})
	}
}

func TestDocumentedRequestsGetDocumentedAnswers(t *testing.T) {
	t.Parallel()
	_, plain := transcripts(t)
	for _, transcript := range plain {
		t.Run(transcript.Name, func(t *testing.T) {
			t.Parallel()
			c := stage(t, transcript)
			r := requestOf(t, transcript)
			r.Header.Set("Date", c.Now().Format(http.TimeFormat))
			signPlainly(r, c.key)
			spoil(c, transcript.Name, r)
			got := send(t, c, r)
			status, header, document, err := transcript.Response()
			must(t, err)
			if got.status != status {
				t.Fatalf("status %d, want %d\n%s", got.status, status, got.body)
			}
			for name := range header {
				if !like(header.Get(name), got.header.Get(name)) {
					t.Errorf("%s: got %q, want %q", name, got.header.Get(name), header.Get(name))
				}
			}
			compare(t, got, header, document)
		})
	}
}

// like compares what is documented with stars in the place of what was left out.
func like(want, got string) bool {
	known, _, cut := strings.Cut(want, "***")
	return got == want || cut && strings.HasPrefix(got, known)
}

// compare checks that an answer has the elements of the documented document, and the same texts where they do not depend on the day.
func compare(t *testing.T, got reply, header http.Header, document []byte) {
	t.Helper()
	if header.Get("Content-Type") != "application/xml" {
		if len(document) > 0 && string(document) != got.body {
			t.Errorf("got %s", got.body)
		}
		return
	}
	if len(document) == 0 { // only the code is documented
		return
	}
	var want reply
	must(t, xml.Unmarshal(document, &want.root))
	paths := got.root.Paths()
	for _, path := range want.root.Paths() {
		if !slices.Contains(paths, path) {
			t.Errorf("no %s in %s", path, got.body)
		}
	}
	for _, path := range []string{
		"Code", "Message", "HostId", "Key", "BucketName", "Header", "EC", "RecommendDoc", "Status",
		"Name", "Prefix", "StartAfter", "Delimiter", "MaxKeys", "IsTruncated", "EncodingType", "KeyCount", "Contents/Key", "CommonPrefixes/Prefix",
	} {
		if older := len(want.all("EC")) == 0; older && (path == "EC" || path == "RecommendDoc") {
			continue
		}
		if diff := cmp.Diff(want.all(path), got.all(path)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
}
