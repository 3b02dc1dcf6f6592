package transport_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// The certificates of these tests do not depend on today's date: they began in 2000, and end with their authority's, httptest's, in 2084.
var (
	begin = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)
	end   = time.Date(2084, time.January, 1, 0, 0, 0, 0, time.UTC)
)

// issued makes a server's certificate for this machine, signed by the authority that the process trusts (see TestMain).
func issued(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	authority, key := server.Certificate(), server.TLS.Certificates[0].PrivateKey
	server.Close()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: begin, NotAfter: end,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, authority, own.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: own}
}

// identity is what a server shows of itself, and what is said of it: "" if it is taken.
type identity struct {
	config func(t *testing.T) *tls.Config
	err    string
}

func showing(change func(*x509.Certificate)) func(t *testing.T) *tls.Config {
	return func(t *testing.T) *tls.Config {
		t.Helper()
		return &tls.Config{Certificates: []tls.Certificate{issued(t, change)}}
	}
}

func speaking(low, high uint16) func(t *testing.T) *tls.Config {
	return func(t *testing.T) *tls.Config {
		t.Helper()
		config := showing(asItIs)(t)
		config.MinVersion, config.MaxVersion = low, high
		return config
	}
}

func asItIs(*x509.Certificate) {}

var identities = map[string]identity{
	"a certificate in order":            {showing(asItIs), ""},
	"TLS 1.3 alone":                     {speaking(tls.VersionTLS13, tls.VersionTLS13), ""},
	"TLS 1.2 alone":                     {speaking(tls.VersionTLS12, tls.VersionTLS12), ""},
	"TLS 1.1 at most":                   {speaking(tls.VersionTLS10, tls.VersionTLS11), "protocol version not supported"},
	"TLS 1.0 at most":                   {speaking(tls.VersionTLS10, tls.VersionTLS10), "protocol version not supported"},
	"a certificate that has expired":    {showing(func(c *x509.Certificate) { c.NotAfter = begin.AddDate(1, 0, 0) }), "certificate has expired or is not yet valid"},
	"a certificate that is not yet one": {showing(func(c *x509.Certificate) { c.NotBefore = end.AddDate(-1, 0, 0) }), "certificate has expired or is not yet valid"},
	"a certificate of another address":  {showing(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(10, 0, 0, 1)} }), "certificate is valid for 10.0.0.1, not 127.0.0.1"},
	"a certificate of the real service": {showing(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"rds.aliyuncs.com"} }), "doesn't contain any IP SANs"},
	"a certificate of no name but in its subject": {showing(func(c *x509.Certificate) {
		c.IPAddresses, c.Subject.CommonName = nil, "127.0.0.1"
	}), "certificate relies on legacy Common Name field"},
	"a certificate for clients": {showing(func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}), "certificate specifies an incompatible key usage"},
	"a certificate that signed itself": {func(t *testing.T) *tls.Config {
		t.Helper()
		return &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	}, "certificate signed by unknown authority"},
}

// clients are the ways out of the function: the transport by itself, and what the two SDKs make of it.
var clients = map[string]func(t *testing.T, address string) (error, bool){
	"the transport": func(t *testing.T, address string) (error, bool) {
		t.Helper()
		got := call(t.Context(), t, newPool(t), address)
		return got.err, got.reached
	},
	"the RDS adapter": func(t *testing.T, address string) (error, bool) {
		t.Helper()
		endpoint := parsed(t, address)
		client := rds.New(newPool(t), pace.New(1e6, time.Now), &endpoint, invocation.NewCredentials("STS.id", "the-secret", "the-token"))
		_, err := client.Instance(t.Context(), "cn-hangzhou", "rm-bp1orders")
		return err, fault.From(err).InDoubt
	},
	"the MNS adapter": func(t *testing.T, address string) (error, bool) {
		t.Helper()
		endpoint := parsed(t, address)
		client, err := mns.New(newPool(t), &endpoint, "1234567890123456", "cn-hangzhou")
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Publish(t.Context(), invocation.NewCredentials("STS.id", "the-secret", "the-token"), "results", "body", "tag")
		return err, fault.From(err).InDoubt
	},
}

func parsed(t *testing.T, address string) transport.Endpoint {
	t.Helper()
	endpoint, err := transport.ParseEndpoint(address)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint
}

