package rds_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

func TestInstanceHasWhatTheAPISays(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.Add(fakerds.Instance{
		DBInstanceID: "pgm-1", DBInstanceDescription: "orders", RegionID: "cn-beijing", Engine: "PostgreSQL", EngineVersion: "15.0",
		DBInstanceStorageType: "cloud_essd", DBInstanceStatus: "Rebooting", LockMode: "ManualLock", MaintainTime: "17:00Z-18:00Z",
		CurrentKernelVersion: "rds_postgres_1500_20230530", LatestKernelVersion: "rds_postgres_1500_20251130",
		Category: "cluster", ResourceGroupID: "rg-1", AutoUpgradeMinorVersion: "Auto", ReadOnlyDBInstanceIDs: []string{"pgr-1", "pgr-2"},
	}, fakerds.Instance{DBInstanceID: "pgr-1", RegionID: "cn-beijing"})
	client := c.client(t)
	got, err := client.Instance(t.Context(), "cn-beijing", "pgm-1")
	must(t, err)
	want := fleet.Instance{
		ID: "pgm-1", Description: "orders", RegionID: "cn-beijing", Engine: "PostgreSQL", EngineVersion: "15.0",
		StorageType: "cloud_essd", Status: "Rebooting", LockMode: "ManualLock", MaintainTime: "17:00Z-18:00Z",
		CurrentKernelVersion: "rds_postgres_1500_20230530", LatestKernelVersion: "rds_postgres_1500_20251130",
		AutoUpgradeMinorVersion: "Auto",
		Type:                    "Primary", Category: "cluster", ResourceGroupID: "rg-1", ReplicaIDs: []string{"pgr-1", "pgr-2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("instance (-want +got):\n%s", diff)
	}
	replica, err := client.Instance(t.Context(), "cn-beijing", "pgr-1")
	must(t, err)
	if replica.Type != "Readonly" || replica.PrimaryID != "pgm-1" || replica.ReplicaIDs != nil {
		t.Errorf("replica %+v", replica)
	}
}

func TestMissingInstanceIsNotFoundInEitherForm(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		empty  bool
		region string
		id     string
		code   string
		want   string
	}{
		"a refusal":                         {false, region, "rm-none", "InvalidDBInstanceName.NotFound", "The database instance does not exist."},
		"a refusal for another region":      {false, "cn-beijing", "rm-1", "InvalidDBInstanceName.NotFound", "The database instance does not exist."},
		"an empty list":                     {true, region, "rm-none", "InvalidDBInstanceId.NotFound", "no such instance in region cn-hangzhou"},
		"an empty list from another region": {true, "cn-beijing", "rm-1", "InvalidDBInstanceId.NotFound", "no such instance in region cn-beijing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, func(o *fakerds.Options) { o.MissingIsEmpty = test.empty })
			_, err := c.client(t).Instance(t.Context(), test.region, test.id)
			wantFault(t, err, fault.Error{
				Op: "rds: DescribeDBInstanceAttribute " + test.id, Kind: fault.NotFound, Code: test.code,
				Message: "=" + test.want, RequestID: c.Calls()[0].RequestID,
			})
		})
	}
}

func TestAnotherInstanceInTheListIsNotTheOne(t *testing.T) {
	t.Parallel()
	s := serve(t, reply(200, `{"RequestId":"R-1","Items":{"DBInstanceAttribute":[{"DBInstanceId":"rm-11"}]}}`))
	_, err := s.client.Instance(t.Context(), region, "rm-1")
	wantFault(t, err, fault.Error{
		Op: "rds: DescribeDBInstanceAttribute rm-1", Kind: fault.NotFound, Code: "InvalidDBInstanceId.NotFound",
		Message: "=no such instance in region cn-hangzhou", RequestID: "R-1",
	})
}

func TestTagsAreThoseOfEachInstance(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.Add(
		fakerds.Instance{DBInstanceID: "rm-2", CurrentKernelVersion: "rds_20231231"},
		fakerds.Instance{DBInstanceID: "rm-3", CurrentKernelVersion: "rds_20231231", Tags: map[string]string{"env": "prod", "kernel-upgrade": "auto"}},
	)
	wantTags(t, c.client(t), []string{"rm-1", "rm-2", "rm-3", "rm-none"}, map[string]map[string]string{
		"rm-1": {"env": "dev"}, "rm-3": {"env": "prod", "kernel-upgrade": "auto"},
	})
}

