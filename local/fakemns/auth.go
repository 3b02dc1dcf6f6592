package fakemns

import (
	"crypto/hmac"
	"crypto/md5"  //nolint:gosec // the protocol's own digest
	"crypto/sha1" //nolint:gosec // the protocol's own signature
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/local/sts"
)

const apiVersion = "2015-06-06"

// maxSkew is how far a request's date may be from ours ("Common parameters": 15 minutes).
const maxSkew = 15 * time.Minute

// checks is what every request passes before it has an effect, in this order.
func (s *Server) checks() []func(*request) error {
	return []func(*request) error{
		checkSize, checkVersion, s.checkDate, s.checkHost, s.checkSignature, checkContentType, checkDigest,
		checkAddress, checkNames, checkQuery,
	}
}

func checkSize(q *request) error {
	if len(q.body) > maxRequest {
		return outOfRange("Content-Length", 0, maxRequest, " bytes")
	}
	return nil
}

func checkVersion(q *request) error {
	switch q.header("x-mns-version") {
	case apiVersion:
		return nil
	case "":
		return refuse("MissingVersionHeader")
	default:
		return refuse("InvalidVersionHeader")
	}
}

// date is the value of x-mns-date, or else of Date: what is signed and what is checked.
func (q *request) date() string {
	if date := q.header("x-mns-date"); date != "" {
		return date
	}
	return q.header("Date")
}

func (s *Server) checkDate(q *request) error {
	if q.date() == "" {
		return refuse("MissingDateHeader")
	}
	sent, err := time.Parse(http.TimeFormat, q.date())
	if err != nil {
		return refuse("InvalidDateHeader")
	}
	if q.at.Sub(sent).Abs() > maxSkew {
		return refuse("TimeExpired")
	}
	return nil
}

// checkHost reads account and region from a host of the cloud's own form; any other host is taken as ours.
func (s *Server) checkHost(q *request) error {
	host, _, err := net.SplitHostPort(q.http.Host)
	if err != nil {
		host = q.http.Host
	}
	labels := strings.Split(host, ".")
	if len(labels) != 5 || labels[1] != "mns" || !strings.HasSuffix(host, ".aliyuncs.com") {
		return nil
	}
	region := strings.TrimSuffix(labels[2], "-internal")
	if labels[0] != s.opts.Account || region != s.opts.Region {
		return refuse("AccessDenied")
	}
	return nil
}

// checkSignature proves who sent the request ("Sign requests").
func (s *Server) checkSignature(q *request) error {
	authorization := q.header("Authorization")
	if authorization == "" {
		return refuse("MissingAuthorizationHeader")
	}
	credentials, ok := strings.CutPrefix(authorization, "MNS ")
	id, signature, both := strings.Cut(credentials, ":")
	if !ok || !both || id == "" || signature == "" {
		return refuse("InvalidAuthorizationHeader")
	}
	key, err := s.opts.Keys.Lookup(id, q.header("security-token"))
	if err != nil {
		return refuseKey(err)
	}
	if !hmac.Equal([]byte(signature), []byte(sign(key.Secret, q.stringToSign()))) {
		return refuse("SignatureDoesNotMatch")
	}
	q.keyID = id
	return nil
}

// refuseKey says in MNS's words why a key is no good; see the package's notes on what is not documented.
func refuseKey(why error) error {
	if errors.Is(why, sts.ErrUnknownKey) || errors.Is(why, sts.ErrMissingToken) {
		return refuse("InvalidAccessKeyId")
	}
	return refuse("AccessDenied")
}

func sign(secret, text string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// stringToSign holds everything as it was sent; a re-encoded URL would break one client or another.
func (q *request) stringToSign() string {
	lines := []string{q.http.Method, q.header("Content-MD5"), q.header("Content-Type"), q.date()}
	var own []string
	for name := range q.http.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-mns-") {
			own = append(own, lower+":"+q.header(name))
		}
	}
	slices.Sort(own)
	return strings.Join(slices.Concat(lines, own, []string{q.target}), "\n")
}

// checkContentType takes text/xml and application/xml, in UTF-8; without a body the header may be missing.
func checkContentType(q *request) error {
	sent := q.header("Content-Type")
	if sent == "" && len(q.body) == 0 {
		return nil
	}
	kind, params, err := mime.ParseMediaType(sent)
	charset, named := params["charset"]
	if err != nil || kind != "text/xml" && kind != "application/xml" || named && !strings.EqualFold(charset, "utf-8") {
		return refuse("InvalidContentType")
	}
	return nil
}

// checkDigest takes both forms of Content-MD5 that clients send: base64 of the digest, as RFC 1864 has it, and
// base64 of its hexadecimal form.
func checkDigest(q *request) error {
	sent := q.header("Content-MD5")
	if sent == "" {
		return nil
	}
	sum := md5.Sum(q.body) //nolint:gosec // the protocol's own digest
	text, err := base64.StdEncoding.DecodeString(sent)
	if err != nil || string(text) != string(sum[:]) && !strings.EqualFold(string(text), fmt.Sprintf("%x", sum)) {
		return refuse("InvalidDegist")
	}
	return nil
}
