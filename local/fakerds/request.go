package fakerds

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rds-kernel-upgrade/local/acs3"
)

const (
	apiVersion = "2014-08-15"
	maxBody    = 1 << 20
)

// request is one call of the API, before anything in it is believed.
type request struct {
	http       *http.Request
	body       []byte
	tooLarge   bool
	parameters url.Values // of query and form together
	signer     string
	action     string
	version    string
	json       bool // the form of the answer
}

type requestKey struct{}

// requestOf gives what read has put aside.
func requestOf(r *http.Request) *request { return r.Context().Value(requestKey{}).(*request) }

// read takes the request apart once, for the faults and for the API, and leaves its body readable.
func read(w http.ResponseWriter, r *http.Request) *http.Request {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	q := &request{http: r, body: body, parameters: r.URL.Query()}
	var large *http.MaxBytesError
	q.tooLarge = errors.As(err, &large)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if form, err := url.ParseQuery(string(body)); err == nil && kind == "application/x-www-form-urlencoded" {
		maps.Copy(q.parameters, form)
	}
	q.readStyle()
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, q))
}

// readStyle tells the two signatures apart, which also differ in where the action stands and in what form
// they are answered when Format is absent.
func (q *request) readStyle() {
	header := q.http.Header
	q.signer, q.action, q.version = "HMAC-SHA1", q.parameters.Get("Action"), q.parameters.Get("Version")
	if header.Get("Authorization") != "" {
		q.signer, q.action, q.version = acs3.Algorithm, header.Get("x-acs-action"), header.Get("x-acs-version")
	}
	format := strings.ToUpper(q.parameters.Get("Format"))
	q.json = format == "JSON" || format == "" && q.signer == acs3.Algorithm
}

// wellFormed checks what the gateway looks at before it looks for the API.
func (q *request) wellFormed() *acs3.Refusal {
	switch format := strings.ToUpper(q.parameters.Get("Format")); {
	case q.http.Method != http.MethodGet && q.http.Method != http.MethodPost:
		return refusalOf(q.action, "UnsupportedHTTPMethod")
	case q.tooLarge:
		return refusalOf(q.action, "RequestEntityTooLarge")
	case format != "" && format != "JSON" && format != "XML":
		return refusalOf(q.action, "InvalidParameter.Format")
	case q.action == "":
		return q.missingCommon("Action")
	case q.version == "":
		return q.missingCommon("Version")
	case q.version != apiVersion:
		return invalidCommon("Version")
	}
	return nil
}

// missingCommon names what is missing as each style of signature sends it.
func (q *request) missingCommon(name string) *acs3.Refusal {
	if q.signer == acs3.Algorithm {
		return acs3.MissingHeader("x-acs-" + strings.ToLower(name))
	}
	return missing(name)
}

// call begins the log entry of the request. It keeps every parameter but those that are secret.
func (q *request) call(now time.Time) Call {
	call := Call{Action: q.action, Params: map[string]string{}, Signer: q.signer, At: now, RequestID: newRequestID()}
	for name := range q.parameters {
		if name != "Signature" && name != "SecurityToken" {
			call.Params[name] = q.parameters.Get(name)
		}
	}
	if q.signer == acs3.Algorithm {
		call.Params["AccessKeyId"] = acs3.Claimed(q.http)
	}
	call.DBInstanceID = q.parameters.Get("DBInstanceId")
	return call
}
