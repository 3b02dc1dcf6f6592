package rds_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/faults"
)

func TestListedInstanceHasWhatTheListingSays(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.Add(
		fakerds.Instance{
			DBInstanceID: "pgm-1", DBInstanceDescription: "orders", RegionID: "cn-beijing", Engine: "PostgreSQL", EngineVersion: "15.0",
			DBInstanceStorageType: "cloud_essd", DBInstanceStatus: "Rebooting", LockMode: "ManualLock", MaintainTime: "17:00Z-18:00Z",
			CurrentKernelVersion: "rds_postgres_1500_20230530", LatestKernelVersion: "rds_postgres_1500_20251130",
			Category: "cluster", ResourceGroupID: "rg-1", ReadOnlyDBInstanceIDs: []string{"pgr-1"}, Tags: map[string]string{"env": "dev"},
		},
		fakerds.Instance{DBInstanceID: "pgr-1", RegionID: "cn-beijing", Engine: "PostgreSQL", EngineVersion: "15.0", ResourceGroupID: "rg-1"},
	)
	got, err := c.client(t).Fleet(t.Context(), "cn-beijing", fleet.Filter{})
	must(t, err)
	want := []fleet.Instance{
		{
			ID: "pgm-1", Description: "orders", RegionID: "cn-beijing", Engine: "PostgreSQL", EngineVersion: "15.0", StorageType: "cloud_essd",
			Status: "Rebooting", LockMode: "ManualLock",
			Type: "Primary", Category: "cluster", ResourceGroupID: "rg-1", ReplicaIDs: []string{"pgr-1"}, Listed: true,
		},
		{
			ID: "pgr-1", RegionID: "cn-beijing", Engine: "PostgreSQL", EngineVersion: "15.0", StorageType: "cloud_essd",
			Status: "Running", LockMode: "Unlock",
			Type: "Readonly", Category: "HighAvailability", ResourceGroupID: "rg-1", PrimaryID: "pgm-1", Listed: true,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fleet (-want +got):\n%s", diff)
	}
}

// One call for each 100 instances, begun or full.
func TestFleetIsReadInPagesOfAHundred(t *testing.T) {
	t.Parallel()
	for size, calls := range map[int]int{0: 1, 1: 1, 99: 1, 100: 1, 101: 2, 200: 2, 250: 3} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			t.Parallel()
			c, want := newCloud(t), []string{}
			for n := range size {
				id := fmt.Sprintf("rm-f%03d", n)
				c.Add(fakerds.Instance{DBInstanceID: id, RegionID: "cn-beijing", CurrentKernelVersion: "rds_20231231"})
				want = append(want, id)
			}
			got, err := c.client(t).Fleet(t.Context(), "cn-beijing", fleet.Filter{})
			must(t, err)
			if diff := cmp.Diff(want, idsOf(got)); diff != "" || got == nil {
				t.Errorf("fleet (-want +got):\n%s", diff)
			}
			if n := len(c.Calls()); n != calls {
				t.Errorf("%d calls for %d instances, want %d", n, size, calls)
			}
		})
	}
}

func idsOf(all []fleet.Instance) []string {
	ids := []string{}
	for _, i := range all {
		ids = append(ids, i.ID)
	}
	return ids
}

func TestFleetIsFiltered(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.Add(
		fakerds.Instance{DBInstanceID: "rm-2", Tags: map[string]string{"env": "prod", "kernel-upgrade": "auto"}},
		fakerds.Instance{DBInstanceID: "rm-3", Tags: map[string]string{"env": "dev", "kernel-upgrade": "auto"}, ResourceGroupID: "rg-3"},
		fakerds.Instance{DBInstanceID: "pgm-4", Tags: map[string]string{"env": "dev"}, Engine: "PostgreSQL", EngineVersion: "15.0"},
		fakerds.Instance{DBInstanceID: "rm-5", Tags: map[string]string{"env": "dev"}, RegionID: "cn-beijing"},
	)
	client := c.client(t)
	for name, test := range map[string]struct {
		filter fleet.Filter
		want   []string
	}{
		"by nothing but the region": {fleet.Filter{}, []string{"rm-1", "rm-2", "rm-3", "pgm-4"}},
		"by engine":                 {fleet.Filter{Engine: "PostgreSQL"}, []string{"pgm-4"}},
		"by resource group":         {fleet.Filter{ResourceGroupID: "rg-3"}, []string{"rm-3"}},
		"by a tag":                  {fleet.Filter{Tags: map[string]string{"env": "dev"}}, []string{"rm-1", "rm-3", "pgm-4"}},
		"by two tags":               {fleet.Filter{Tags: map[string]string{"env": "dev", "kernel-upgrade": "auto"}}, []string{"rm-3"}},
		"by all, and nothing fits":  {fleet.Filter{Engine: "MySQL", ResourceGroupID: "rg-3", Tags: map[string]string{"env": "prod"}}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := client.Fleet(t.Context(), region, test.filter)
			must(t, err)
			if diff := cmp.Diff(test.want, idsOf(got)); diff != "" {
				t.Errorf("fleet (-want +got):\n%s", diff)
			}
		})
	}
}

