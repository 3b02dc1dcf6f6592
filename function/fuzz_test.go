package main_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/function/internal/transport"
)

// FuzzLoadConfig wants what is taken from the environment to be fit for a request's path and address, and what is refused to be named.
func FuzzLoadConfig(f *testing.F) {
	for _, value := range []string{
		"rds-kernel-upgrade-results", "", "-", "a/../b", "a\r\nHost: evil", "a?b", "%2e", strings.Repeat("a", 121), "ünï", "INFO", "debug+4", "sdk", "a/b", "a//b",
		"http://127.0.0.1:9001", "https://rds.aliyuncs.com", "http://rds.aliyuncs.com", "http://localhost.evil", "https://u:p@h", "https://h/p", "https://[::1]:1", "://",
	} {
		for _, name := range []string{"RESULT_TOPIC", "STATE_BUCKET", "STATE_PREFIX", "RDS_ENDPOINT", "MNS_ENDPOINT", "OSS_ENDPOINT", "MODE", "LOG_LEVEL", "DEBUG"} {
			f.Add(name, value)
		}
	}
	topics, buckets := regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,119}$`), regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	f.Fuzz(func(t *testing.T, name, value string) {
		if name == "POLICY_FILE" { // it names a file, which is not read for a test
			return
		}
		c, err := function.LoadConfig(environment(map[string]string{name: value}), t.TempDir())
		if err != nil {
			if !strings.HasPrefix(err.Error(), name) {
				t.Errorf("%s=%q: the error does not begin with the name: %v", name, value, err)
			}
			return
		}
		if !topics.MatchString(c.ResultTopic) || !buckets.MatchString(c.StateBucket) {
			t.Errorf("%s=%q gives topic %q, bucket %q", name, value, c.ResultTopic, c.StateBucket)
		}
		if key := "/" + c.StatePrefix + "/"; len(key) > 202 || url.PathEscape(c.StatePrefix) != strings.ReplaceAll(c.StatePrefix, "/", "%2F") || strings.Contains(key, "//") || strings.Contains(key, "/../") {
			t.Errorf("%s=%q gives prefix %q", name, value, c.StatePrefix)
		}
		for _, e := range []*transport.Endpoint{c.RDSEndpoint, c.MNSEndpoint, c.OSSEndpoint} {
			if e == nil {
				continue
			}
			if u, err := url.Parse(e.Scheme + "://" + e.Host); err != nil || u.Host != e.Host || u.User != nil || e.Scheme != "https" && !e.Loopback() {
				t.Errorf("%q gives %+v", value, e)
			}
		}
	})
}
