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

// action is one operation of the API: its documented parameters, and what it does. It reads no other parameter: query panics.
type action struct {
	name       string
	parameters []parameter
	invalid    string                                         // the code for a value that is not taken, where the parameter has none of its own
	run        func(*Server, query) (document, *acs3.Refusal) // with the server's lock held
}

const (
	upgradeAction = "UpgradeDBInstanceKernelVersion"
	invalidParam  = "InvalidParam" // documented for nearly every action
)

func actions() map[string]action {
	all := map[string]action{}
	for _, a := range slices.Concat(upgradeActions(), listingActions(), tagActions()) {
		setDefault(&a.invalid, invalidParam)
		all[a.name] = a
	}
	return all
}

func upgradeActions() []action {
	return []action{
		{name: upgradeAction, run: (*Server).upgradeKernel, parameters: []parameter{
			text("DBInstanceId").need(), text("SwitchTime"), text("TargetMinorVersion"),
			text("UpgradeTime", "Immediate", "MaintainTime", "SpecifyTime").refusedAs("InvalidSwitchMode.NotFound"),
		}},
		{name: "DescribeDBMiniEngineVersions", run: (*Server).describeVersions, parameters: []parameter{
			text("RegionId").need(), text("DBInstanceId"), text("MinorVersionTag"), text("DedicatedHostGroupId").notModelled(),
			text("Engine", "MySQL", "PostgreSQL").refusedAs("EngineNotSupported"),
			text("EngineVersion", "8.0", "5.7", "5.6", "5.5", "17.0", "16.0", "15.0", "14.0", "13.0", "12.0", "11.0", "10.0").refusedAs("InvalidVersion"),
			text("NodeType", "Basic", "HighAvailability", "cluster", "Finance").refusedAs("InvalidInstanceNodeType.NotFound"),
			text("StorageType", "local_ssd", "general_essd", "cloud_ssd", "cloud_essd", "cloud_essd2", "cloud_essd3").refusedAs("InvalidInstanceStorageType.NotFound"),
		}},
		{name: "DescribeHistoryTasks", run: (*Server).describeTasks, invalid: "Param.Invalid", parameters: []parameter{
			text("RegionId"), text("InstanceType"), text("InstanceId"), text("TaskId"), text("TaskType"), text("ResourceGroupId"),
			text("Status", "Scheduled", "Running", "Succeed", "Failed", "Cancelling", "Canceled", "Waiting").severalByComma(),
			text("FromStartTime").need(), text("ToStartTime").need(),
			integer("PageSize", 10, 100), integer("PageNumber", 1, 0),
			integer("FromExecTime", 0, 0).notModelled(), integer("ToExecTime", 0, 0).notModelled(),
		}},
	}
}

func listingActions() []action {
	return []action{
		{name: "DescribeDBInstanceAttribute", run: (*Server).describeAttribute, parameters: []parameter{
			text("DBInstanceId").need(), text("Expired", "True", "False").notModelled(),
		}},
		{name: "DescribeDBInstances", run: (*Server).describeInstances, parameters: []parameter{
			text("RegionId").need(), text("DBInstanceId"), text("EngineVersion"), text("DBInstanceStatus"), text("ResourceGroupId"),
			text("SearchKey"), text("Tags"), text("ZoneId"), text("NextToken"),
			text("Engine", "MySQL", "SQLServer", "PostgreSQL", "MariaDB"), text("PayType", "Postpaid", "Prepaid"),
			text("DBInstanceType", "Primary", "Readonly", "Guard", "Temp").refusedAs("InvalidDBInstanceType.ValueNotSupport"),
			text("Category", "Basic", "HighAvailability", "cluster", "serverless_basic"), integer("InstanceLevel", 0, 0).oneOf("0", "1"),
			integer("PageSize", 1, 100), integer("PageNumber", 0, 21474836), integer("MaxResults", 1, 100),
			text("Expired", "True", "False").refusedAs("InvalidExpired.Format").notModelled(), text("ClientToken").notModelled(),
			text("proxyId").notModelled(), text("InstanceNetworkType", "VPC", "Classic").notModelled(), text("VpcId").notModelled(),
			text("VSwitchId").notModelled(), text("DBInstanceClass").notModelled(), text("ConnectionMode", "Standard", "Safe").notModelled(),
			text("DedicatedHostGroupId").notModelled(), text("DedicatedHostId").notModelled(), boolean("QueryAutoRenewal").notModelled(),
			text("ConnectionString").notModelled(), text("Filter").notModelled(),
		}},
		{name: "DescribeRegions", run: (*Server).describeRegions, parameters: []parameter{text("AcceptLanguage")}},
	}
}

