package transport_test

import (
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/transport"
)

func TestEndpointsThatAreTaken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		endpoint transport.Endpoint
		loopback bool
	}{
		"https://rds.aliyuncs.com":                     {transport.Endpoint{Scheme: "https", Host: "rds.aliyuncs.com"}, false},
		"https://rds.aliyuncs.com/":                    {transport.Endpoint{Scheme: "https", Host: "rds.aliyuncs.com"}, false},
		"https://rds-vpc.cn-hangzhou.aliyuncs.com:443": {transport.Endpoint{Scheme: "https", Host: "rds-vpc.cn-hangzhou.aliyuncs.com:443"}, false},
		"https://10.0.0.1":                             {transport.Endpoint{Scheme: "https", Host: "10.0.0.1"}, false},
		"https://127.0.0.1:9001":                       {transport.Endpoint{Scheme: "https", Host: "127.0.0.1:9001"}, true},
		"http://127.0.0.1:9001":                        {transport.Endpoint{Scheme: "http", Host: "127.0.0.1:9001"}, true},
		"http://127.0.0.1:9001/":                       {transport.Endpoint{Scheme: "http", Host: "127.0.0.1:9001"}, true},
		"http://127.8.8.8":                             {transport.Endpoint{Scheme: "http", Host: "127.8.8.8"}, true},
		"http://localhost:9001":                        {transport.Endpoint{Scheme: "http", Host: "localhost:9001"}, true},
		"http://[::1]:9001":                            {transport.Endpoint{Scheme: "http", Host: "[::1]:9001"}, true},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := transport.ParseEndpoint(text)
			if err != nil || got != want.endpoint {
				t.Errorf("got %+v, %v, want %+v", got, err, want.endpoint)
			}
			if got.Loopback() != want.loopback {
				t.Errorf("on loopback: got %t, want %t", got.Loopback(), want.loopback)
			}
		})
	}
}

func TestEndpointsThatAreRefused(t *testing.T) {
	t.Parallel()
	const (
		noEndpoint = " is not an endpoint: want https://host or, on loopback, http://127.0.0.1:port"
		plain      = " sends credentials in plain text: want https:// (http:// is accepted for loopback only)"
		user       = "an endpoint has no user or password: want https://host or, on loopback, http://127.0.0.1:port"
	)
	for text, want := range map[string]string{
		"":                                 noEndpoint,
		"rds.aliyuncs.com":                 noEndpoint,
		"rds.aliyuncs.com:443":             noEndpoint,
		"127.0.0.1:9001":                   noEndpoint,
		"localhost:9001":                   noEndpoint,
		"//rds.aliyuncs.com":               ` has scheme "": want https://`,
		"https://":                         noEndpoint,
		"https://:443":                     noEndpoint,
		"https://rds.aliyuncs.com:0":       noEndpoint,
		"https://rds.aliyuncs.com:65536":   noEndpoint,
		"https:rds.aliyuncs.com":           noEndpoint,
		"https:///rds.aliyuncs.com":        noEndpoint,
		"https://rds.aliyuncs.com/v1":      noEndpoint,
		"https://rds.aliyuncs.com//":       noEndpoint,
		"https://rds.aliyuncs.com?a=b":     noEndpoint,
		"https://rds.aliyuncs.com?":        noEndpoint,
		"https://rds.aliyuncs.com#top":     noEndpoint,
		"https://rds.aliyuncs.com:port":    noEndpoint,
		"https://rds aliyuncs.com":         noEndpoint,
		" https://rds.aliyuncs.com":        noEndpoint,
		"https://rds.aliyuncs.com\n":       noEndpoint,
		"https://[fe80::1%25eth0]":         noEndpoint,
		"https://rds.aliyuncs.com:":        noEndpoint,
		"https://rds%80.aliyuncs.com":      noEndpoint,
		"https://me@rds.aliyuncs.com":      user,
		"https://me:pass@rds.aliyuncs.com": user,
		"http://127.0.0.1:9001@evil.test":  user,
		"https://me:pass@rds:port":         user,
		"ftp://rds.aliyuncs.com":           ` has scheme "ftp": want https://`,
		"unix://127.0.0.1":                 ` has scheme "unix": want https://`,
		"http://rds.aliyuncs.com":          plain,
		"http://10.0.0.1:9001":             plain,
		"http://0.0.0.0:9001":              plain,
		"http://[2001:db8::1]:9001":        plain,
		"http://127.0.0.1.evil.test":       plain,
		"http://localhost.evil.test":       plain,
		"http://127.1:9001":                plain,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := transport.ParseEndpoint(text)
			if err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("got %+v, %v, want …%s", got, err, want)
			}
			if got != (transport.Endpoint{}) {
				t.Errorf("an endpoint %+v besides the error", got)
			}
			if err != nil && strings.Contains(err.Error(), "pass@") {
				t.Errorf("the password is repeated: %v", err)
			}
		})
	}
}
