package rds

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	api "github.com/aliyun/alibaba-cloud-sdk-go/services/rds"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
)

// timeForm is how the API writes times.
const timeForm = "2006-01-02T15:04:05Z"

// Instance returns one instance, without its tags. One that is missing is a NotFound fault, whether the API says so with a
// 404 or with a list that does not have it.
func (c *Client) Instance(ctx context.Context, region, id string) (fleet.Instance, error) {
	request, response := api.CreateDescribeDBInstanceAttributeRequest(), api.CreateDescribeDBInstanceAttributeResponse()
	request.DBInstanceId = id
	if err := c.do(ctx, region, id, request, response, &response.RequestId); err != nil {
		return fleet.Instance{}, err
	}
	for _, a := range response.Items.DBInstanceAttribute {
		if a.DBInstanceId == id && a.RegionId == region {
			return instance(a), nil
		}
	}
	return fleet.Instance{}, &fault.Error{
		Op: "rds: DescribeDBInstanceAttribute " + id, Kind: fault.NotFound, Code: "InvalidDBInstanceId.NotFound",
		Message: "no such instance in region " + region, RequestID: response.RequestId,
	}
}

func instance(a api.DBInstanceAttribute) fleet.Instance {
	return fleet.Instance{
		ID: a.DBInstanceId, Description: a.DBInstanceDescription, RegionID: a.RegionId,
		Engine: a.Engine, EngineVersion: a.EngineVersion, StorageType: a.DBInstanceStorageType,
		Status: a.DBInstanceStatus, LockMode: a.LockMode, MaintainTime: a.MaintainTime,
		CurrentKernelVersion: a.CurrentKernelVersion, LatestKernelVersion: a.LatestKernelVersion, AutoUpgradeMinorVersion: a.AutoUpgradeMinorVersion,
		Type: a.DBInstanceType, Category: a.Category, ResourceGroupID: a.ResourceGroupId,
		PrimaryID: a.MasterInstanceId, ReplicaIDs: replicas(a.ReadOnlyDBInstanceIds.ReadOnlyDBInstanceId),
	}
}