func tagActions() []action {
	region := text("RegionId").need()
	kind := text("ResourceType", taggedResources, "CUSTOM", "CUSTOMDEPLOYMENTSET", "CUSTOMDISK", "CUSTOMSNAPSHOT").need().
		refusedAs("InvalidParameter.ResourceType")
	ids := list("ResourceId", maxResources).refusedAs("NumberExceed.ResourceIds")
	tags := func(key parameter) parameter {
		return list("Tag", maxTags, key, text("Value")).refusedAs("NumberExceed.Tags")
	}
	return []action{
		{name: "ListTagResources", run: (*Server).listTags, parameters: []parameter{region, kind, text("NextToken"), ids, tags(text("Key"))}},
		{name: "TagResources", run: (*Server).tag, parameters: []parameter{
			region, kind, ids.need(), tags(text("Key").need().refusedAs("InvalidTagKey.Malformed")),
		}},
		{name: "UntagResources", run: (*Server).untag, parameters: []parameter{
			region, kind, ids.need(), boolean("All"), list("TagKey", maxTags).refusedAs("NumberExceed.Tags"),
		}},
	}
}

// Actions lists the actions that the fake answers.
func Actions() []string { return slices.Sorted(maps.Keys(actions())) }

// check refuses a call that lacks what the action needs, or has what it does not take.
func (a action) check(parameters url.Values) *acs3.Refusal {
	for _, p := range a.parameters {
		if refusal := p.check(a, parameters); refusal != nil {
			return refusal
		}
	}
	return nil
}

// documents reports whether the action has a parameter of this name.
func (a action) documents(name string) bool {
	for n := range a.parameters { // no copies: each parameter that is read asks this
		if p := &a.parameters[n]; p.name == name {
			return !p.unmodelled
		}
	}
	return false
}

// query is a checked request, as its action sees it.
type query struct {
	action     action
	parameters url.Values
	now        time.Time
	call       *Call
}

// get returns a documented parameter's value. Reading any other parameter is a mistake of the fake.
func (q query) get(name string) string {
	if !q.action.documents(name) {
		panic("fakerds: " + q.action.name + " has no parameter " + name)
	}
	return q.parameters.Get(name)
}

// endpoint returns the region that the request is sent to. The real service has an address for each region, the local cloud has
// one for all, and clients add RegionId to every request, also where the action does not document it.
func (q query) endpoint() string { return q.parameters.Get("RegionId") }

// number returns a parameter whose value was checked before, or otherwise when it is absent.
func (q query) number(name string, otherwise int) int {
	n, err := strconv.Atoi(q.get(name))
	if err != nil {
		return otherwise
	}
	return n
}

// list returns the values of name.1, name.2 … in the order of their numbers. They were checked before.
func (q query) list(name string) (values []string) {
	for _, n := range q.members(name) {
		values = append(values, q.parameters.Get(name+"."+strconv.Itoa(n)))
	}
	return values
}

// members returns the numbers that a list's parameters have, in order.
func (q query) members(name string) []int {
	if !q.action.documents(name) {
		panic("fakerds: " + q.action.name + " has no parameter " + name)
	}
	seen := map[int]bool{}
	for have := range q.parameters {
		if rest, ok := strings.CutPrefix(have, name+"."); ok {
			number, _, _ := strings.Cut(rest, ".")
			n, _ := strconv.Atoi(number) // parameter.check has parsed it before
			seen[n] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// refuse returns the refusal with this code, as the request's action documents it.
func (q query) refuse(code string) *acs3.Refusal { return refusalOf(q.action.name, code) }

// invalid returns the action's refusal of a value that it does not take.
func (q query) invalid(parameter string) *acs3.Refusal { return q.action.refuseValue(parameter, "") }

// region refuses a region that does not exist.
func (s *Server) region(q query) *acs3.Refusal {
	id := q.endpoint()
	if id == "" || !q.action.documents("RegionId") || id == s.options.Region {
		return nil
	}
	if !slices.ContainsFunc(regions(), func(z zone) bool { return z.region == id }) {
		return q.refuse("InvalidRegionId.NotFound")
	}
	return nil
}
