package oss_test

import (
	"encoding/xml"
	"fmt"
	"hash/crc64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"rds-kernel-upgrade/function/internal/oss"
	"rds-kernel-upgrade/function/internal/transport"
)

// double keeps objects as OSS is documented to, in memory, for path-style requests about one bucket. It looks at no signature.
type double struct {
	page int // the most keys of one answer, whatever is asked for

	mu         sync.Mutex
	objects    map[string]string
	versioning string
}

// newDouble starts one and makes the place that the contract is tried at.
func newDouble(t *testing.T) place {
	t.Helper()
	d := &double{page: 400, objects: map[string]string{}}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	connections := transport.New()
	t.Cleanup(connections.Close)
	endpoint := endpointOf(t, server.URL)
	return place{
		T:      t,
		client: func(bucket string) *oss.Client { return oss.New(connections, endpoint, region, bucket, credentials) },
		set: func(status string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.versioning = status
		},
	}
}

func (d *double) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/"+bucket+"/")
	query := r.URL.Query()
	switch {
	case path == r.URL.Path:
		refusal(404, "NoSuchBucket", "The specified bucket does not exist.").ServeHTTP(w, r)
	case r.Method == http.MethodPut:
		d.put(path, string(content), r.Header.Get("X-Oss-Forbid-Overwrite") == "true").ServeHTTP(w, r)
	case query.Has("versioning"):
		d.status().ServeHTTP(w, r)
	case path == "" && query.Get("list-type") == "2":
		d.list(query).ServeHTTP(w, r)
	default:
		d.get(path).ServeHTTP(w, r)
	}
}

func (d *double) put(key, content string, forbid bool) answer {
	header := sum(content)
	if _, there := d.objects[key]; there && forbid && d.versioning == "" {
		return refusal(409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten.")
	}
	if d.objects[key] = content; d.versioning != "" {
		header["X-Oss-Version-Id"] = map[string]string{"Enabled": "CAEQNhiBgMDJgZCA0BYiIDc4MGZjZGI2OTBjOTRmNTE5NmU5NmFhZjhjYmY0", "Suspended": "null"}[d.versioning]
	}
	return answer{200, "", header}
}

func (d *double) get(key string) answer {
	content, there := d.objects[key]
	if !there {
		return refusal(404, "NoSuchKey", "The specified key does not exist.")
	}
	return answer{200, content, sum(content)}
}

func sum(content string) map[string]string {
	return map[string]string{"X-Oss-Hash-Crc64ecma": fmt.Sprint(crc64.Checksum([]byte(content), crc64.MakeTable(crc64.ECMA)))}
}

func (d *double) status() answer {
	status := ""
	if d.versioning != "" {
		status = "<Status>" + d.versioning + "</Status>"
	}
	return answer{200, "<VersioningConfiguration>" + status + "</VersioningConfiguration>", nil}
}

func (d *double) list(query url.Values) answer {
	most, _ := strconv.Atoi(query.Get("max-keys"))
	if most < 1 || most > 1000 {
		return refusal(400, "InvalidArgument", "max-keys")
	}
	var list struct {
		XMLName      xml.Name `xml:"ListBucketResult"`
		EncodingType string
		IsTruncated  bool
		Contents     []struct{ Key string }
	}
	list.EncodingType = "url"
	for _, key := range slices.Sorted(maps.Keys(d.objects)) {
		if !strings.HasPrefix(key, query.Get("prefix")) || key <= query.Get("start-after") {
			continue
		}
		if list.IsTruncated = len(list.Contents) == min(most, d.page); list.IsTruncated {
			break
		}
		list.Contents = append(list.Contents, struct{ Key string }{url.QueryEscape(key)})
	}
	text, _ := xml.Marshal(list)
	return answer{200, string(text), nil}
}
