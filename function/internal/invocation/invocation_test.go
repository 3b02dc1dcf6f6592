package invocation_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/invocation"
)

const (
	accessKeyID = "STS.NTtestKeyId"
	secret      = "testSecret+/="
	token       = "CAIS+tok/en=="
)

func context(change ...func(*fccontext.FcContext)) *fccontext.FcContext {
	fc := &fccontext.FcContext{
		RequestID: "1-6923", RetryCount: 2, Region: "cn-hangzhou", AccountId: "1234567890123456",
		Function:    fccontext.Function{Name: "rds-kernel-upgrade", Handler: "main"},
		Credentials: fccontext.Credentials{AccessKeyId: accessKeyID, AccessKeySecret: secret, SecurityToken: token},
	}
	for _, f := range change {
		f(fc)
	}
	return fc
}

func TestInvocationHasWhatTheRuntimeSays(t *testing.T) {
	t.Parallel()
	i, err := invocation.From(context())
	if err != nil {
		t.Fatal(err)
	}
	id, key, tok := i.Credentials.Reveal()
	got := []any{i.RequestID, i.RetryCount, i.Region, i.Account, i.Function, i.ARN(), id, key, tok}
	want := []any{
		"1-6923", 2, "cn-hangzhou", "1234567890123456", "rds-kernel-upgrade",
		"acs:fc:cn-hangzhou:1234567890123456:functions/rds-kernel-upgrade", accessKeyID, secret, token,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("invocation (-want +got):\n%s", diff)
	}
}

func TestInvocationWithoutWhatTheFunctionNeedsIsRefused(t *testing.T) {
	t.Parallel()
	const (
		noPlace = "the invocation names no region or account: Function Compute sends both with every event"
		noRole  = "the invocation carries no credentials: give the function a role (s.yaml: role)"
	)
	for name, test := range map[string]struct {
		change func(*fccontext.FcContext)
		want   string
	}{
		"no region":         {func(fc *fccontext.FcContext) { fc.Region = "" }, noPlace},
		"no account":        {func(fc *fccontext.FcContext) { fc.AccountId = "" }, noPlace},
		"no access key":     {func(fc *fccontext.FcContext) { fc.Credentials.AccessKeyId = "" }, noRole},
		"no secret":         {func(fc *fccontext.FcContext) { fc.Credentials.AccessKeySecret = "" }, noRole},
		"no security token": {func(fc *fccontext.FcContext) { fc.Credentials.SecurityToken = "" }, noRole},
		"no role at all":    {func(fc *fccontext.FcContext) { fc.Credentials = fccontext.Credentials{} }, noRole},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := invocation.From(context(test.change))
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// holder has the credentials where fmt cannot ask them how they want to be printed.
type holder struct {
	hidden  invocation.Credentials
	pointer *invocation.Credentials
	inside  struct{ list []invocation.Credentials }
}

// prints are the ways in which a value gets into a log or a message.
var prints = map[string]func(any) string{
	"%v":    func(v any) string { return fmt.Sprintf("%v", v) },
	"%+v":   func(v any) string { return fmt.Sprintf("%+v", v) },
	"%#v":   func(v any) string { return fmt.Sprintf("%#v", v) },
	"%s":    func(v any) string { return fmt.Sprintf("%s", v) },
	"%q":    func(v any) string { return fmt.Sprintf("%q", v) },
	"%x":    func(v any) string { return fmt.Sprintf("%x", v) },
	"%d":    func(v any) string { return fmt.Sprintf("%d", v) },
	"Print": func(v any) string { return fmt.Sprint(v) },
	"Errorf": func(v any) string {
		return errors.Join(fmt.Errorf("with %v", v)).Error()
	},
	"json": func(v any) string {
		text, _ := json.Marshal(v)
		return string(text)
	},
	"xml": func(v any) string {
		text, _ := xml.Marshal(v)
		return string(text)
	},
	"slog's own value": func(v any) string { return slog.AnyValue(v).Resolve().String() },
	"slog JSON": func(v any) string {
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", v)
		return b.String()
	},
	"slog text": func(v any) string {
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", v)
		return b.String()
	},
}

func TestCredentialsNeverPrintThemselves(t *testing.T) {
	t.Parallel()
	i, err := invocation.From(context())
	if err != nil {
		t.Fatal(err)
	}
	c := i.Credentials
	h := holder{hidden: c, pointer: &c}
	h.inside.list = []invocation.Credentials{c}
	for way, print := range prints {
		for what, value := range map[string]any{
			"credentials": c, "a pointer to them": &c, "an invocation": i, "a pointer to it": &i, "a list": []any{c, i},
			"a map": map[string]any{"c": c}, "unexported fields": h, "a pointer to those": &h,
		} {
			text := print(value)
			for _, part := range []string{accessKeyID, secret, token, fmt.Sprintf("%x", secret)} {
				if strings.Contains(text, part) {
					t.Errorf("%s of %s shows %q: %s", way, what, part, text)
				}
			}
			if direct := what == "credentials" || what == "an invocation"; direct && !strings.Contains(text, "[credentials]") && way != "xml" {
				t.Errorf("%s of %s does not say that something is left out: %s", way, what, text)
			}
		}
	}
}

// A handler that looks into values by reflection sees a text, and nothing behind it.
func TestCredentialsAreATextForEveryLogHandler(t *testing.T) {
	t.Parallel()
	value := slog.AnyValue(invocation.NewCredentials(accessKeyID, secret, token)).Resolve()
	if value.Kind() != slog.KindString || value.String() != "[credentials]" {
		t.Errorf("got %s %v", value.Kind(), value)
	}
}

// The reason for all this: the runtime's own struct prints everything.
func TestRuntimesContextPrintsTheSecret(t *testing.T) {
	t.Parallel()
	for way, print := range prints {
		if text := print(*context()); strings.HasPrefix(way, "%v") && !strings.Contains(text, secret) {
			t.Errorf("%s of the runtime's context no longer shows the secret: %s", way, text)
		}
	}
}

func TestNoCredentialsRevealNothing(t *testing.T) {
	t.Parallel()
	var none invocation.Credentials
	if id, key, tok := none.Reveal(); id+key+tok != "" {
		t.Errorf("got %q %q %q", id, key, tok)
	}
	if text := none.Redact("nothing to hide"); text != "nothing to hide" {
		t.Errorf("got %q", text)
	}
}
