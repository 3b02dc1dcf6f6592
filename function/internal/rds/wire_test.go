package rds_test

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/local/wire"
)

// replayed is what the client has to make of a transcript: the call whose request it is, and the result of its response.
type replayed struct {
	call func(context.Context, *rds.Client) (any, error)
	want any
	more map[string]string // parameters that we send besides the transcript's, or with another value
}

// offersOf lists the versions for one instance.
func offersOf(ctx context.Context, c *rds.Client, id string) (any, error) {
	offers, _, err := c.Offers(ctx, fleet.Kind{RegionID: region, DBInstanceID: id})
	return offers, err
}

var transcripts = map[string]replayed{
	"attribute": {
		call: func(ctx context.Context, c *rds.Client) (any, error) {
			return c.Instance(ctx, region, "rm-uf6wjk5test")
		},
		want: fleet.Instance{
			ID: "rm-uf6wjk5test", Description: "test", RegionID: "cn-hangzhou", Engine: "MySQL", EngineVersion: "8.0", StorageType: "cloud_essd",
			Status: "Running", LockMode: "Unlock", MaintainTime: "18:00Z-22:00Z",
			CurrentKernelVersion: "rds_20231231", LatestKernelVersion: "rds_20260228", AutoUpgradeMinorVersion: "Auto",
			Type: "Primary", Category: "HighAvailability", ResourceGroupID: "rg-acfmytest", ReplicaIDs: []string{"rr-bp1test"},
		},
	},
	"instances": {
		call: func(ctx context.Context, c *rds.Client) (any, error) { return c.Fleet(ctx, region, fleet.Filter{}) },
		want: []fleet.Instance{{
			ID: "rm-uf6wjk5test", Description: "test", RegionID: "cn-hangzhou", Engine: "MySQL", EngineVersion: "8.0", StorageType: "cloud_essd",
			Status: "Running", LockMode: "Unlock",
			Type: "Primary", Category: "HighAvailability", ResourceGroupID: "rg-acfmytest", ReplicaIDs: []string{"rr-bp1test"}, Listed: true,
		}},
	},
	"instances-next-page": {
		call: func(ctx context.Context, c *rds.Client) (any, error) {
			return c.Fleet(ctx, region, fleet.Filter{
				Engine: "MySQL", ResourceGroupID: "rg-acfmytest", Tags: map[string]string{"kernel-upgrade": "auto", "env": "dev"},
			})
		},
		want: []fleet.Instance{{
			ID: "rr-bp1test", Description: "reports", RegionID: "cn-hangzhou", Engine: "MySQL", EngineVersion: "8.0", StorageType: "cloud_essd",
			Status: "Running", LockMode: "Unlock",
			Type: "Readonly", Category: "HighAvailability", ResourceGroupID: "rg-acfmytest", PrimaryID: "rm-uf6wjk5test", Listed: true,
		}},
	},
	"error-json": {
		call: func(ctx context.Context, c *rds.Client) (any, error) { return c.Instance(ctx, region, "rm-none") },
		want: fault.Error{
			Op: "rds: DescribeDBInstanceAttribute rm-none", Kind: fault.NotFound, Code: "InvalidDBInstanceId.NotFound",
			Message: "The DBInstanceId provided does not exist in our records.", RequestID: "8906582E-6722-4B73-8B5C-8F2A7D1C9E03",
		},
	},
	"list-tags": {
		call: func(ctx context.Context, c *rds.Client) (any, error) {
			return c.Tags(ctx, region, []string{"rm-uf6wjk5test", "rm-none"})
		},
		want: map[string]map[string]string{"rm-uf6wjk5test": {"env": "dev"}},
	},
	"mini-engine-versions": {
		call: func(ctx context.Context, c *rds.Client) (any, error) { return offersOf(ctx, c, "rm-uf6wjk5test") },
		want: []fleet.Offer{{Version: "rds_20220731", Community: "13.6", Online: true}}, // sic: the sample's is of the other engine
	},
	"mini-engine-versions-postgresql": {
		call: func(ctx context.Context, c *rds.Client) (any, error) { return offersOf(ctx, c, "pgm-bp1test") },
		want: []fleet.Offer{
			{Version: "rds_postgres_1500_20230530", Community: "15.3", Online: true, Expired: true},
			{Version: "rds_postgres_1500_20240830", Community: "15.8"},
			{Version: "rds_postgres_1500_20250830", Community: "15.14", Online: true},
			{Version: "rds_postgres_1500_20251130", Community: "15.15", Online: true, Beta: true},
		},
	},
	"history-tasks": {
		call: func(ctx context.Context, c *rds.Client) (any, error) {
			return c.Tasks(ctx, region, []string{"rm-uf62br2491p5ltest"},
				time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 29, 23, 59, 0, 0, time.UTC))
		},
		want: map[string][]fleet.Task{"rm-uf62br2491p5ltest": {
			{ID: "t-83br18hloy3faftest", Status: fleet.TaskRunning, Start: time.Date(2022, 2, 3, 11, 31, 3, 0, time.UTC)},
		}},
		more: map[string]string{"InstanceType": "Instance", "InstanceId": "rm-uf62br2491p5ltest", "PageSize": "100", "PageNumber": "1"},
	},
	"upgrade-measured": {
		call: func(ctx context.Context, c *rds.Client) (any, error) {
			return c.Upgrade(ctx, upgradeOf(func(u *fleet.Call) { u.DBInstanceID = "rm-bp1" }), always)
		},
		want: fleet.Acceptance{
			RequestID: "DA2ECBA0-4745-4491-9166-799FF8984AC9", DBInstanceName: "rm-bp1", TaskID: "226917711", TargetMinorVersion: "xcluster80_20210305",
		},
	},
	"upgrade-numeric-task-id": {
		call: func(ctx context.Context, c *rds.Client) (any, error) {
			return c.Upgrade(ctx, upgradeOf(func(u *fleet.Call) { u.DBInstanceID = "rm-bp1" }), always)
		},
		want: fleet.Acceptance{
			RequestID: "65BDA532-28AF-4122-AA39-B382721EEE64", DBInstanceName: "rm-bp1", TaskID: "10254125", TargetMinorVersion: "rds_20260228",
		},
		more: map[string]string{"UpgradeTime": "Immediate"},
	},
	"upgrade-specify-time": {
		call: func(ctx context.Context, c *rds.Client) (any, error) {
			return c.Upgrade(ctx, upgradeOf(func(u *fleet.Call) {
				u.DBInstanceID, u.UpgradeTime, u.TargetMinorVersion = "rm-bp1test", "SpecifyTime", "rds_20260228"
				u.SwitchTime = time.Date(2026, 12, 1, 18, 0, 0, 0, time.UTC)
			}), always)
		},
		want: fleet.Acceptance{
			RequestID: "DA2ECBA0-4745-4491-9166-799FF8984AC9", DBInstanceName: "rm-bp1test", TaskID: "226917711", TargetMinorVersion: "rds_20260228",
		},
		more: map[string]string{"SignatureType": ""}, // the vector is not the SDK's
	},
}