func wantTags(t *testing.T, client *rds.Client, ids []string, want map[string]map[string]string) {
	t.Helper()
	got, err := client.Tags(t.Context(), region, ids)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTagsAreReadToTheLastPage(t *testing.T) {
	t.Parallel()
	c, ids, want := newCloud(t), []string{}, map[string]map[string]string{}
	for n := range 50 {
		id := fmt.Sprintf("rm-t%02d", n)
		ids, want[id] = append(ids, id), map[string]string{"a": id, "b": "2", "c": "3"}
		c.Add(fakerds.Instance{DBInstanceID: id, CurrentKernelVersion: "rds_20231231", Tags: maps.Clone(want[id])})
	}
	wantTags(t, c.client(t), ids, want)
	calls := c.CallsOf("ListTagResources")
	if len(calls) < 2 {
		t.Fatalf("%d calls for 150 tags: the fake has more than one page", len(calls))
	}
	for n, call := range calls {
		if last := call.Params["NextToken"] == ""; last != (n == 0) {
			t.Errorf("call %d has NextToken %q", n, call.Params["NextToken"])
		}
	}
}

// 50 instances are one call, and the API takes no more.
func TestTheTagsOfFiftyInstancesAreReadAtOnce(t *testing.T) {
	t.Parallel()
	c, ids, want := newCloud(t), []string{}, map[string]map[string]string{}
	for n := range 51 {
		id := fmt.Sprintf("rm-t%02d", n)
		ids, want[id] = append(ids, id), map[string]string{"own": id}
		c.Add(fakerds.Instance{DBInstanceID: id, CurrentKernelVersion: "rds_20231231", Tags: map[string]string{"own": id}})
	}
	delete(want, "rm-t50")
	client := c.client(t)
	wantTags(t, client, ids[:50], want)
	if calls := len(c.CallsOf("ListTagResources")); calls != 1 {
		t.Errorf("%d calls, want 1", calls)
	}
	_, err := client.Tags(t.Context(), region, ids)
	if f := fault.From(err); f.Kind != fault.Invalid || f.Code != "NumberExceed.ResourceIds" || f.Op != "rds: ListTagResources rm-t00 and 50 more" {
		t.Errorf("51 at once: %+v", f)
	}
}

// A call about no instance is refused by the API, and does not end the process.
func TestNoInstancesToReadTheTagsOfAreAFault(t *testing.T) {
	t.Parallel()
	_, err := newCloud(t).client(t).Tags(t.Context(), region, nil)
	if f := fault.From(err); err == nil || f.Kind != fault.Invalid || f.Op != "rds: ListTagResources" {
		t.Errorf("got %v", err)
	}
}

func TestTagsOfALaterPageThatFailsAreNone(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("NextToken") != "" {
			reply(400, `{"RequestId":"R-2","Code":"Throttling","Message":"slow down"}`)(w, r)
			return
		}
		reply(200, `{"RequestId":"R-1","NextToken":"n","TagResources":{"TagResource":[{"ResourceId":"rm-1","TagKey":"a","TagValue":"b"}]}}`)(w, r)
	})
	tags, err := s.client.Tags(t.Context(), region, []string{"rm-1"})
	wantFault(t, err, fault.Error{
		Op: "rds: ListTagResources rm-1", Kind: fault.Throttled, Code: "Throttling", Message: "=slow down", RequestID: "R-2",
	})
	if tags != nil {
		t.Errorf("tags %v with an error", tags)
	}
}

func TestOffersSayWhatIsOnlineBetaOrExpired(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.AddVersion(
		fakerds.MiniVersion{MinorVersion: "rds_20240101", StatusDesc: "Offline"},
		fakerds.MiniVersion{MinorVersion: "rds_20261111", ReleaseType: "BETA"},
		fakerds.MiniVersion{MinorVersion: "rds_20230630", ExpireStatus: "expired"},
		fakerds.MiniVersion{MinorVersion: "rds_20220630", ExpireStatus: "expired", StatusDesc: "Offline"}, // says nothing, as documented
		fakerds.MiniVersion{MinorVersion: "rds_20261112", CommunityMinorVersion: "8.0.40"},
	)
	got, unlisted, err := c.client(t).Offers(t.Context(), mysqlKind)
	must(t, err)
	want := []fleet.Offer{
		{Version: "rds_20231231", Online: true},
		{Version: "rds_20260228", Online: true},
		{Version: "rds_20240101"},
		{Version: "rds_20261111", Online: true, Beta: true},
		{Version: "rds_20230630", Online: true, Expired: true},
		{Version: "rds_20220630"},
		{Version: "rds_20261112", Online: true, Community: "8.0.40"},
	}
	if diff := cmp.Diff(want, got); diff != "" || unlisted != 0 {
		t.Errorf("offers (-want +got):\n%s\nunlisted %d", diff, unlisted)
	}
}

