// Package invocation holds what Function Compute says about one invocation: who runs where, and with which temporary
// credentials. Nothing in it survives the invocation, and its credentials never print themselves.
package invocation

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

// Invocation is one delivery of one event.
type Invocation struct {
	RequestID   string
	RetryCount  int
	Region      string
	Account     string
	Function    string
	Credentials Credentials
}

// From copies what the function needs out of the runtime's context. The runtime's own struct prints the access key's
// secret with %v, so it goes no further than here.
func From(fc *fccontext.FcContext) (Invocation, error) {
	given := fc.Credentials
	i := Invocation{
		RequestID:   fc.RequestID,
		RetryCount:  fc.RetryCount,
		Region:      fc.Region,
		Account:     fc.AccountId,
		Function:    fc.Function.Name,
		Credentials: NewCredentials(given.AccessKeyId, given.AccessKeySecret, given.SecurityToken),
	}
	switch {
	case i.Region == "" || i.Account == "":
		return i, errors.New("the invocation names no region or account: Function Compute sends both with every event")
	case given.AccessKeyId == "" || given.AccessKeySecret == "" || given.SecurityToken == "":
		return i, errors.New("the invocation carries no credentials: give the function a role (s.yaml: role)")
	}
	return i, nil
}

// ARN names the function, as the source of its notifications.
func (i Invocation) ARN() string {
	return fmt.Sprintf("acs:fc:%s:%s:functions/%s", i.Region, i.Account, i.Function)
}

// Credentials are the temporary credentials of the function's role. Every way of printing them gives "[credentials]".
//
// They are held by a function, because fmt does not ask a value in an unexported field how it wants to be printed: a struct
// that has Credentials inside prints an address.
type Credentials struct {
	reveal func() (accessKeyID, secret, token string)
}

// NewCredentials is for tests and for callers that have no runtime context.
func NewCredentials(accessKeyID, secret, token string) Credentials {
	return Credentials{func() (string, string, string) { return accessKeyID, secret, token }}
}

// Reveal hands the three parts to the one who signs with them.
func (c Credentials) Reveal() (accessKeyID, secret, token string) {
	if c.reveal == nil {
		return "", "", ""
	}
	return c.reveal()
}

// Format is what fmt calls for every verb, %#v included.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, hidden) }

// LogValue is what log/slog prints.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText is what encoding/json and encoding/xml print.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(hidden), nil }