// Tags returns the tags of up to 50 instances, by instance. One that has none, or is gone, is not in the map.
func (c *Client) Tags(ctx context.Context, region string, ids []string) (map[string]map[string]string, error) {
	tags := map[string]map[string]string{}
	err := c.pages(ctx, "rds: ListTagResources "+names(ids), func(token string) (string, error) {
		request, response := api.CreateListTagResourcesRequest(), api.CreateListTagResourcesResponse()
		request.ResourceType, request.ResourceId, request.NextToken = "INSTANCE", &ids, token
		if err := c.do(ctx, region, names(ids), request, response, &response.RequestId); err != nil {
			return "", err
		}
		for _, t := range response.TagResources.TagResource {
			if !slices.Contains(ids, t.ResourceId) {
				continue
			}
			if tags[t.ResourceId] == nil {
				tags[t.ResourceId] = map[string]string{}
			}
			tags[t.ResourceId][t.TagKey] = t.TagValue
		}
		return response.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	return tags, nil
}

// names returns what stands for several instances in the text of an error.
func names(ids []string) string {
	switch len(ids) {
	case 0:
		return ""
	case 1:
		return ids[0]
	default:
		return fmt.Sprintf("%s and %d more", ids[0], len(ids)-1)
	}
}

// Offers returns the kernel versions that the API lists for a kind of instance. unlisted is how many more it counts: the request has no
// page parameter, so the rest cannot be read.
func (c *Client) Offers(ctx context.Context, k fleet.Kind) (offers []fleet.Offer, unlisted int, err error) {
	request, response := api.CreateDescribeDBMiniEngineVersionsRequest(), api.CreateDescribeDBMiniEngineVersionsResponse()
	request.DBInstanceId = k.DBInstanceID
	request.Engine, request.EngineVersion, request.NodeType, request.StorageType = k.Engine, k.EngineVersion, k.NodeType, k.StorageType
	if err := c.do(ctx, k.RegionID, strings.TrimSpace(k.DBInstanceID+" "+k.Engine+" "+k.EngineVersion), request, response, &response.RequestId); err != nil {
		return nil, 0, err
	}
	offers = []fleet.Offer{}
	for _, item := range response.MinorVersionItems {
		offers = append(offers, fleet.Offer{
			Version: item.MinorVersion, Community: item.CommunityMinorVersion,
			Online: item.StatusDesc == "Online", Beta: item.ReleaseType == "BETA",
			Expired: item.ExpireStatus == "expired" && item.StatusDesc != "Offline", // the API says nothing by it of an offline one
		})
	}
	return offers, max(0, response.TotalCount-len(offers)), nil
}

// Limits of DescribeHistoryTasks (RDS API 2014-08-15): how many instances a call takes, and tasks on a page.
const (
	maxTaskInstances = 30
	taskPage         = 100
)

// Tasks returns the tasks of up to 30 instances that began at the given time or later, by instance. Which type of task an upgrade is, is not
// documented, so all types are returned.
func (c *Client) Tasks(ctx context.Context, region string, ids []string, since, now time.Time) (map[string][]fleet.Task, error) {
	if len(ids) > maxTaskInstances {
		return nil, &fault.Error{Op: "rds: DescribeHistoryTasks", Kind: fault.Internal, Message: fmt.Sprintf("%d instances: a call takes at most %d", len(ids), maxTaskInstances)}
	}
	tasks, read := map[string][]fleet.Task{}, 0
	err := c.pages(ctx, "rds: DescribeHistoryTasks "+names(ids), func(page string) (string, error) {
		request, response := api.CreateDescribeHistoryTasksRequest(), api.CreateDescribeHistoryTasksResponse()
		request.InstanceType, request.InstanceId = "Instance", strings.Join(ids, ",")
		request.FromStartTime, request.ToStartTime = since.UTC().Format(timeForm), now.UTC().Add(time.Minute).Format(timeForm)
		number, _ := strconv.Atoi(page) // "" is the first
		number = max(1, number)
		request.PageSize, request.PageNumber = requests.NewInteger(taskPage), requests.NewInteger(number)
		if err := c.do(ctx, region, names(ids), request, response, &response.RequestId); err != nil {
			return "", err
		}
		for _, t := range response.Items {
			if !slices.Contains(ids, t.InstanceId) {
				continue
			}
			start, _ := time.Parse(timeForm, t.StartTime) // zero if it cannot be read
			tasks[t.InstanceId] = append(tasks[t.InstanceId], fleet.Task{ID: t.TaskId, Status: fleet.TaskStatus(t.Status), Start: start, Reason: t.ReasonCode})
		}
		if read += len(response.Items); len(response.Items) == 0 || read >= response.TotalCount {
			return "", nil
		}
		return strconv.Itoa(number + 1), nil
	})
	if err != nil {
		return nil, err
	}
	return tasks, nil
}

// Upgrade makes the call that all this is about. Only documented parameters are sent, and none without a value. It calls may when it has waited
// for the rate limit; if may returns an error, nothing is sent, and Upgrade returns that error as it is. Every other error is a fault.
func (c *Client) Upgrade(ctx context.Context, u fleet.Call, may func() error) (fleet.Acceptance, error) {
	request, response := api.CreateUpgradeDBInstanceKernelVersionRequest(), api.CreateUpgradeDBInstanceKernelVersionResponse()
	request.DBInstanceId, request.UpgradeTime, request.TargetMinorVersion = u.DBInstanceID, u.UpgradeTime, u.TargetMinorVersion
	if !u.SwitchTime.IsZero() {
		request.SwitchTime = u.SwitchTime.UTC().Format(timeForm)
	}
	if err := c.onlyIf(may).do(ctx, u.RegionID, u.DBInstanceID, request, response, &response.RequestId); err != nil {
		return fleet.Acceptance{}, err
	}
	return fleet.Acceptance{
		RequestID: response.RequestId, TaskID: response.TaskId,
		DBInstanceName: response.DBInstanceName, TargetMinorVersion: response.TargetMinorVersion,
	}, nil
}
