// Package acs3 signs and verifies requests in the style ACS3-HMAC-SHA256, the "V3" signature of Alibaba
// Cloud's API gateway. The fakes verify with it, and the clients of the local cloud sign with it.
//
// It knows the signature, the clock and the keys, and the gateway's words for refusing each. It never reads
// a parameter, an action or a version: those are the service's.
//
// Source: "Request syntax and signature method V3", alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature.
package acs3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/local/sts"
)

// Algorithm is the name that begins the Authorization header and the string to sign.
const Algorithm = "ACS3-HMAC-SHA256"

// TimeFormat is the form of x-acs-date, and of the Timestamp of the older signature.
const TimeFormat = "2006-01-02T15:04:05Z"

// Sign adds to a client's request everything that the signature needs: x-acs-date, x-acs-signature-nonce,
// x-acs-content-sha256, the key's id and token when it is a temporary one, and Authorization.
// Set x-acs-action, x-acs-version and Content-Type before: they are signed too.
func Sign(r *http.Request, body []byte, key sts.Key, now time.Time, nonce string) {
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.Header.Set("x-acs-date", now.UTC().Format(TimeFormat))
	r.Header.Set("x-acs-signature-nonce", nonce)
	r.Header.Set("x-acs-content-sha256", hash(body))
	if key.Token != "" {
		r.Header.Set("x-acs-accesskey-id", key.ID)
		r.Header.Set("x-acs-security-token", key.Token)
	}
	names := mustSign(r)
	signature := sign(stringToSign(canonical(r, names, hash(body))), key.Secret)
	r.Header.Set("Authorization", Algorithm+
		" Credential="+key.ID+",SignedHeaders="+strings.Join(names, ";")+",Signature="+signature)
}

// Verify checks a server's request in the gateway's order: the parts are all there, the time is within 15
// minutes, the key and its token are good, every header that matters is signed, and the signature is over this
// body. It gives the key that signed. Whether the nonce was used before is for Nonces to say, afterwards.
func Verify(r *http.Request, body []byte, keys *sts.Keyring, now time.Time) (sts.Key, *Refusal) {
	auth, refusal := parse(r.Header.Get("Authorization"))
	if refusal != nil {
		return sts.Key{}, refusal
	}
	if refusal := complete(r, auth, now); refusal != nil {
		return sts.Key{}, refusal
	}
	key, refusal := LookupKey(keys, auth.id, r.Header.Get("x-acs-security-token"))
	if refusal != nil {
		return sts.Key{}, refusal
	}
	request := canonical(r, auth.names, hash(body))
	want := sign(stringToSign(request), key.Secret)
	if !hmac.Equal([]byte(want), []byte(auth.signature)) || r.Header.Get("x-acs-content-sha256") != hash(body) {
		return sts.Key{}, mismatch(request)
	}
	return key, nil
}

// complete checks what can be checked without a key.
func complete(r *http.Request, auth authorization, now time.Time) *Refusal {
	for _, name := range []string{"x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"} {
		if r.Header.Get(name) == "" {
			return MissingHeader(name)
		}
	}
	if refusal := CheckTime(r.Header.Get("x-acs-date"), now); refusal != nil {
		return refusal
	}
	if id := r.Header.Get("x-acs-accesskey-id"); id != "" && id != auth.id {
		return Incomplete()
	}
	if !slices.Equal(auth.names, mustSign(r)) {
		return Incomplete()
	}
	return nil
}

// authorization is the header of that name, taken apart.
type authorization struct {
	id, signature string
	names         []string // of the signed headers
}

func parse(header string) (authorization, *Refusal) {
	algorithm, rest, _ := strings.Cut(header, " ")
	if strings.HasPrefix(algorithm, "ACS3-") && algorithm != Algorithm {
		return authorization{}, InvalidMethod()
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	id, names, signature := parts["Credential"], parts["SignedHeaders"], parts["Signature"]
	if algorithm != Algorithm || len(parts) != 3 || id == "" || names == "" || signature == "" {
		return authorization{}, Incomplete()
	}
	return authorization{id: id, names: strings.Split(names, ";"), signature: signature}, nil
}

// mustSign names the headers of the request that a signature has to cover, in their order.
func mustSign(r *http.Request) []string {
	names := []string{"host"}
	for name := range r.Header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-acs-") || name == "content-type" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func stringToSign(canonical string) string { return Algorithm + "\n" + hash([]byte(canonical)) }

func sign(text, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Claimed is the key id that a request says it is signed with, before anything is verified.
func Claimed(r *http.Request) string {
	auth, refusal := parse(r.Header.Get("Authorization"))
	if refusal != nil {
		return ""
	}
	return auth.id
}
