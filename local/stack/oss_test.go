package stack_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"

	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/stack"
)

func TestTheStateHasAPrivateBucketWithoutVersioning(t *testing.T) {
	t.Parallel()
	var seen atomic.Int32 // by whoever stands in front of the service
	s, err := stack.Start(stack.Options{Binary: binary, Now: time.Now, Wrap: func(service string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if service == "oss" {
				seen.Add(1)
			}
			next.ServeHTTP(w, r)
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(context.Background())
	client := oss.NewClient(oss.LoadDefaultConfig().WithRegion(stack.Region).WithEndpoint(s.OSSURL).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(stack.AccessKeyID, stack.Secret)))
	versioning, err := client.GetBucketVersioning(t.Context(), &oss.GetBucketVersioningRequest{Bucket: oss.Ptr(stack.StateBucket)})
	if err != nil || versioning.VersionStatus != nil {
		t.Errorf("got %+v, %v", versioning, err)
	}
	put := &oss.PutObjectRequest{
		Bucket: oss.Ptr(stack.StateBucket), Key: oss.Ptr("state/1.json"), Body: strings.NewReader("{}"), ForbidOverwrite: oss.Ptr("true"),
	}
	if _, err := client.PutObject(t.Context(), put); err != nil {
		t.Error(err)
	}
	if all := s.OSS.Objects("state/"); len(all) != 1 || string(all[0].Content) != "{}" {
		t.Errorf("got %+v", all)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, s.OSSURL+"/"+stack.StateBucket+"/state/1.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := rig.Send(t, r); got.Status != http.StatusForbidden {
		t.Errorf("without a signature: %+v", got)
	}
	if seen.Load() != 3 {
		t.Errorf("%d requests were seen in front of it, want 3", seen.Load())
	}
}