// mysqlKind is the kind of the instances of newCloud.
var mysqlKind = fleet.Kind{RegionID: region, Engine: "MySQL", EngineVersion: "8.0", NodeType: "HighAvailability", StorageType: "cloud_essd"}

// RDS counts more versions than it lists, and has no parameter for a page.
func TestVersionsThatAreNotListedAreCounted(t *testing.T) {
	t.Parallel()
	s := serve(t, reply(200, `{"RequestId":"R-1","TotalCount":14,"MaxRecordsPerPage":1,"PageNumbers":1,"MinorVersionItems":[{"MinorVersion":"rds_20260228","StatusDesc":"Online"}]}`))
	offers, unlisted, err := s.client.Offers(t.Context(), mysqlKind)
	if err != nil || len(offers) != 1 || unlisted != 13 {
		t.Errorf("%d listed, %d more: %v; want 1 and 13", len(offers), unlisted, err)
	}
}

func TestTasksAreThoseThatBeganSince(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	client, before := c.client(t), time.Now().Add(-time.Minute)
	wantTasks(t, client, before, 0)
	_, err := client.Upgrade(t.Context(), upgradeOf(), always)
	must(t, err)
	wantTasks(t, client, before, 1)
	wantTasks(t, client, time.Now().Add(time.Minute), 0)
}

func wantTasks(t *testing.T, client *rds.Client, since time.Time, want int) {
	t.Helper()
	got, err := client.Tasks(t.Context(), region, []string{"rm-1", "rm-2"}, since, later(time.Now(), since))
	must(t, err)
	if len(got["rm-1"]) != want || len(got["rm-2"]) != 0 {
		t.Errorf("tasks since %s: got %v, want %d of rm-1", since, got, want)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// A list of tasks is read to its end, page by page, and has only what was asked for.
func TestTasksAreReadToTheLastPage(t *testing.T) {
	t.Parallel()
	pages := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		pages++
		items := make([]string, 0, 100)
		for n := range min(100, 250-100*(pages-1)) {
			items = append(items, fmt.Sprintf(`{"TaskId":"t-%d-%d","InstanceId":%q,"Status":"Failed","StartTime":"2026-12-01T18:00:00Z","ReasonCode":"NoSpace"}`, pages, n, []string{"rm-1", "rm-2", "rm-other"}[n%3]))
		}
		reply(200, fmt.Sprintf(`{"RequestId":"R-1","TotalCount":250,"Items":[%s]}`, strings.Join(items, ",")))(w, r)
	})
	got, err := s.client.Tasks(t.Context(), region, []string{"rm-1", "rm-2"}, time.Now(), time.Now())
	if err != nil || pages != 3 || len(got["rm-1"])+len(got["rm-2"]) != 34+33+34+33+17+17 || len(got) != 2 {
		t.Fatalf("%d pages, %d and %d tasks of %d instances: %v", pages, len(got["rm-1"]), len(got["rm-2"]), len(got), err)
	}
	want := fleet.Task{ID: "t-1-0", Status: fleet.TaskFailed, Start: time.Date(2026, 12, 1, 18, 0, 0, 0, time.UTC), Reason: "NoSpace"}
	if diff := cmp.Diff(want, got["rm-1"][0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := s.client.Tasks(t.Context(), region, make([]string, 31), time.Now(), time.Now()); fault.From(err).Kind != fault.Internal {
		t.Errorf("31 instances: %v", err)
	}
}

func TestUpgradeReturnsTheFourFieldsOfTheAnswer(t *testing.T) {
	t.Parallel()
	for name, numeric := range map[string]bool{"with TaskId a string": false, "with TaskId a number": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, func(o *fakerds.Options) { o.NumericTaskID = numeric })
			got, err := c.client(t).Upgrade(t.Context(), upgradeOf(), always)
			must(t, err)
			want := fleet.Acceptance{
				RequestID: c.Calls()[0].RequestID, DBInstanceName: "rm-1", TaskID: got.TaskID, TargetMinorVersion: "rds_20260228",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("acceptance (-want +got):\n%s", diff)
			}
			if n, err := strconv.Atoi(got.TaskID); err != nil || n == 0 {
				t.Errorf("TaskID %q", got.TaskID)
			}
		})
	}
}

// common is what the gateway wants of every request of the SDK.
func common(action string) map[string]string {
	return map[string]string{
		"Action": action, "Version": "2014-08-15", "Format": "JSON", "RegionId": region, "AccessKeyId": accessKeyID, "SecurityToken": token,
		"SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureType": "",
	}
}

