package events_test

import (
	"fmt"
	"time"

	"rds-kernel-upgrade/events"
)

// A tick of a timer carries its request as text. What is wrong with a message comes out on one line.
func Example() {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, event := range []string{
		`{"triggerName":"nightly","triggerTime":"2026-11-22T12:00:00Z","payload":"{\"DBInstanceId\":\"rm-bp1abcd\",\"UpgradeTime\":\"MaintainTime\"}"}`,
		`{"triggerName":"tick","triggerTime":"2026-11-22T12:00:00Z","payload":"{\"kind\":\"tick\"}"}`,
		`{"DBInstanceId":"rm-bp1abcd","UpgradeTime":"immediate","SwitchTime":"2026-12-01T18:00Z"}`,
	} {
		messages, err := events.Decode([]byte(event))
		if err != nil {
			fmt.Println(err) // nothing in it can be told apart
			continue
		}
		for _, m := range messages {
			if m.Err != nil {
				fmt.Println(m.Err) // this one cannot be opened
				continue
			}
			request, err := events.Parse(m.Body, now)
			if err != nil {
				fmt.Println(err)
				continue
			}
			fmt.Printf("%s %s %s %q\n", m.Trigger, m.ID, request.Kind, request.Upgrade.DBInstanceID)
		}
	}
	// Output:
	// timer nightly@2026-11-22T12:00:00Z upgrade "rm-bp1abcd"
	// timer tick@2026-11-22T12:00:00Z tick ""
	// request: UpgradeTime: "immediate" is not a value: want Immediate, MaintainTime or SpecifyTime (exact case), did you mean Immediate?; SwitchTime: "2026-12-01T18:00Z" has no seconds: want yyyy-MM-ddTHH:mm:ssZ in UTC
}

// An advisory says what is wrong; the rest of the request says for whom, when and how carefully. A rollout remembers it in
// its JSON form.
func ExampleParse_advisory() {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	request, err := events.Parse([]byte(`{
		"kind": "advisory",
		"advisory": {"schema_version": "1.7.0", "id": "CVE-2026-1", "database_specific": {"severity": "High"}, "affected": [{
			"package": {"ecosystem": "Bitnami", "name": "postgresql"},
			"ranges": [{"type": "SEMVER", "events": [{"introduced": "15.0.0"}, {"fixed": "15.10.0"}]}]
		}]},
		"select": {"RegionId": ["cn-hangzhou"], "tags": {"env": "prod"}},
		"rollout": {"waves": [{"percent": 10}, {"percent": 100}], "bake": "1d"}
	}`), now)
	if err != nil {
		fmt.Println(err)
		return
	}
	affected := request.Fleet.Advisory.Affected[0]
	fmt.Println(request.Kind, request.Fleet.Advisory.ID, request.Fleet.Advisory.Severity, affected.Engine, affected.Ranges[0])
	_, err = events.Parse([]byte(`{"kind": "sweep", "select": {"RegionId": "cn-hangzhou"}, "rollout": {"waves": [{"percent": 10}]}}`), now)
	fmt.Println(err)
	// Output:
	// advisory CVE-2026-1 high PostgreSQL {15.0.0 15.10.0 }
	// request: select.RegionId: want a list such as ["cn-hangzhou"], got a string; rollout.waves: do not reach all instances: add {"percent":100} as the last
}
