package acs3

import (
	"errors"
	"net/http"
	"time"

	"rds-kernel-upgrade/local/sts"
)

// MaxSkew is how far a request's time may be from the service's, either way.
const MaxSkew = 15 * time.Minute

// Refusal is the gateway's answer to a request that it does not let through. The service writes it as an
// error document in its own form. Codes, statuses and messages are those of the gateway's common error codes
// (help.aliyun.com/document_detail/53438.html); where pages differ on a status, the one of the gateway's own page counts.
type Refusal struct {
	Status        int
	Code, Message string
}

// Error makes a Refusal usable as an error.
func (r *Refusal) Error() string { return r.Code + ": " + r.Message }

// Incomplete is the refusal of a signature whose parts are missing, malformed or contradictory.
func Incomplete() *Refusal {
	return &Refusal{http.StatusBadRequest, "IncompleteSignature", "The request signature does not conform to Aliyun standards."}
}

// InvalidMethod is the refusal of another algorithm than the one that is expected.
func InvalidMethod() *Refusal {
	return &Refusal{http.StatusBadRequest, "InvalidSignatureMethod", "Specified signature method is not valid."}
}

// MissingHeader is the refusal of a request without a header that every request has. It has the words that the gateway was seen to use (github.com/apache/paimon/pull/9937).
func MissingHeader(name string) *Refusal {
	return &Refusal{http.StatusBadRequest, "MissingHeader", "Specified header " + name + " is mandatory for this action."}
}

// mismatch shows, as the gateway does, what it has signed itself. That includes the headers of the
// request, and so the security token: a client must not log this message.
func mismatch(canonical string) *Refusal {
	return &Refusal{
		http.StatusBadRequest, "SignatureDoesNotMatch",
		"Specified signature does not match our calculation. server StringToSign is [" + stringToSign(canonical) +
			"] server CanonicalRequest is [" + canonical + "]",
	}
}

// CheckTime refuses a time stamp that is malformed, or more than MaxSkew away from now.
func CheckTime(stamp string, now time.Time) *Refusal {
	at, err := time.Parse(TimeFormat, stamp)
	switch {
	case err != nil:
		return &Refusal{
			http.StatusBadRequest, "InvalidTimeStamp.Format",
			"Specified time stamp or date value is not well formatted.",
		}
	case now.Sub(at).Abs() > MaxSkew:
		return &Refusal{http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."}
	}
	return nil
}

// LookupKey gives the key with this id, or the gateway's words for what is wrong with it or its token.
func LookupKey(keys *sts.Keyring, id, token string) (sts.Key, *Refusal) {
	key, err := keys.Lookup(id, token)
	if err == nil {
		return key, nil
	}
	for _, known := range []struct {
		err    error
		answer Refusal
	}{
		{sts.ErrUnknownKey, Refusal{http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found."}},
		{sts.ErrMissingToken, Refusal{http.StatusBadRequest, "MissingSecurityToken", "SecurityToken is mandatory for this action."}},
		{sts.ErrMalformedToken, Refusal{http.StatusBadRequest, "InvalidSecurityToken.Malformed", "Specified SecurityToken is malformed."}},
		{sts.ErrMismatch, Refusal{http.StatusBadRequest, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey."}},
		{sts.ErrExpired, *ExpiredToken()},
	} {
		if errors.Is(err, known.err) {
			return sts.Key{}, &known.answer
		}
	}
	panic("a keyring has no other errors: " + err.Error())
}

// ExpiredToken is the refusal of temporary credentials that have run out.
func ExpiredToken() *Refusal {
	return &Refusal{http.StatusBadRequest, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired."}
}
