package rig_test

import (
	"net/http"
	"net/url"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/rig"
)

func TestOutsideLetsNobodyThroughAndNotesWhoWasAskedFor(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "no_proxy"} {
		t.Setenv(name, "example.com")
	}
	var outside rig.Outside
	code := outside.Run(suite(func() int {
		proxy, err := url.Parse(os.Getenv("HTTP_PROXY"))
		if err != nil || proxy.String() != os.Getenv("HTTPS_PROXY") || os.Getenv("NO_PROXY")+os.Getenv("no_proxy") != "" {
			t.Errorf("the proxy is %s and %s (%v), with exceptions", proxy, os.Getenv("HTTPS_PROXY"), err)
		}
		transport := &http.Transport{Proxy: http.ProxyURL(proxy)}
		defer transport.CloseIdleConnections()
		for _, address := range []string{"http://example.com/a", "https://example.com/a"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := transport.RoundTrip(r)
			if err == nil {
				_ = response.Body.Close()
			}
			if err == nil && response.StatusCode != http.StatusBadGateway {
				t.Errorf("%s: got %s", address, response.Status)
			}
		}
		return 7
	}))
	if code != 7 {
		t.Errorf("the tests ended with 7, the run with %d", code)
	}
	if diff := cmp.Diff([]string{"GET http://example.com/a", "CONNECT example.com:443"}, outside.Asked()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if again := outside.Asked(); len(again) != 0 {
		t.Errorf("asked again: %v", again)
	}
}