// environments are what somebody may set for the function in the belief that it turns the check off.
var environments = map[string]map[string]string{
	"with an environment in order": {},
	"with an environment that wants no check": {
		"HTTPSInsecure": "true", "HTTPS_INSECURE": "true", "INSECURE": "true", "INSECURE_SKIP_VERIFY": "true", "SKIP_TLS_VERIFY": "true",
		"ALIBABA_CLOUD_HTTPS_INSECURE": "true", "ALIBABA_CLOUD_INSECURE": "true", "ALIBABA_CLOUD_IGNORE_SSL": "true", "IGNORE_SSL": "true",
		"ALIBABA_CLOUD_SECURE_TRANSPORT": "false", "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "true", "ALIBABA_CLOUD_PROTOCOL": "http",
		"ALIYUN_HTTPS_INSECURE": "true", "TEA_IGNORE_SSL": "true", "NODE_TLS_REJECT_UNAUTHORIZED": "0", "PYTHONHTTPSVERIFY": "0",
		"RDS_ENDPOINT": "http://127.0.0.1", "MNS_ENDPOINT": "http://127.0.0.1", "SECURE": "false", "SSL_VERIFY": "false", "TLS_MIN_VERSION": "1.0",
	},
}

// A server that cannot prove who it is gets no request, whoever asks it and whatever the environment says; one that can is asked. It is on
// loopback, where plain text is accepted: what says https is checked there, too.
func TestNoRequestReachesAServerThatCannotProveItself(t *testing.T) {
	for about, environment := range environments {
		t.Run(about, func(t *testing.T) {
			for name, value := range environment {
				t.Setenv(name, value)
			}
			for name, server := range identities {
				for who, client := range clients {
					t.Run(who+" meets "+name, func(t *testing.T) { meet(t, server, client) })
				}
			}
		})
	}
}

func meet(t *testing.T, server identity, client func(t *testing.T, address string) (error, bool)) {
	t.Helper()
	address, requests, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
		func(s *httptest.Server) { s.TLS = server.config(t) })
	err, reached := client(t, address)
	if server.err == "" {
		if requests.Load() != 1 || err != nil && strings.Contains(err.Error(), "tls: ") {
			t.Errorf("%d requests arrived, and the client says %v", requests.Load(), err)
		}
		return
	}
	if err == nil || !strings.Contains(err.Error(), server.err) || reached {
		t.Errorf("got %v (reached: %t), want …%s", err, reached, server.err)
	}
	if f := fault.From(err); f.Op != "" && f.Kind != fault.Unavailable {
		t.Errorf("the fault is %s, want Unavailable: the endpoint may be mended", f.Kind)
	}
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// What the process says before the server has proved itself holds nothing of the request.
func TestTheHandshakeCarriesNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	said := make(chan []byte, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			said <- nil
			return
		}
		defer func() { _ = conn.Close() }()
		var text bytes.Buffer
		server := tls.Server(heard{conn, &text}, &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}, MaxVersion: tls.VersionTLS12})
		_ = server.HandshakeContext(t.Context())
		said <- text.Bytes()
	}()
	endpoint := parsed(t, "https://"+listener.Addr().String())
	client := rds.New(newPool(t), pace.New(1e6, time.Now), &endpoint, invocation.NewCredentials("STS.id", "the-secret", "the-token"))
	if _, err := client.Instance(t.Context(), "cn-hangzhou", "rm-bp1orders"); err == nil {
		t.Error("an answer out of nowhere")
	}
	text := <-said
	if len(text) == 0 {
		t.Fatal("nothing was said: the test has seen no handshake")
	}
	for _, part := range []string{"STS.id", "the-secret", "the-token", "rm-bp1orders", "Signature", "DescribeDBInstanceAttribute", "POST", "GET"} {
		if bytes.Contains(text, []byte(part)) {
			t.Errorf("%q was said in plain text", part)
		}
	}
}

// heard is a connection that remembers what came.
type heard struct {
	net.Conn
	text *bytes.Buffer
}

func (h heard) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.text.Write(p[:n])
	return n, err
}

