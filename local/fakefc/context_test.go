package fakefc_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakefc"
)

// seen is what the test function reports of its surroundings.
type seen struct {
	Event    string
	Deadline int64
	Env      []string
	Dir      string
	Context  struct {
		RequestID         string
		RetryCount        int
		Region, AccountID string
		Credentials       struct{ AccessKeyID, AccessKeySecret, SecurityToken string }
		Function          struct {
			Name, Handler, Memory string
			Timeout               int
		}
		Service struct{ Name, LogProject, LogStore, Qualifier, VersionID string }
	}
}

func TestTheHandlerSeesWhatThePlatformSays(t *testing.T) {
	t.Setenv("FAKEFC_SECRET", "of this process")
	dir := t.TempDir()
	s := newServer(t, func(o *fakefc.Options) {
		o.CodeDir = dir
		o.Env = map[string]string{"RESULT_TOPIC": "results", "FC_REGION": "not for the function to say", "TZ": "Asia/Shanghai"}
	})
	before := time.Now()
	result := invoke(t, s, `{"do":"context"}`)
	after := time.Now()
	got := decode[seen](t, result.Body)

	var want seen
	want.Event = `{"do":"context"}`
	want.Deadline, want.Dir, want.Env = got.Deadline, dir, got.Env
	c := &want.Context
	c.RequestID, c.Region, c.AccountID = result.RequestID, region, account
	c.Credentials.AccessKeyID = "STS.local-000001"
	c.Credentials.AccessKeySecret = "local-sts-secret-000001"
	c.Credentials.SecurityToken = "CAIS-local+token/000001=="
	c.Function.Name, c.Function.Handler, c.Function.Memory, c.Function.Timeout = name, "main", "128", 20
	c.Service.Qualifier, c.Service.VersionID = "LATEST", "LATEST"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	deadline := time.UnixMilli(got.Deadline)
	if deadline.Before(before.Add(19*time.Second)) || deadline.After(after.Add(20*time.Second)) {
		t.Errorf("deadline %s, want 20s after %s", deadline, before)
	}
	checkEnv(t, got.Env, dir, result.InstanceID)
}

func checkEnv(t *testing.T, env []string, dir, instance string) {
	t.Helper()
	got := map[string]string{}
	for _, entry := range env {
		key, value, _ := strings.Cut(entry, "=")
		got[key] = value
	}
	if api := got["FC_RUNTIME_API"]; !strings.HasPrefix(api, "127.0.0.1:") {
		t.Errorf("FC_RUNTIME_API is %q, want a loopback address without a scheme", api)
	}
	delete(got, "FC_RUNTIME_API")
	want := map[string]string{
		"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "TZ": "Asia/Shanghai", "RESULT_TOPIC": "results",
		"FC_FUNC_CODE_PATH": dir + "/", "FC_FUNCTION_NAME": name, "FC_FUNCTION_HANDLER": "main",
		"FC_FUNCTION_MEMORY_SIZE": "128", "FC_REGION": region, "FC_ACCOUNT_ID": account, "FC_QUALIFIER": "LATEST",
		"FC_VER_ID": "LATEST", "FC_INSTANCE_ID": instance, "FC_RUNTIME": "go1", "FC_TIMEOUT": "20",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment: %s", diff)
	}
}

func TestEachInvocationHasCredentialsOfItsOwn(t *testing.T) {
	t.Parallel()
	o := options(func(o *fakefc.Options) { o.CredentialsTTL = time.Hour })
	s := newServer(t, func(set *fakefc.Options) { *set = o })
	for range 2 {
		got := decode[seen](t, invoke(t, s, `{"do":"context"}`).Body).Context.Credentials
		list := s.Invocations()
		if logged := list[len(list)-1].AccessKeyID; logged != got.AccessKeyID {
			t.Errorf("the log says %q, the function had %q", logged, got.AccessKeyID)
		}
		key, err := o.Keys.Lookup(got.AccessKeyID, got.SecurityToken)
		if err != nil || key.Secret != got.AccessKeySecret {
			t.Errorf("the keyring says %v of %+v", err, got)
		}
		if left := time.Until(key.Expires); left > time.Hour || left < 50*time.Minute {
			t.Errorf("the credentials are good for %s, want an hour", left)
		}
	}
	if list := s.Invocations(); list[0].AccessKeyID == list[1].AccessKeyID {
		t.Errorf("both invocations had %q", list[0].AccessKeyID)
	}
}

func TestTheCodeIsInTheBinarysFolder(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	if got := decode[seen](t, invoke(t, s, `{"do":"context"}`).Body); got.Dir != filepath.Dir(handler) {
		t.Errorf("working directory %q, want %q", got.Dir, filepath.Dir(handler))
	}
}
