package fakeoss

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/sts"
)

const (
	algorithm = "OSS4-HMAC-SHA256"
	unsigned  = "UNSIGNED-PAYLOAD"
	isoTime   = "20060102T150405Z"
	millis    = "2006-01-02T15:04:05.000Z" // of times in documents
	maxExpiry = 604800                     // seconds that a signed URL may be valid
)

// signature is what a request says of its own signature.
type signature struct {
	v4         bool
	id, value  string
	scope      []string // of V4: date, region, product, terminator
	additional []string // of V4: the other signed headers, in lower case
	token      string
	at         time.Time
	expires    string // how many seconds it is valid, if it stands in the URL
	inURL      bool
}

// authenticate proves who sent the request.
func (s *Server) authenticate(q *request) error {
	claim, err := s.claimOf(q)
	if err != nil {
		return err
	}
	key, err := s.options.Keys.Lookup(claim.id, claim.token)
	if err != nil {
		return refuseKey(err, claim)
	}
	text, canonical := q.stringToSignV1(), ""
	want := signV1(key.Secret, text)
	if claim.v4 {
		text, canonical = q.stringToSignV4(claim)
		want = signV4(key.Secret, claim.scope, text)
	}
	if !hmac.Equal([]byte(want), []byte(claim.value)) {
		return mismatch(claim, text, canonical)
	}
	q.keyID, q.temporary = key.ID, key.Token != ""
	return nil
}

// claimOf reads the signature and checks what can be checked without a key.
func (s *Server) claimOf(q *request) (signature, error) {
	claim, err := q.signature()
	if err == nil && claim.v4 {
		err = s.checkScope(claim, q)
	}
	if err == nil {
		claim.at, err = q.signedAt(claim)
	}
	if err == nil {
		err = q.checkTime(claim)
	}
	return claim, err
}

// signature finds the signature of the request: in the header, or (version 4) in the URL. The token of a temporary key stands where the signature does.
func (q *request) signature() (signature, error) {
	header, old := q.header("Authorization"), q.query.Has("OSSAccessKeyId")
	inURL := q.query.Has("x-oss-signature-version") || q.query.Has("x-oss-signature")
	switch {
	case header != "" && (inURL || old):
		return signature{}, refuse("0002-00000039")
	case header != "":
		claim, err := parseAuthorization(header)
		claim.token = q.header("x-oss-security-token")
		return claim, err
	case old:
		return signature{}, notSupported("a signature of version 1 in the URL")
	case inURL:
		return parseSignedQuery(q.query)
	case q.key == "":
		return signature{}, refuse("0003-00001201")
	}
	return signature{}, refuse(noRightToObject)
}

// parseAuthorization reads the header of either version: "OSS id:signature", or
// "OSS4-HMAC-SHA256 Credential=…,AdditionalHeaders=…,Signature=…".
func parseAuthorization(header string) (signature, error) {
	version, rest, _ := strings.Cut(header, " ")
	switch version {
	case "OSS":
		id, value, _ := strings.Cut(strings.TrimSpace(rest), ":")
		if id == "" || value == "" {
			return signature{}, refuse(malformed)
		}
		return signature{id: id, value: value}, nil
	case algorithm:
		parts := map[string]string{}
		for part := range strings.SplitSeq(rest, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			if _, twice := parts[name]; twice || !slices.Contains([]string{"Credential", "AdditionalHeaders", "Signature"}, name) {
				return signature{}, refuse(malformed)
			}
			parts[name] = value
		}
		return newSignature(parts["Credential"], parts["AdditionalHeaders"], parts["Signature"])
	}
	return signature{}, refuse(malformed)
}

// newSignature makes a signature of version 4. Its credential is id/date/region/oss/aliyun_v4_request.
func newSignature(credential, additional, value string) (signature, error) {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[0] == "" || parts[4] != "aliyun_v4_request" || value == "" {
		return signature{}, refuse(malformed)
	}
	claim := signature{v4: true, id: parts[0], scope: parts[1:], value: value}
	if additional != "" {
		claim.additional = strings.Split(strings.ToLower(additional), ";")
	}
	return claim, nil
}