// A filter that were cut would give more instances than were asked for.
func TestMoreTagsThanAListingTakesAreNotSent(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	got, err := c.client(t).Fleet(t.Context(), region, fleet.Filter{Tags: map[string]string{"a": "", "b": "", "c": "", "d": "", "e": "", "f": ""}})
	wantFault(t, err, fault.Error{
		Op: "rds: DescribeDBInstances cn-hangzhou", Kind: fault.Invalid, Message: "=6 tags to filter by: a listing takes at most 5",
	})
	if n := len(c.Calls()); n != 0 || got != nil {
		t.Errorf("%d calls, fleet %+v", n, got)
	}
}

// pageOf is the answer with a page of these instances, "id" or "id@region".
func pageOf(next string, instances ...string) http.HandlerFunc {
	items := []map[string]string{}
	for _, i := range instances {
		id, of, other := strings.Cut(i, "@")
		if !other {
			of = region
		}
		items = append(items, map[string]string{"DBInstanceId": id, "RegionId": of})
	}
	body, _ := json.Marshal(map[string]any{"RequestId": "R-1", "NextToken": next, "Items": map[string]any{"DBInstance": items}})
	return reply(200, string(body))
}

// book answers with the page that the token names.
func book(pages map[string]http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { pages[r.URL.Query().Get("NextToken")](w, r) }
}

// While the fleet is read, an instance may come or go in front of the page's end, and the next page begins with what was there already.
func TestInstanceOnTwoPagesIsGivenOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, book(map[string]http.HandlerFunc{
		"": pageOf("b", "rm-1", "rm-2"), "b": pageOf("c", "rm-2", "rm-3"), "c": pageOf("d"), "d": pageOf("", "rm-1", "rm-4", "rm-4"),
	}))
	got, err := s.client.Fleet(t.Context(), region, fleet.Filter{})
	must(t, err)
	if diff := cmp.Diff([]string{"rm-1", "rm-2", "rm-3", "rm-4"}, idsOf(got)); diff != "" || s.seen.Load() != 4 {
		t.Errorf("fleet after %d requests (-want +got):\n%s", s.seen.Load(), diff)
	}
}

