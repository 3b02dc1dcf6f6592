package fakerds_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/auth/credentials"
	sdkerrors "github.com/aliyun/alibaba-cloud-sdk-go/sdk/errors"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/responses"
	"github.com/aliyun/alibaba-cloud-sdk-go/services/rds"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/sts"
)

// sdkCloud is a cloud whose clock is the real one, since the SDK stamps its requests itself.
func sdkCloud(t *testing.T, change ...func(*fakerds.Options)) (*cloud, func(requests.AcsRequest, responses.AcsResponse) error) {
	t.Helper()
	c := newCloud(t, change...)
	c.clock.Set(time.Now())
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.key = c.keys.Issue(time.Hour)
	return c, func(request requests.AcsRequest, response responses.AcsResponse) error {
		client, err := sdk.NewClientWithOptions("cn-hangzhou", sdk.NewConfig(), credentials.NewStsTokenCredential(c.key.ID, c.key.Secret, c.key.Token))
		if err != nil {
			t.Fatal(err)
		}
		request.SetScheme("http")
		request.SetDomain(strings.TrimPrefix(server.URL, "http://"))
		return client.DoAction(request, response)
	}
}

func TestPrescribedSDKUpgradesAnInstance(t *testing.T) {
	for name, numeric := range map[string]bool{"TaskId is a string": false, "TaskId is a number": true} {
		t.Run(name, func(t *testing.T) {
			c, do := sdkCloud(t, func(o *fakerds.Options) { o.NumericTaskID = numeric })
			c.Add(mysql("rm-1"))
			for _, format := range []string{"JSON", "XML"} {
				request, response := rds.CreateDescribeDBInstanceAttributeRequest(), rds.CreateDescribeDBInstanceAttributeResponse()
				request.DBInstanceId = "rm-1"
				request.AcceptFormat = format
				if err := do(request, response); err != nil {
					t.Fatal(err)
				}
				if got := response.Items.DBInstanceAttribute; len(got) != 1 || got[0].CurrentKernelVersion != "rds_20231231" || got[0].DBInstanceStatus != "Running" {
					t.Fatalf("%s: %+v", format, got)
				}
			}
			request, response := rds.CreateUpgradeDBInstanceKernelVersionRequest(), rds.CreateUpgradeDBInstanceKernelVersionResponse()
			request.DBInstanceId, request.UpgradeTime, request.TargetMinorVersion = "rm-1", "Immediate", "rds_20260228"
			if err := do(request, response); err != nil {
				t.Fatal(err)
			}
			if response.TaskId != "226917711" || response.DBInstanceName != "rm-1" || response.TargetMinorVersion != "rds_20260228" || response.RequestId == "" {
				t.Errorf("got %+v", response)
			}
		})
	}
}

func TestPrescribedSDKReadsTheFleet(t *testing.T) {
	c, do := sdkCloud(t)
	primary := mysql("rm-1")
	primary.ReadOnlyDBInstanceIDs = []string{"rr-1"}
	c.Add(primary)

	instances, page := rds.CreateDescribeDBInstancesRequest(), rds.CreateDescribeDBInstancesResponse()
	instances.MaxResults, instances.Tags = requests.NewInteger(100), `{"env":"a b*~+/é"}`
	tag, tagged := rds.CreateTagResourcesRequest(), rds.CreateTagResourcesResponse()
	tag.ResourceType, tag.ResourceId = "INSTANCE", &[]string{"rm-1"}
	tag.Tag = &[]rds.TagResourcesTag{{Key: "env", Value: "a b*~+/é"}}
	list, listed := rds.CreateListTagResourcesRequest(), rds.CreateListTagResourcesResponse()
	ids := []string{"rm-1"}
	for range 12 { // ResourceId.10 sorts before ResourceId.2
		ids = append(ids, "rm-none")
	}
	list.ResourceType, list.ResourceId = "INSTANCE", &ids
	versions, offered := rds.CreateDescribeDBMiniEngineVersionsRequest(), rds.CreateDescribeDBMiniEngineVersionsResponse()
	versions.DBInstanceId = "rm-1"
	history, tasks := rds.CreateDescribeHistoryTasksRequest(), rds.CreateDescribeHistoryTasksResponse()
	history.FromStartTime, history.ToStartTime = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"
	regions, zones := rds.CreateDescribeRegionsRequest(), rds.CreateDescribeRegionsResponse()
	untag, untagged := rds.CreateUntagResourcesRequest(), rds.CreateUntagResourcesResponse()
	untag.ResourceType, untag.ResourceId, untag.TagKey = "INSTANCE", &[]string{"rm-1"}, &[]string{"env"}
	for _, exchange := range []struct {
		request  requests.AcsRequest
		response responses.AcsResponse
		good     func() bool
	}{
		{tag, tagged, func() bool { return tagged.RequestId != "" }},
		{instances, page, func() bool {
			got := page.Items.DBInstance
			return page.TotalRecordCount == 1 && got[0].DBInstanceId == "rm-1" && got[0].ReadOnlyDBInstanceIds.ReadOnlyDBInstanceId[0].DBInstanceId == "rr-1"
		}},
		{list, listed, func() bool {
			got := listed.TagResources.TagResource
			return len(got) == 1 && got[0].TagKey == "env" && got[0].TagValue == "a b*~+/é"
		}},
		{versions, offered, func() bool {
			return offered.TotalCount == 2 && offered.MinorVersionItems[1].MinorVersion == "rds_20260228"
		}},
		{history, tasks, func() bool { return tasks.TotalCount == 0 && tasks.PageSize == 10 }},
		{regions, zones, func() bool { return zones.Regions.RDSRegion[0].RegionId == "cn-hangzhou" }},
		{untag, untagged, func() bool { return len(tagsOf(t, c, "rm-1")) == 0 }},
	} {
		if err := do(exchange.request, exchange.response); err != nil {
			t.Fatalf("%s: %v", exchange.request.GetActionName(), err)
		}
		if !exchange.good() {
			t.Errorf("%s: %s", exchange.request.GetActionName(), exchange.response.GetHttpContentString())
		}
	}
}

func TestPrescribedSDKUnderstandsRefusals(t *testing.T) {
	cases := []struct {
		name   string
		before func(*cloud)
		status int
		code   string
	}{
		{"of the action", func(*cloud) {}, 400, "InvalidDBInstanceName.NotFound"},
		{"of expired credentials", func(c *cloud) { c.keys.ExpireAll() }, 400, "InvalidSecurityToken.Expired"},
		{"of a wrong secret", func(c *cloud) { c.key = sts.Key{ID: c.key.ID, Secret: "wrong", Token: c.key.Token} }, 400, "SignatureDoesNotMatch"},
		{"of an old time stamp", func(c *cloud) { c.clock.Advance(20 * time.Minute) }, 400, "InvalidTimeStamp.Expired"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, do := sdkCloud(t)
			tc.before(c)
			request := rds.CreateDescribeDBInstanceAttributeRequest()
			request.DBInstanceId = "rm-none"
			var refused *sdkerrors.ServerError
			err := do(request, rds.CreateDescribeDBInstanceAttributeResponse())
			if !errors.As(err, &refused) || refused.HttpStatus() != tc.status || refused.ErrorCode() != tc.code || refused.RequestId() == "" {
				t.Fatalf("got %v", err)
			}
			if tc.code == "SignatureDoesNotMatch" && !strings.HasPrefix(refused.Recommend(), "InvalidAccessKeySecret") {
				t.Errorf("the SDK did not find its own string to sign: %s", refused.Recommend())
			}
		})
	}
}
