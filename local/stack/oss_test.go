package stack_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss"
	"github.com/aliyun/alibabacloud-oss-go-sdk-v2/oss/credentials"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/rig"
	"rds-kernel-upgrade/local/stack"
)

func TestTheStateHasAPrivateBucketWithoutVersioning(t *testing.T) {
	t.Parallel()
	c := start(t, setup{})
	client := oss.NewClient(oss.LoadDefaultConfig().WithRegion(stack.Region).WithEndpoint(c.OSSURL).
		WithCredentialsProvider(credentials.NewStaticCredentialsProvider(stack.AccessKeyID, stack.Secret)))
	versioning, err := client.GetBucketVersioning(t.Context(), &oss.GetBucketVersioningRequest{Bucket: oss.Ptr(stack.StateBucket)})
	if err != nil || versioning.VersionStatus != nil {
		t.Errorf("got %+v, %v", versioning, err)
	}
	const first = "rds-kernel-upgrade/state/000000000001.json"
	put := &oss.PutObjectRequest{Bucket: oss.Ptr(stack.StateBucket), Key: oss.Ptr(first), Body: strings.NewReader("{}"), ForbidOverwrite: oss.Ptr("true")}
	if _, err := client.PutObject(t.Context(), put); err == nil || !strings.Contains(err.Error(), "FileAlreadyExists") {
		t.Errorf("the first document was not there before: %v", err)
	}
	if d := c.document(t); d.Key != first || d.Number != 1 || len(d.Rollouts) > 0 || c.StateWrites() != 0 {
		t.Errorf("got %+v", d)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, c.OSSURL+"/"+stack.StateBucket+"/"+first, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := rig.Send(t, r); got.Status != http.StatusForbidden {
		t.Errorf("without a signature: %+v", got)
	}
}

// TestWithoutItsDocumentNothingIsCalled takes the bucket away, and gives it back: Function Compute delivers the request again until then.
func TestWithoutItsDocumentNothingIsCalled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bucket bool
		says   string
	}{
		"no bucket":   {false, "STATE_BUCKET"},
		"no document": {true, "there is no document, so nothing is called"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := start(t, setup{fleet: members(three...)})
			document := cloud.OSS.Objects("")[0]
			cloud.OSS.DeleteBucket(stack.StateBucket)
			if c.bucket {
				cloud.makeBucket(t)
			}
			cloud.later(t, topicEvent(sweeping))
			until(t, "the request fails", func() bool {
				return slices.ContainsFunc(cloud.FC.Invocations(), func(i fakefc.Invocation) bool { return strings.Contains(i.Body, c.says) })
			})
			if calls := cloud.RDS.Calls(); len(calls) != 0 || len(cloud.notifications(t)) != 0 {
				t.Errorf("something was begun: %+v", calls)
			}
			if !c.bucket {
				cloud.makeBucket(t)
			}
			if err := cloud.OSS.Store(stack.StateBucket, document.Key, document.Content); err != nil {
				t.Fatal(err)
			}
			cloud.play(t)
			cloud.upgradedOnce(t, three...)
			cloud.wantAccounts(t, all("completed", three...))
			cloud.clean(t)
			cloud.explain(t)
		})
	}
}

func (c *cloud) makeBucket(t *testing.T) {
	t.Helper()
	if err := c.OSS.CreateBucket(stack.StateBucket, fakeoss.BucketOptions{}); err != nil {
		t.Fatal(err)
	}
}