// parseSignedQuery reads a signature from the URL.
func parseSignedQuery(query url.Values) (signature, error) {
	if query.Get("x-oss-signature-version") != algorithm {
		return signature{}, refuse(malformed)
	}
	claim, err := newSignature(query.Get("x-oss-credential"), query.Get("x-oss-additional-headers"), query.Get("x-oss-signature"))
	claim.inURL, claim.expires, claim.token = true, query.Get("x-oss-expires"), query.Get("x-oss-security-token")
	return claim, err
}

// checkScope compares the scope of a signature of version 4 with this service.
func (s *Server) checkScope(claim signature, q *request) error {
	switch payload := q.header("x-oss-content-sha256"); {
	case claim.scope[1] != s.options.Region:
		return refuse("0002-00000226")
	case claim.scope[2] != "oss":
		return refuse("0002-00000227")
	case payload != unsigned && (payload != "" || !claim.inURL):
		return refuse("0002-00000214")
	}
	return nil
}

// signedAt returns the time of a signature.
func (q *request) signedAt(claim signature) (time.Time, error) {
	text, layout := q.header("x-oss-date"), isoTime
	if claim.inURL {
		text = q.query.Get("x-oss-date")
	}
	if text == "" {
		text, layout = q.header("Date"), http.TimeFormat
	}
	at, err := time.Parse(layout, text)
	if err != nil && !claim.v4 { // the SDK sends x-oss-date in the form of Date with version 1
		at, err = time.Parse(http.TimeFormat, text)
	}
	if err != nil {
		return time.Time{}, refuse(invalidDate)
	}
	if claim.v4 && claim.scope[0] != at.Format("20060102") {
		return time.Time{}, refuse("0002-00000212")
	}
	return at, nil
}

// checkTime compares the time of a signature with the clock. In a header it may be 15 minutes away; a URL says itself how long it is valid.
func (q *request) checkTime(claim signature) error {
	server := detail{"ServerTime", q.at.UTC().Format(millis)}
	if ahead := claim.at.Sub(q.at); ahead > acs3.MaxSkew || !claim.inURL && ahead < -acs3.MaxSkew {
		return refuse("0002-00000504", detail{"RequestTime", claim.at.Format(millis)}, server)
	}
	if !claim.inURL {
		return nil
	}
	seconds, err := strconv.Atoi(claim.expires)
	if err != nil || seconds < 1 || seconds > maxExpiry {
		return refuse("0002-00000232")
	}
	if end := claim.at.Add(time.Duration(seconds) * time.Second); q.at.After(end) {
		return refuse(requestExpired, detail{"Expires", end.Format(millis)}, server)
	}
	return nil
}

// refuseKey says in the service's words why a key is no good. As the cloud does, it shows an expired token in the document.
func refuseKey(why error, claim signature) error {
	id := detail{"OSSAccessKeyId", claim.id}
	switch {
	case errors.Is(why, sts.ErrUnknownKey):
		return refuse("0002-00000902", id)
	case errors.Is(why, sts.ErrMissingToken):
		return refuse("0002-00000003", id)
	case errors.Is(why, sts.ErrMismatch):
		return refuse("0002-00000004", id)
	case errors.Is(why, sts.ErrExpired):
		return refuse(tokenExpired, detail{"SecurityToken", claim.token})
	}
	return refuse("0002-00000008", detail{"SecurityToken", claim.token})
}

// mismatch shows, as the cloud does, what it has signed itself. That includes the security token: a client must not log this document.
func mismatch(claim signature, text, canonical string) error {
	name, details := "0002-00000040", []detail{
		{"OSSAccessKeyId", claim.id}, {"SignatureProvided", claim.value}, {"StringToSign", text}, {"StringToSignBytes", fmt.Sprintf("% X", text)},
	}
	if claim.v4 {
		name, details = "0002-00000201", append(details, detail{"CanonicalRequest", canonical})
	}
	return refuse(name, details...)
}
