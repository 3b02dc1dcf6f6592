package transport

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Endpoint is where a service listens.
type Endpoint struct {
	Scheme string // "https", or "http" on loopback
	Host   string // with the port, if any
}

// ParseEndpoint reads an endpoint from the configuration. Both SDKs would take a plain-text or misspelt one, and then leak
// the security token or panic, so everything but https://host[:port] and, on loopback, http://host:port is refused here.
func ParseEndpoint(text string) (Endpoint, error) {
	if strings.Contains(text, "@") { // not repeated in the error: it may hold a password
		return Endpoint{}, errors.New("an endpoint has no user or password: want https://host or, on loopback, http://127.0.0.1:port")
	}
	u, err := url.Parse(text)
	if err != nil || !plain(text, u) || u.Hostname() == "" || (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() != strings.TrimSuffix(text, "/") {
		return Endpoint{}, fmt.Errorf("%q is not an endpoint: want https://host or, on loopback, http://127.0.0.1:port", text)
	}
	e := Endpoint{Scheme: u.Scheme, Host: u.Host}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && e.Loopback():
		return e, nil
	case u.Scheme == "http":
		return Endpoint{}, fmt.Errorf("%q sends credentials in plain text: want https:// (http:// is accepted for loopback only)", text)
	default:
		return Endpoint{}, fmt.Errorf("%q has scheme %q: want https://", text, u.Scheme)
	}
}

// Loopback tells whether the endpoint is on this machine.
func (e Endpoint) Loopback() bool {
	host := (&url.URL{Host: e.Host}).Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// plain tells whether the host can stand in a request's address as it is: nothing in it is escaped, as in [fe80::1%25eth0], and no colon
// is without a port that there can be.
func plain(text string, u *url.URL) bool {
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	none := u.Port() == "" && !strings.HasSuffix(u.Host, ":")
	return !strings.Contains(text, "%") && (none || err == nil && port > 0)
}