// The client sends the requests of the transcripts and understands their responses, without the fake in between.
func TestClientSpeaksAsTheTranscripts(t *testing.T) {
	t.Parallel()
	all, err := wire.Load("../../../testdata/wire/rds")
	must(t, err)
	seen := map[string]bool{}
	for _, transcript := range all {
		test, ours := transcripts[transcript.Name]
		seen[transcript.Name] = true
		if !ours { // another action, another client, or the signature alone
			continue
		}
		t.Run(transcript.Name, func(t *testing.T) {
			t.Parallel()
			want, _, err := transcript.Request()
			must(t, err)
			status, header, body, err := transcript.Response()
			must(t, err)
			var sent http.Header
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				token, asked := want.URL.Query().Get("NextToken"), r.URL.Query().Get("NextToken")
				if token != asked { // a later page's transcript: the page before it was empty
					reply(200, `{"RequestId":"R-0","NextToken":"`+token+`"}`)(w, r)
					return
				}
				sent = r.Header
				maps.Copy(w.Header(), header)
				w.WriteHeader(status)
				_, _ = w.Write(body)
			})
			got, err := test.call(t.Context(), s.client)
			if err != nil {
				got = *fault.From(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(parametersOf(want.URL.Query(), test.more), parametersOf(*s.last.Load(), nil)); diff != "" {
				t.Errorf("parameters (-transcript +sent):\n%s", diff)
			}
			for name := range want.Header {
				if strings.HasPrefix(name, "X-") && sent.Get(name) != want.Header.Get(name) {
					t.Errorf("header %s: sent %q, want %q", name, sent.Get(name), want.Header.Get(name))
				}
			}
		})
	}
	for name := range transcripts {
		if !seen[name] {
			t.Errorf("testdata/wire/rds has no transcript %q", name)
		}
	}
}

// parametersOf leaves out who signs, and what no two requests have in common.
func parametersOf(sent map[string][]string, more map[string]string) map[string]string {
	all := map[string]string{}
	for name, values := range sent {
		if name != "AccessKeyId" && name != "SecurityToken" && !slices.Contains(unlike, name) {
			all[name] = strings.Join(values, " ")
		}
	}
	maps.Copy(all, more)
	return all
}