// unlike are the parameters that no two requests have in common.
var unlike = []string{"Signature", "SignatureNonce", "Timestamp"}

// Only documented parameters are sent, and none without a value.
func TestEveryActionSendsItsDocumentedParametersAndNoOthers(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 12, 2, 2, 0, 0, 0, time.FixedZone("Asia/Shanghai", 8*3600))
	upgradeWith := func(change func(*fleet.Call)) func(context.Context, *rds.Client) error {
		return func(ctx context.Context, c *rds.Client) error {
			_, err := c.Upgrade(ctx, upgradeOf(change), always)
			return err
		}
	}
	tests := map[string]struct {
		action string
		call   func(context.Context, *rds.Client) error
		want   map[string]string
	}{
		"an upgrade at once": {
			"UpgradeDBInstanceKernelVersion", upgradeWith(func(*fleet.Call) {}),
			map[string]string{"DBInstanceId": "rm-1", "UpgradeTime": "Immediate"},
		},
		"an upgrade in the maintenance window, to the latest version": {
			"UpgradeDBInstanceKernelVersion",
			upgradeWith(func(u *fleet.Call) { u.UpgradeTime = "MaintainTime" }),
			map[string]string{"DBInstanceId": "rm-1", "UpgradeTime": "MaintainTime"},
		},
		"an upgrade at a time, to a version that was asked for": {
			"UpgradeDBInstanceKernelVersion",
			upgradeWith(func(u *fleet.Call) {
				u.UpgradeTime, u.SwitchTime, u.TargetMinorVersion = "SpecifyTime", at, "rds_20260228"
			}),
			map[string]string{
				"DBInstanceId": "rm-1", "UpgradeTime": "SpecifyTime", "SwitchTime": "2026-12-01T18:00:00Z", "TargetMinorVersion": "rds_20260228",
			},
		},
		"an instance": {
			"DescribeDBInstanceAttribute", func(ctx context.Context, c *rds.Client) error {
				_, err := c.Instance(ctx, region, "rm-1")
				return err
			},
			map[string]string{"DBInstanceId": "rm-1"},
		},
		"a region's fleet": {
			"DescribeDBInstances", func(ctx context.Context, c *rds.Client) error {
				_, err := c.Fleet(ctx, region, fleet.Filter{})
				return err
			},
			map[string]string{"MaxResults": "100"},
		},
		"a part of a region's fleet": {
			"DescribeDBInstances", func(ctx context.Context, c *rds.Client) error {
				_, err := c.Fleet(ctx, region, fleet.Filter{Engine: "MySQL", ResourceGroupID: "rg-1", Tags: map[string]string{"b": "<&>", "a": "1"}})
				return err
			},
			map[string]string{"MaxResults": "100", "Engine": "MySQL", "ResourceGroupId": "rg-1", "Tags": `{"a":"1","b":"\u003c\u0026\u003e"}`},
		},
		"tags": {
			"ListTagResources", func(ctx context.Context, c *rds.Client) error {
				_, err := c.Tags(ctx, region, []string{"rm-1", "rm-2"})
				return err
			},
			map[string]string{"ResourceType": "INSTANCE", "ResourceId.1": "rm-1", "ResourceId.2": "rm-2"},
		},
		"versions for a kind of instance": {
			"DescribeDBMiniEngineVersions", func(ctx context.Context, c *rds.Client) error {
				_, _, err := c.Offers(ctx, mysqlKind)
				return err
			},
			map[string]string{"Engine": "MySQL", "EngineVersion": "8.0", "NodeType": "HighAvailability", "StorageType": "cloud_essd"},
		},
		"versions for one instance": {
			"DescribeDBMiniEngineVersions", func(ctx context.Context, c *rds.Client) error {
				_, _, err := c.Offers(ctx, fleet.Kind{RegionID: region, DBInstanceID: "rm-1"})
				return err
			},
			map[string]string{"DBInstanceId": "rm-1"},
		},
		"tasks, up to a minute after now, as the clocks may differ": {
			"DescribeHistoryTasks", func(ctx context.Context, c *rds.Client) error {
				_, err := c.Tasks(ctx, region, []string{"rm-1", "rm-2"}, at.Add(-time.Hour), at)
				return err
			},
			map[string]string{
				"InstanceType": "Instance", "InstanceId": "rm-1,rm-2", "PageSize": "100", "PageNumber": "1",
				"FromStartTime": "2026-12-01T17:00:00Z", "ToStartTime": "2026-12-01T18:01:00Z",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var body int64
			var method string
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, method = r.ContentLength, r.Method
				reply(200, `{"RequestId":"R-1"}`)(w, r)
			})
			_ = test.call(t.Context(), s.client) // an instance that is not in the answer is an error
			want, got := common(test.action), map[string]string{}
			maps.Copy(want, test.want)
			for name, values := range *s.last.Load() {
				if len(values) != 1 {
					t.Errorf("%s is sent %d times", name, len(values))
				}
				if !slices.Contains(unlike, name) {
					got[name] = values[0]
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
			if method != http.MethodPost || body != 0 {
				t.Errorf("%s with a body of %d bytes, want POST with none", method, body)
			}
		})
	}
}

