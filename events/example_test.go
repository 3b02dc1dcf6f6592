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
			fmt.Println(m.Trigger, m.ID, request.Kind, request.Upgrade.DBInstanceID, request.Upgrade.UpgradeTime)
		}
	}
	// Output:
	// timer nightly@2026-11-22T12:00:00Z upgrade rm-bp1abcd MaintainTime
	// request: UpgradeTime: "immediate" is not a value: want Immediate, MaintainTime or SpecifyTime (exact case), did you mean Immediate?; SwitchTime: "2026-12-01T18:00Z" has no seconds: want yyyy-MM-ddTHH:mm:ssZ in UTC
}
