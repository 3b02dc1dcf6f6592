package fakerds

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the signature of the API is HMAC-SHA1
	"encoding/base64"
	"maps"
	"net/url"

	"rds-kernel-upgrade/local/acs3"
)

// verify checks the signature of either style, and that its nonce is new.
func (s *Server) verify(q *request) *acs3.Refusal {
	id, nonce := q.parameters.Get("AccessKeyId"), q.parameters.Get("SignatureNonce")
	var refusal *acs3.Refusal
	if q.signer == acs3.Algorithm {
		key, r := acs3.Verify(q.http, q.body, s.options.Keys, s.options.Now())
		id, nonce, refusal = key.ID, q.http.Header.Get("x-acs-signature-nonce"), r
	} else {
		refusal = s.verifyParameters(q)
	}
	if refusal != nil {
		return refusal
	}
	if s.nonces.Used(id, nonce) {
		return acs3.NonceUsed()
	}
	return nil
}

// verifyParameters checks a signature that stands in the parameters (SignatureVersion 1.0).
func (s *Server) verifyParameters(q *request) *acs3.Refusal {
	p := q.parameters
	for _, name := range []string{
		"AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp",
	} {
		if p.Get(name) == "" {
			return missing(name)
		}
	}
	switch {
	case p.Get("SignatureMethod") != "HMAC-SHA1":
		return acs3.InvalidMethod()
	case p.Get("SignatureVersion") != "1.0":
		return invalidCommon("SignatureVersion")
	case p.Get("SignatureType") != "":
		return invalidCommon("SignatureType")
	}
	if refusal := acs3.CheckTime(p.Get("Timestamp"), s.options.Now()); refusal != nil {
		return refusal
	}
	key, refusal := acs3.LookupKey(s.options.Keys, p.Get("AccessKeyId"), p.Get("SecurityToken"))
	if refusal != nil {
		return refusal
	}
	text := stringToSign(q.http.Method, p)
	if !hmac.Equal([]byte(sign(text, key.Secret)), []byte(p.Get("Signature"))) {
		return mismatch(text)
	}
	return nil
}

// stringToSign covers the method and every parameter but the signature, those without a value too.
func stringToSign(method string, parameters url.Values) string {
	signed := maps.Clone(parameters)
	delete(signed, "Signature")
	return method + "&" + acs3.Escape("/") + "&" + acs3.Escape(acs3.CanonicalQuery(signed))
}

// Sign gives the Signature parameter (HMAC-SHA1, SignatureVersion 1.0) of a request with these parameters, for
// clients that use no SDK.
func Sign(method string, parameters url.Values, secret string) string {
	return sign(stringToSign(method, parameters), secret)
}

func sign(text, secret string) string {
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