// What the service lists by mistake must not be touched, and neither can the rest of such a list be trusted.
func TestListingThatIsNotTheRegionsIsAFault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ instance, want string }{
		"of another region": {"rm-2@cn-beijing", `instance "rm-2" of region "cn-beijing"`},
		"of no region":      {"rm-2@", `instance "rm-2" of region ""`},
		"without an id":     {"", `instance "" of region "cn-hangzhou"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, book(map[string]http.HandlerFunc{"": pageOf("b", "rm-1"), "b": pageOf("c", "rm-3", test.instance)}))
			got, err := s.client.Fleet(t.Context(), region, fleet.Filter{})
			wantFault(t, err, fault.Error{
				Op: "rds: DescribeDBInstances cn-hangzhou", Kind: fault.Internal, RequestID: "R-1",
				Message: "=the listing has " + test.want + ": none of the list is used",
			})
			if got != nil {
				t.Errorf("fleet %+v besides the fault", got)
			}
		})
	}
}

// A list must end: the same token once more, at once or on the way, and also a new one for ever.
func TestListThatDoesNotEndIsAFault(t *testing.T) {
	t.Parallel()
	endless := func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("NextToken"))
		pageOf(strconv.Itoa(n+1))(w, r)
	}
	for name, test := range map[string]struct {
		answer   http.HandlerFunc
		requests int64
	}{
		"the same token at once": {pageOf("b", "rm-1"), 2},
		"a token that was there": {book(map[string]http.HandlerFunc{"": pageOf("b", "rm-1"), "b": pageOf("c", "rm-2"), "c": pageOf("b", "rm-3")}), 3},
		"another one each time":  {endless, 1000},
	} {
		for action, list := range map[string]func(*testing.T, *service) error{
			"DescribeDBInstances cn-hangzhou": func(t *testing.T, s *service) error {
				t.Helper()
				_, err := s.client.Fleet(t.Context(), region, fleet.Filter{})
				return err
			},
			"ListTagResources rm-1": func(t *testing.T, s *service) error {
				t.Helper()
				_, err := s.client.Tags(t.Context(), region, []string{"rm-1"})
				return err
			},
		} {
			t.Run(action+": "+name, func(t *testing.T) {
				t.Parallel()
				s := serve(t, test.answer)
				wantFault(t, list(t, s), fault.Error{
					Op: "rds: " + action, Kind: fault.Unavailable, Message: "=the list does not end: NextToken came again, or 1000 pages",
				})
				if n := s.seen.Load(); n != test.requests {
					t.Errorf("%d requests, want %d", n, test.requests)
				}
			})
		}
	}
}

func TestFleetWithoutItsLastPageIsNone(t *testing.T) {
	t.Parallel()
	s := serve(t, book(map[string]http.HandlerFunc{
		"": pageOf("b", "rm-1"), "b": reply(400, `{"RequestId":"R-2","Code":"Throttling.User","Message":"slow down"}`),
	}))
	got, err := s.client.Fleet(t.Context(), region, fleet.Filter{})
	wantFault(t, err, fault.Error{
		Op: "rds: DescribeDBInstances cn-hangzhou", Kind: fault.Throttled, Code: "Throttling.User", Message: "=slow down", RequestID: "R-2",
	})
	if got != nil {
		t.Errorf("fleet %+v besides the fault", got)
	}
}

// The pages before the one that was refused are not asked for again. The first page has none before it: its fault is the caller's.
func TestAPatientListGoesOnWhereItBrokeOff(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for n := range 301 {
		c.Add(fakerds.Instance{DBInstanceID: fmt.Sprintf("rm-f%03d", n), RegionID: "cn-beijing", CurrentKernelVersion: "rds_20231231"})
	}
	throttle := func() { c.Faults().Add(faults.Fault{Action: "*", Kind: faults.Throttle, Times: 1}) }
	retry := func(_ context.Context, call func() (string, error)) (string, error) {
		throttle()
		if _, err := call(); fault.From(err).Kind != fault.Throttled {
			t.Errorf("the first try: %v", err)
		}
		return call()
	}
	client := c.client(t).Patient(retry)
	throttle()
	if got, err := client.Fleet(t.Context(), "cn-beijing", fleet.Filter{}); fault.From(err).Kind != fault.Throttled || got != nil || len(c.Calls()) != 1 {
		t.Errorf("the first page: %d instances, %v after %d calls; want its fault after one", len(got), err, len(c.Calls()))
	}
	got, err := client.Fleet(t.Context(), "cn-beijing", fleet.Filter{})
	must(t, err)
	pages := map[string]int{}
	for _, call := range c.Calls() {
		pages[fmt.Sprintf("%d of page %q", call.Status, call.Params["NextToken"])]++
	}
	want := map[string]int{
		`400 of page ""`: 1, `400 of page "bmV4dDoxMDA="`: 1, `400 of page "bmV4dDoyMDA="`: 1, `400 of page "bmV4dDozMDA="`: 1,
		`200 of page ""`: 1, `200 of page "bmV4dDoxMDA="`: 1, `200 of page "bmV4dDoyMDA="`: 1, `200 of page "bmV4dDozMDA="`: 1,
	}
	if diff := cmp.Diff(want, pages); diff != "" || len(got) != 301 {
		t.Errorf("%d instances; calls (-want +got):\n%s", len(got), diff)
	}
}
