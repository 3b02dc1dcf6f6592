package mns_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
)

const (
	account = "1234567890123456"
	region  = "cn-hangzhou"
)

// outside stands for everything beyond this machine: a proxy that notes who is asked for, and lets nobody through.
var outside rig.Outside

func TestMain(m *testing.M) { os.Exit(outside.Run(m)) }

// cloud is a fake of the service on loopback, with a topic "news", and one client for it. Its clock is the machine's, since the SDK signs with
// that time.
type cloud struct {
	*fakemns.Server
	keys   *sts.Keyring
	client *mns.Client
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{keys: sts.NewKeyring(time.Now)}
	c.Server = fakemns.New(fakemns.Options{Now: time.Now, Keys: c.keys, Account: account, Region: region})
	t.Cleanup(c.Close)
	must(t, c.CreateTopic("news"))
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.client = newClient(t, server.URL)
	return c
}

// credentials are fresh temporary ones.
func (c *cloud) credentials() invocation.Credentials {
	key := c.keys.Issue(time.Hour)
	return invocation.NewCredentials(key.ID, key.Secret, key.Token)
}

func newClient(t *testing.T, address string) *mns.Client {
	t.Helper()
	pool := transport.New()
	t.Cleanup(pool.Close)
	client, err := mns.New(pool, endpointOf(t, address), account, region)
	must(t, err)
	return client
}

func endpointOf(t *testing.T, address string) *transport.Endpoint {
	t.Helper()
	endpoint, err := transport.ParseEndpoint(address)
	must(t, err)
	return &endpoint
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The credentials for servers that do not check them. The token has every character that is written in more than one way.
const (
	accessKeyID = "STS.NTtestKeyId"
	secret      = "testSecret+/="
	token       = "CAIS+tok/en=="
)

var credentials = invocation.NewCredentials(accessKeyID, secret, token)

// service is a server that answers every request in the same way.
type service struct {
	client *mns.Client
	url    string
	seen   atomic.Int64
	last   atomic.Pointer[http.Header] // of the last request
}

func serve(t *testing.T, answer http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.seen.Add(1)
		s.last.Store(&r.Header)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.client = newClient(t, s.url)
	return s
}
