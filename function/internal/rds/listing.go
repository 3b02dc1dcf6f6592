package rds

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aliyun/alibaba-cloud-sdk-go/sdk/requests"
	api "github.com/aliyun/alibaba-cloud-sdk-go/services/rds"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
)

// Limits of DescribeDBInstances (RDS API 2014-08-15).
const (
	pageSize      = 100
	maxFilterTags = 5
)

// maxPages bounds a list that has no end: a region has never as many as 100,000 instances, nor 50 of them so many tags.
const maxPages = 1000

// Fleet returns the region's instances that the filter lets through, each once, in the order of the listing, with what the listing has: their
// status, but neither kernel version nor maintenance window. It returns all of them or a fault. A listing is ⌈N/100⌉ calls.
func (c *Client) Fleet(ctx context.Context, region string, f fleet.Filter) ([]fleet.Instance, error) {
	op := "rds: DescribeDBInstances " + region
	tags, err := tagFilter(f.Tags)
	if err != nil {
		return nil, &fault.Error{Op: op, Kind: fault.Invalid, Message: err.Error()}
	}
	all, listed := []fleet.Instance{}, map[string]bool{}
	err = c.pages(ctx, op, func(token string) (string, error) {
		request, response := api.CreateDescribeDBInstancesRequest(), api.CreateDescribeDBInstancesResponse()
		request.MaxResults, request.NextToken = requests.NewInteger(pageSize), token
		request.Engine, request.ResourceGroupId, request.Tags = f.Engine, f.ResourceGroupID, tags
		if err := c.do(ctx, region, region, request, response, &response.RequestId); err != nil {
			return "", err
		}
		unusable := func(form string, args ...any) error {
			text := fmt.Sprintf("the listing has "+form+": none of the list is used", args...)
			return &fault.Error{Op: op, Kind: fault.Internal, RequestID: response.RequestId, Message: text}
		}
		if n := len(response.Items.DBInstance); n > pageSize {
			return "", unusable("%d instances on a page of %d", n, pageSize)
		}
		for _, i := range response.Items.DBInstance {
			if i.DBInstanceId == "" || i.RegionId != region {
				return "", unusable("instance %q of region %q", i.DBInstanceId, i.RegionId)
			}
			if !listed[i.DBInstanceId] { // on two pages, when the fleet changes while it is read
				all, listed[i.DBInstanceId] = append(all, listedInstance(i)), true
			}
		}
		return response.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// tagFilter returns the parameter Tags. What the API does with a sixth pair is not documented; leaving it out would widen the listing.
func tagFilter(tags map[string]string) (string, error) {
	switch {
	case len(tags) == 0:
		return "", nil
	case len(tags) > maxFilterTags:
		return "", fmt.Errorf("%d tags to filter by: a listing takes at most %d", len(tags), maxFilterTags)
	}
	text, err := json.Marshal(tags)
	return string(text), err
}

func listedInstance(i api.DBInstance) fleet.Instance {
	return fleet.Instance{
		ID: i.DBInstanceId, Description: i.DBInstanceDescription, RegionID: i.RegionId,
		Engine: i.Engine, EngineVersion: i.EngineVersion, StorageType: i.DBInstanceStorageType,
		Status: i.DBInstanceStatus, LockMode: i.LockMode,
		Type: i.DBInstanceType, Category: i.Category, ResourceGroupID: i.ResourceGroupId,
		PrimaryID: i.MasterInstanceId, ReplicaIDs: replicas(i.ReadOnlyDBInstanceIds.ReadOnlyDBInstanceId),
		Listed: true,
	}
}

func replicas(ids []api.ReadOnlyDBInstanceId) []string {
	var all []string
	for _, id := range ids {
		all = append(all, id.DBInstanceId)
	}
	return all
}

// pages reads a list to its end. read is given the token of a page, "" for the first, and returns that of the next, "" after the last. A token
// that was there before would go round for ever. The first page is read once: whoever repeats it has lost nothing. The others are repeated as
// Patient says.
func (c *Client) pages(ctx context.Context, op string, read func(token string) (next string, err error)) error {
	token, seen, retry := "", map[string]bool{}, once
	for range maxPages {
		next, err := retry(ctx, func() (string, error) { return read(token) })
		if err != nil || next == "" {
			return err
		}
		if seen[next] {
			break
		}
		token, seen[next], retry = next, true, c.retry
	}
	return &fault.Error{Op: op, Kind: fault.Unavailable, Message: fmt.Sprintf("the list does not end: NextToken came again, or %d pages", maxPages)}
}
