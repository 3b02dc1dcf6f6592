package fakerds

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rds-kernel-upgrade/local/acs3"
)

// action is one operation of the API: what it needs, what it has that is not modelled, and what it does.
type action struct {
	required   []string // a name that ends in a dot is a list: one of its members is enough
	unmodelled []string
	run        func(*Server, query) (document, *acs3.Refusal) // with the server's lock held
}

func actions() map[string]action {
	return map[string]action{
		"UpgradeDBInstanceKernelVersion": {required: []string{"DBInstanceId"}, run: (*Server).upgradeKernel},
		"DescribeDBInstanceAttribute": {
			required: []string{"DBInstanceId"}, unmodelled: []string{"Expired"}, run: (*Server).describeAttribute,
		},
		"DescribeDBInstances": {
			required: []string{"RegionId"},
			unmodelled: []string{
				"ConnectionMode", "ConnectionString", "DBInstanceClass", "DedicatedHostGroupId", "DedicatedHostId", "Expired",
				"Filter", "InstanceNetworkType", "VSwitchId", "VpcId", "Tag.",
			},
			run: (*Server).describeInstances,
		},
		"DescribeDBMiniEngineVersions": {
			required: []string{"RegionId"}, unmodelled: []string{"DedicatedHostGroupId"}, run: (*Server).describeVersions,
		},
		"DescribeHistoryTasks": {
			required:   []string{"FromStartTime", "ToStartTime"},
			unmodelled: []string{"FromExecTime", "ToExecTime"}, run: (*Server).describeTasks,
		},
		"DescribeRegions":  {run: (*Server).describeRegions},
		"ListTagResources": {required: []string{"RegionId", "ResourceType"}, run: (*Server).listTags},
		"TagResources":     {required: []string{"RegionId", "ResourceType", "ResourceId."}, run: (*Server).tag},
		"UntagResources":   {required: []string{"RegionId", "ResourceType", "ResourceId."}, run: (*Server).untag},
	}
}

// Actions lists the actions that the fake answers.
func Actions() []string { return slices.Sorted(maps.Keys(actions())) }

// check refuses a call that lacks what the action needs. An empty value counts as none.
func (a action) check(parameters url.Values) *acs3.Refusal {
	for _, name := range a.required {
		if !given(parameters, name) {
			return missing(strings.TrimSuffix(name, "."))
		}
	}
	for _, name := range a.unmodelled {
		if given(parameters, name) {
			return unmodelled(strings.TrimSuffix(name, "."))
		}
	}
	return nil
}

func given(parameters url.Values, name string) bool {
	if !strings.HasSuffix(name, ".") {
		return parameters.Get(name) != ""
	}
	for have := range parameters {
		if strings.HasPrefix(have, name) {
			return true
		}
	}
	return false
}

// query is a checked request, as its action sees it.
type query struct {
	parameters url.Values
	now        time.Time
	call       *Call
}

func (q query) get(name string) string { return q.parameters.Get(name) }

// number gives a parameter that must be a whole number from low to high, or otherwise when it is absent.
func (q query) number(name string, low, high, otherwise int) (int, *acs3.Refusal) {
	text := q.get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, invalid(name)
	}
	return n, nil
}

// list gives the values of name.1, name.2 … in the order of their numbers.
func (q query) list(name string) ([]string, *acs3.Refusal) {
	byNumber := map[int]string{}
	for have := range q.parameters {
		suffix, ok := strings.CutPrefix(have, name+".")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(suffix)
		if err != nil || n < 1 {
			return nil, invalid(have)
		}
		byNumber[n] = q.get(have)
	}
	var values []string
	for _, n := range slices.Sorted(maps.Keys(byNumber)) {
		values = append(values, byNumber[n])
	}
	return values, nil
}

// region refuses a region that does not exist.
func (s *Server) region(q query) *acs3.Refusal {
	id := q.get("RegionId")
	if id != "" && id != s.options.Region && !slices.ContainsFunc(regions(), func(z zone) bool { return z.region == id }) {
		return refuse("InvalidRegionId.NotFound")
	}
	return nil
}
