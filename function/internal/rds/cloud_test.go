package rds_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/sts"
)

const region = "cn-hangzhou"

// outside stands for everything beyond this machine: a proxy that notes who is asked for, and lets nobody through.
var outside rig.Outside

func TestMain(m *testing.M) { os.Exit(outside.Run(m)) }

// cloud is a fake of the service on loopback, with an instance rm-1 that has an upgrade to do.
type cloud struct {
	*fakerds.Server
	url  string
	keys *sts.Keyring
}

func newCloud(t *testing.T, change ...func(*fakerds.Options)) *cloud {
	t.Helper()
	options := fakerds.Options{Now: time.Now, Keys: sts.NewKeyring(time.Now)}
	for _, f := range change {
		f(&options)
	}
	c := &cloud{Server: fakerds.New(options), keys: options.Keys}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	c.Add(fakerds.Instance{
		DBInstanceID: "rm-1", CurrentKernelVersion: "rds_20231231", LatestKernelVersion: "rds_20260228",
		Tags: map[string]string{"env": "dev"},
	})
	return c
}

// client makes a client with fresh temporary credentials.
func (c *cloud) client(t *testing.T) *rds.Client {
	t.Helper()
	return newClient(t, c.url, credentialsOf(c.keys.Issue(time.Hour)))
}

func credentialsOf(key sts.Key) invocation.Credentials {
	return invocation.NewCredentials(key.ID, key.Secret, key.Token)
}

func newClient(t *testing.T, address string, c invocation.Credentials) *rds.Client {
	t.Helper()
	pool := transport.New()
	t.Cleanup(pool.Close)
	return rds.New(pool, pace.New(1e6, time.Now), endpointOf(t, address), c)
}

func endpointOf(t *testing.T, address string) *transport.Endpoint {
	t.Helper()
	endpoint, err := transport.ParseEndpoint(address)
	if err != nil {
		t.Fatal(err)
	}
	return &endpoint
}

// The credentials of clients whose server does not check them. The token has every character that is written in
// more than one way.
const (
	accessKeyID = "STS.NTtestKeyId"
	secret      = "testSecret+/="
	token       = "CAIS+tok/en=="
)

// service is a server that answers every request in the same way.
type service struct {
	client *rds.Client
	url    string
	seen   atomic.Int64
	last   atomic.Pointer[url.Values] // the parameters of the last request
}

func serve(t *testing.T, answer http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.seen.Add(1)
		parameters := r.URL.Query()
		s.last.Store(&parameters)
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.client = newClient(t, s.url, invocation.NewCredentials(accessKeyID, secret, token))
	return s
}

// reply answers with a status and a body, into which echo, if it is there, puts the query that came.
func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, strings.ReplaceAll(body, echo, r.URL.RawQuery))
	}
}

const echo = "<echo>"

// always is for a call that may be made whenever its turn comes.
func always() error { return nil }

// upgradeOf returns the parameters of an upgrade of rm-1.
func upgradeOf(change ...func(*fleet.Call)) fleet.Call {
	u := fleet.Call{DBInstanceID: "rm-1", RegionID: region, UpgradeTime: "Immediate"}
	for _, f := range change {
		f(&u)
	}
	return u
}
