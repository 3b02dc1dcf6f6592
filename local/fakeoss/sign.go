package fakeoss

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the protocol's older signature
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"rds-kernel-upgrade/local/acs3"
)

// signedHeaders returns the lines of the headers that begin with x-oss- or are among more, sorted by name.
func (q *request) signedHeaders(more ...string) string {
	var names []string
	for name := range q.http.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-oss-") || slices.Contains(more, name) {
			names = append(names, name)
		}
	}
	if slices.Contains(more, "host") { // net/http keeps it apart from the other headers
		names = append(names, "host")
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range slices.Compact(names) {
		b.WriteString(name + ":" + q.header(name) + "\n")
	}
	return b.String()
}

// resource is what is signed of the address. It does not depend on where the bucket's name stood.
func (q *request) resource() string {
	if q.bucket == "" {
		return "/"
	}
	return "/" + q.bucket + "/" + q.key
}

// stringToSignV4 returns the text to sign and the canonical request of which it holds the hash.
func (q *request) stringToSignV4(claim signature) (text, canonical string) {
	path := strings.ReplaceAll(acs3.Escape(q.resource()), "%2F", "/")
	canonical = strings.Join([]string{
		q.http.Method, path, q.canonicalQuery(), q.signedHeaders(append([]string{"content-type", "content-md5"}, claim.additional...)...),
		strings.Join(claim.additional, ";"), unsigned,
	}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	return strings.Join([]string{algorithm, claim.at.Format(isoTime), strings.Join(claim.scope, "/"), hex.EncodeToString(sum[:])}, "\n"), canonical
}

// canonicalQuery writes the query sorted by escaped name. An item without a value has no "=".
func (q *request) canonicalQuery() string {
	items := map[string]string{}
	for name := range q.query {
		if name != "x-oss-signature" {
			items[acs3.Escape(name)] = acs3.Escape(q.query.Get(name))
		}
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(items)) {
		pairs = append(pairs, strings.TrimSuffix(name+"="+items[name], "="))
	}
	return strings.Join(pairs, "&")
}

func signV4(secret string, scope []string, text string) string {
	key := []byte("aliyun_v4" + secret)
	for _, part := range append(slices.Clone(scope), text) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

// signedItems are the query items that version 1 signs, besides those that begin with x-oss-.
func signedItems() []string {
	return strings.Fields(`acl append bucketInfo callback callback-var cloudboxes cname comp continuation-token cors delete encryption endTime img inventory
		lifecycle live location logging objectMeta partNumber policy position qos referer regionList replication replicationLocation
		replicationProgress requestPayment response-cache-control response-content-disposition response-content-encoding
		response-content-language response-content-type response-expires restore security-token sequential startTime stat status style
		styleName symlink tagging transferAcceleration uploadId uploads versionId versioning versions vod website worm wormExtend wormId`)
}

func (q *request) stringToSignV1() string {
	date := q.header("x-oss-date")
	if date == "" {
		date = q.header("Date")
	}
	var items []string
	for name := range q.query {
		if !slices.Contains(signedItems(), name) && !strings.HasPrefix(name, "x-oss-") {
			continue
		}
		if value := q.query.Get(name); value != "" {
			name += "=" + value
		}
		items = append(items, name)
	}
	slices.Sort(items)
	resource := q.resource()
	if len(items) > 0 {
		resource += "?" + strings.Join(items, "&")
	}
	return strings.Join([]string{
		q.http.Method, q.header("Content-MD5"), q.header("Content-Type"), date, q.signedHeaders() + resource,
	}, "\n")
}

func signV1(secret, text string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
