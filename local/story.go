package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/show"
	"rds-kernel-upgrade/local/stack"
)

// advisory is the request that the story is about.
//
//go:embed advisory.json
var advisory string

// wrong is a request with several mistakes.
const wrong = `{"kind":"advisory","advisory":{"id":"SEC-2026-12","severity":"urgent","affected":[{"Engine":"Oracle","fixedIn":"19"}]},
 "select":{"regionId":["cn-hangzhou"]},"rollout":{"waves":[{"percent":140}],"bake":"soon"}}`

// broken is the instance of the fleet whose upgrade fails.
const broken = "rr-bp1payments2"

// busy is the instance for which somebody has scheduled an upgrade in the console, and held the PostgreSQL primary whose read-only instance
// nobody has opted in: its upgrade would restart that one.
const (
	busy       = "rm-uf6loyalty"
	held       = "pgm-bp1geo"
	notOptedIn = "pgr-bp1georead"
)

const mended = "The operator looked into its error log, freed its disk, and published the advisory again."

// ended is where the fleet stands in the end.
const ended = "engine unsupported 3, locked 1, not affected 6, not opted in 3, not running 1, replica first 1, unknown version 1, upgraded 24"

// scene is one thing that happens in the story.
type scene struct {
	title    string
	operator func(*stack.Stack) // what the operator does first
	request  string             // what is published to the request topic
	last     string             // the tag of the notification that ends it
	check    func(outcome) error
	settled  bool // nothing is to be left behind
}

// story is told by make run. The numbers follow from the fleet.
func story() []scene {
	return []scene{
		{
			title:   "A security advisory is out. The operator first asks what it would mean: \"mode\":\"plan\".",
			request: planned(advisory), last: "report",
			check: all(tags("plan 1, report 1"), addsUp("plan"), entries("plan", "plan 24, skipped 16"), calls, toldOf("plan", held, notOptedIn, "replica_first")),
		},
		{
			title:   "The advisory is published to the request topic: the canary wave first, then the rest.",
			request: advisory, last: "report",
			check: all(tags("accepted 17, completed 16, failed 1, halted 1, report 1"), calls, wavesAreProven, replicasGoFirst, noneIsTakenAlong, haltHolds,
				countsAddUp, addsUp("report"), entries("report", "completed 16, failed 1, skipped 23"), onDisk("general_essd"),
				toldOf("report", held, notOptedIn, "replica_first"), toldOf("report", busy, "is Scheduled", "in_progress")),
		},
		{
			title:    "The operator mends " + broken + ", cancels what was scheduled for " + busy + ", and publishes the same advisory again.",
			operator: mend, request: advisory, last: "report", settled: true,
			check: all(tags("accepted 8, completed 8, report 1"), calls, wavesAreProven, replicasGoFirst, noneIsTakenAlong,
				addsUp("report"), entries("report", "completed 8, skipped 32"),
				toldOf("report", held, notOptedIn, "replica_first")),
		},
		{
			title:   "Somebody gets a request wrong.",
			request: wrong, last: "rejected",
			check: all(tags("rejected 1"), calls, problems(5)),
		},
	}
}

func mend(s *stack.Stack) {
	s.RDS.Update(broken, func(i *fakerds.Instance) { i.Upgrade = fakerds.Upgrade{Takes: i.Upgrade.Takes} })
	s.RDS.CancelUpgrade(busy)
}

// planned asks for the plan of a request.
func planned(request string) string {
	return strings.Replace(request, "{", `{"mode":"plan",`, 1)
}

// account is what there is to say of the story besides what the board shows.
func account() show.Account {
	var request struct {
		Advisory struct {
			ID, Severity, Summary string
			Affected              []struct{ Engine, EngineVersion, FixedIn string }
		}
	}
	if err := json.Unmarshal([]byte(advisory), &request); err != nil {
		panic(fmt.Sprintf("advisory.json: %v", err))
	}
	a := request.Advisory
	closing := show.Account{
		Advisory: fmt.Sprintf("%s (severity %s): %s", a.ID, a.Severity, a.Summary), Mended: map[string]string{broken: mended},
	}
	for _, of := range a.Affected {
		closing.FixedIn = append(closing.FixedIn, engine(of.Engine, of.EngineVersion)+" with "+of.FixedIn)
	}
	return closing
}