// Every action returns its faults, and nothing else with them.
func TestEveryActionReturnsItsFault(t *testing.T) {
	t.Parallel()
	for action, call := range map[string]func(context.Context, *rds.Client) (any, error){
		"DescribeDBInstanceAttribute": func(ctx context.Context, c *rds.Client) (any, error) {
			got, err := c.Instance(ctx, region, "rm-1")
			return cmp.Equal(got, fleet.Instance{}), err
		},
		"DescribeDBInstances": func(ctx context.Context, c *rds.Client) (any, error) {
			got, err := c.Fleet(ctx, region, fleet.Filter{})
			return got == nil, err
		},
		"ListTagResources": func(ctx context.Context, c *rds.Client) (any, error) {
			got, err := c.Tags(ctx, region, []string{"rm-1"})
			return got == nil, err
		},
		"DescribeDBMiniEngineVersions": func(ctx context.Context, c *rds.Client) (any, error) {
			got, unlisted, err := c.Offers(ctx, mysqlKind)
			return got == nil && unlisted == 0, err
		},
		"DescribeHistoryTasks": func(ctx context.Context, c *rds.Client) (any, error) {
			got, err := c.Tasks(ctx, region, []string{"rm-1"}, time.Now(), time.Now())
			return got == nil, err
		},
		"UpgradeDBInstanceKernelVersion": func(ctx context.Context, c *rds.Client) (any, error) {
			got, err := c.Upgrade(ctx, upgradeOf(), always)
			return got == fleet.Acceptance{}, err
		},
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			client := c.client(t)
			for kind, want := range map[faults.Kind]fault.Error{
				faults.TokenExpired: {Kind: fault.Expired, Code: "InvalidSecurityToken.Expired", Message: "=Specified SecurityToken is expired."},
				faults.ResetAfter:   {Kind: fault.Unavailable, Message: "connection reset by peer", InDoubt: true},
			} {
				c.Faults().Clear()
				c.Faults().Add(faults.Fault{Action: action, Kind: kind})
				nothing, err := call(t.Context(), client)
				want.Op = "rds: " + action + " rm-1"
				switch action {
				case "DescribeDBInstances":
					want.Op = "rds: DescribeDBInstances " + region
				case "DescribeDBMiniEngineVersions":
					want.Op = "rds: DescribeDBMiniEngineVersions MySQL 8.0"
				}
				if calls := c.Calls(); want.Code != "" {
					want.RequestID = calls[len(calls)-1].RequestID
				}
				wantFault(t, err, want)
				if nothing != true {
					t.Error("there is a result besides the fault")
				}
			}
		})
	}
}

// The credentials come from each invocation, while the process and its connections stay.
func TestEachClientSignsWithItsOwnCredentials(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	first, second := c.keys.Issue(time.Hour), c.keys.Issue(time.Hour)
	for _, key := range []struct{ id, secret, token, want string }{
		{first.ID, first.Secret, first.Token, ""},
		{second.ID, second.Secret, second.Token, ""},
		{first.ID, second.Secret, first.Token, "SignatureDoesNotMatch"},
		{first.ID, first.Secret, second.Token, "InvalidSecurityToken.MismatchWithAccessKey"},
		{first.ID, first.Secret, "", "MissingSecurityToken"},
		{"STS.unknown", first.Secret, first.Token, "InvalidAccessKeyId.NotFound"},
	} {
		first.ID, first.Secret, first.Token = key.id, key.secret, key.token
		client := newClient(t, c.url, credentialsOf(first))
		_, err := client.Instance(t.Context(), region, "rm-1")
		if key.want == "" {
			must(t, err)
		} else if f := fault.From(err); f.Kind != fault.Denied || f.Code != key.want {
			t.Errorf("got %s %s, want Denied %s", f.Kind, f.Code, key.want)
		}
	}
	c.keys.ExpireAll()
	_, err := newClient(t, c.url, credentialsOf(second)).Instance(t.Context(), region, "rm-1")
	if f := fault.From(err); f.Kind != fault.Expired {
		t.Errorf("got %v, want an expired token", err)
	}
}
