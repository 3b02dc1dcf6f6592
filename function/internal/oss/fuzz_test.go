package oss_test

import (
	"errors"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
)

// FuzzAnswer gives the adapter whatever a gateway may send. It must come out as what was asked for, in full, or as a fault, and never as a
// panic; and nothing counts as written but OSS's own word for it.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		success["ListObjectsV2 upgrades/rds/state/"].body, success["GetBucketVersioning upgrades"].body,
		"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>",
		keysIn(contents("rds%2Fstate%2F1", "rds%2Fstate%2F2") + "<IsTruncated>true</IsTruncated>"), keysIn("<Contents/><CommonPrefixes/>"),
		refusal(0, "FileAlreadyExists", "m").body, refusal(0, "NoSuchKey", "m").body, refusal(0, "SecurityTokenExpired", "m").body,
		"<Error><Code>NoSuchBucket</Code><StatusCode>200</StatusCode><Timestamp>x</Timestamp><Headers/></Error>",
		body, "", "<html>", "{}", "<Error>",
	} {
		for _, status := range []int{200, 204, 409, 503} {
			f.Add(status, seed, "", "")
		}
		f.Add(200, seed, "null", sumOf)
	}
	f.Fuzz(func(t *testing.T, status int, text, version, sum string) {
		if status < 200 || status > 599 || status >= 300 && status < 400 {
			t.Skip("the transport lets none through")
		}
		a := answer{status, text, map[string]string{"X-Oss-Version-Id": version, "X-Oss-Hash-Crc64ecma": sum}}
		for op, call := range calls {
			got, err := call(t.Context(), a.client())
			if err != nil {
				var f *fault.Error
				if !errors.As(err, &f) || f.Kind == "" || f.Op != "oss: "+op || got != "" || strings.Contains(err.Error(), token) {
					t.Errorf("%s: %d %q gives %q, %v", op, status, text, got, err)
				}
				continue
			}
			switch operation, _, _ := strings.Cut(op, " "); operation {
			case "PutObject":
				if created := got != ""; created && (status != 200 || version != "") || !created && (status != 409 || !strings.Contains(text, "FileAlreadyExists")) {
					t.Errorf("%s: %d %q, version %q: created %t", op, status, text, version, created)
				}
			case "GetObject":
				if status != 200 || got != text {
					t.Errorf("%s: %d %q gives %q", op, status, text, got)
				}
			case "ListObjectsV2":
				if status != 200 || !strings.Contains(text, "ListBucketResult") {
					t.Errorf("%s: %d %q gives %q", op, status, text, got)
				}
			case "GetBucketVersioning":
				if status != 200 || !strings.Contains(text, "VersioningConfiguration") || got == "true" && !strings.Contains(text, "Status") {
					t.Errorf("%s: %d %q gives %q", op, status, text, got)
				}
			}
		}
	})
}
