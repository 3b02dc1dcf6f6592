package rds_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
)

// A fleet's calls, as many at once as a run makes: each has its own answer, and together they keep to one limit, whichever
// client and region they are of. It needs -race to tell the rest.
func TestManyCallsAtOnceKeepToOneLimit(t *testing.T) {
	t.Parallel()
	const calls, perSecond, burst = 200, 100, 100
	var mu sync.Mutex
	arrived, inside, most := []time.Time{}, 0, 0
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		inside += n
		most = max(most, inside)
		if n > 0 {
			arrived = append(arrived, time.Now())
		}
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		count(1)
		defer count(-1)
		time.Sleep(20 * time.Millisecond) // the service's own
		echoed(w, r)
	})
	pool, limit := transport.New(), pace.New(perSecond, time.Now)
	t.Cleanup(pool.Close)
	clients := []*rds.Client{}
	for range 2 {
		clients = append(clients, rds.New(pool, limit, endpointOf(t, s.url), invocation.NewCredentials(accessKeyID, secret, token)))
	}
	start, work := time.Now(), make(chan int)
	var all sync.WaitGroup
	for range transport.Parallel {
		all.Go(func() {
			for n := range work {
				if err := askOne(t.Context(), clients[n%2], n); err != nil {
					t.Errorf("call %d: %v", n, err)
				}
			}
		})
	}
	for n := range calls {
		work <- n
	}
	close(work)
	all.Wait()
	slices.SortFunc(arrived, time.Time.Compare)
	for n, at := range arrived {
		if soonest := time.Duration(n+1-burst) * time.Second / perSecond; at.Sub(start) < soonest {
			t.Fatalf("call %d arrived after %s, which the limit allows after %s", n, at.Sub(start), soonest)
		}
	}
	if len(arrived) != calls || most < 2 || most > transport.Parallel {
		t.Errorf("%d calls arrived, at most %d at once", len(arrived), most)
	}
}

// askOne makes one of the calls that are made side by side, and checks that the answer is its own.
func askOne(ctx context.Context, client *rds.Client, n int) (err error) {
	id, in, got := fmt.Sprintf("rm-%d", n), []string{"cn-hangzhou", "cn-beijing", "eu-central-1"}[n%3], ""
	switch n % 4 {
	case 0:
		var i fleet.Instance
		i, err = client.Instance(ctx, in, id)
		got = i.ID
	case 1:
		var tags map[string]map[string]string
		tags, err = client.Tags(ctx, in, []string{id})
		got = tags[id]["of"]
	case 2:
		var offers []fleet.Offer
		if offers, _, err = client.Offers(ctx, fleet.Kind{RegionID: in, DBInstanceID: id}); len(offers) == 1 {
			got = offers[0].Version
		}
	case 3:
		var all []fleet.Instance
		if all, err = client.Fleet(ctx, in, fleet.Filter{Engine: id}); len(all) == 1 {
			got = all[0].Engine
		}
	}
	if err == nil && got != id {
		err = fmt.Errorf("got %q, want %q", got, id)
	}
	return err
}

// echoed answers each of askOne's calls with the id that is in it.
func echoed(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	reply(200, map[string]string{
		"DescribeDBInstanceAttribute":  fmt.Sprintf(`{"RequestId":"R","Items":{"DBInstanceAttribute":[{"DBInstanceId":%q,"RegionId":%q}]}}`, q.Get("DBInstanceId"), q.Get("RegionId")),
		"ListTagResources":             fmt.Sprintf(`{"RequestId":"R","TagResources":{"TagResource":[{"ResourceId":%[1]q,"TagKey":"of","TagValue":%[1]q}]}}`, q.Get("ResourceId.1")),
		"DescribeDBMiniEngineVersions": fmt.Sprintf(`{"RequestId":"R","MinorVersionItems":[{"MinorVersion":%q}]}`, q.Get("DBInstanceId")),
		"DescribeDBInstances": fmt.Sprintf(`{"RequestId":"R","Items":{"DBInstance":[{"DBInstanceId":"rm-1","RegionId":%q,"Engine":%q}]}}`,
			q.Get("RegionId"), q.Get("Engine")),
	}[q.Get("Action")])(w, r)
}