// TestPlainTextStaysOnThisMachine: each of these names loopback to somebody. Where plain text is accepted, it is for an address that net/http
// dials as it stands.
func TestPlainTextStaysOnThisMachine(t *testing.T) {
	t.Parallel()
	for text, taken := range map[string]bool{
		"http://127.0.0.1":                   true,
		"http://127.255.255.254:1":           true,
		"http://[::1]":                       true,
		"http://[0:0:0:0:0:0:0:1]:9001":      true,
		"http://[::ffff:127.0.0.1]:9001":     true,
		"http://localhost":                   true,
		"http://127.0.0.1.evil.com":          false,
		"http://localhost.evil":              false,
		"http://localhost.":                  false,
		"http://localhost.localdomain":       false,
		"http://my-localhost":                false,
		"http://127.0.0.1.nip.io:9001":       false,
		"http://2130706433":                  false,
		"http://0x7f000001":                  false,
		"http://0177.0.0.1":                  false,
		"http://127.0.0.01":                  false,
		"http://127.1":                       false,
		"http://0":                           false,
		"http://0.0.0.0":                     false,
		"http://[::]":                        false,
		"http://[::ffff:10.0.0.1]":           false,
		"http://[fe80::1%25lo]":              false,
		"http://[::1%25lo]:9001":             false,
		"http://[::1.evil.com]":              false,
		"http://[::1]evil.com":               false,
		"http://127。0。0。1":                   false,
		"http://ⓛocalhost":                   false,
		"http://localhost%2eevil.com":        false,
		"http://localhost\\.evil.com":        false,
		"http://127.0.0.1:9001:evil.com":     false,
		"http://127.0.0.1:80/@evil.com":      false,
		"http://127.0.0.1%40evil.com":        false,
		"http://evil.com#http://127.0.0.1":   false,
		"http://evil.com?x=http://127.0.0.1": false,
		"http://evil.com/http://127.0.0.1":   false,
		"HTTP://evil.com":                    false,
		"http://169.254.169.254":             false,
		"http://100.100.100.200":             false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			endpoint, err := transport.ParseEndpoint(text)
			if (err == nil) != taken {
				t.Fatalf("got %+v, %v", endpoint, err)
			}
			if err != nil {
				return
			}
			u, err := url.Parse(text)
			if ip := net.ParseIP(u.Hostname()); err != nil || u.Hostname() != "localhost" && !ip.IsLoopback() || u.Host != endpoint.Host {
				t.Errorf("%+v is not where net/http goes: %+v, %v", endpoint, u, err)
			}
		})
	}
}

// A server that speaks no TLS gets no more than the beginning of a handshake.
func TestAPlainServerIsNotSpokenToInPlainText(t *testing.T) {
	t.Parallel()
	address, requests, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	got := call(t.Context(), t, newPool(t), strings.Replace(address, "http://", "https://", 1))
	if got.err == nil || !strings.Contains(got.err.Error(), "first record does not look like a TLS handshake") || got.reached || requests.Load() != 0 {
		t.Errorf("got %+v after %d requests", got, requests.Load())
	}
}

// hosts is a pool without a network that remembers who was to be asked.
type hosts struct {
	rig.Canned
	asked *[]string
}

func (h hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	*h.asked = append(*h.asked, r.URL.Scheme+"://"+r.URL.Host)
	return h.Canned.RoundTrip(r)
}

// A region comes from a request, or from a follow-up that anybody may have written, and becomes part of a host's name.
func TestARegionIsNoWayToAnotherHost(t *testing.T) {
	t.Parallel()
	for region, want := range map[string][]string{
		"cn-hangzhou": {"https://rds.aliyuncs.com"}, "xx-not-yet-known-1": {"https://rds.xx-not-yet-known-1.aliyuncs.com"},
		"evil.com/": nil, "evil.com:443/": nil, "x@evil.com": nil, "x@evil.com/": nil, "evil.com#": nil, "evil.com?": nil, "evil.com": nil,
		"a.evil.com/b": nil, `evil.com\`: nil, "evil.com%2f": nil, "..": nil, "evil.com\r\nHost: evil.com": nil, "ⓔvil": nil, " ": nil,
	} {
		t.Run(region, func(t *testing.T) {
			t.Parallel()
			var asked []string
			pool := transport.Over(hosts{rig.Canned{Status: http.StatusOK, Body: `{"RequestId":"R-1"}`}, &asked})
			client := rds.New(pool, pace.New(1e6, time.Now), nil, invocation.NewCredentials("STS.id", "the-secret", "the-token"))
			if _, err := client.Instance(t.Context(), region, "rm-bp1orders"); err == nil {
				t.Error("an answer out of nowhere")
			}
			if !slices.Equal(asked, want) {
				t.Errorf("%q were asked, want %q", asked, want)
			}
		})
	}
}
