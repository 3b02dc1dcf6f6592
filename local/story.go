package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/show"
	"rds-kernel-upgrade/local/stack"
)

// advisory is the request that the story is about.
//
//go:embed advisory.json
var advisory string

// nightly is the request of the timer that sweeps every night.
const nightly = `{"kind":"sweep","schedule":{"UpgradeTime":"Immediate"}}`

// wrong is a request with several mistakes.
const wrong = `{"kind":"advisory","advisory":{"id":"SEC-2026-12","severity":"urgent","affected":[{"Engine":"Oracle","fixedIn":"19"}]},
 "select":{"regionId":["cn-hangzhou"]},"rollout":{"waves":[{"percent":140}],"bake":"soon"}}`

// broken is the instance of the fleet whose upgrade fails.
const broken = "rr-bp1payments2"

// busy is the instance for which somebody has scheduled an upgrade in the console, and held the PostgreSQL primary whose read-only instance
// nobody has opted in: its upgrade would restart that one.
const (
	busy       = "rm-uf6rewards"
	held       = "pgm-bp1geo"
	notOptedIn = "pgr-bp1georead"
)

const mended = "The operator looked into its error log, freed its disk, and published the advisory again."

// ended is where the fleet stands in the end.
const ended = "engine unsupported 3, locked 1, not affected 6, not opted in 3, not running 1, replica first 1, unknown version 1, upgraded 24"

// scene is one thing that happens in the story.
type scene struct {
	title    string
	goesOn   bool                                 // with the rollout of the scene before; its check looks at both
	operator func(*stack.Stack)                   // what the operator does first
	request  string                               // what is published to the request topic
	trouble  func(context.Context, *player) error // what happens besides
	last     string                               // the name of the notification that ends it
	check    func(outcome) error
	settled  bool // nothing is to be left behind
}

// The bakes of the two rollouts: that of advisory.json, and the one in which everything happens that must not matter.
const (
	shortBake = 2 * time.Second
	longBake  = 3 * time.Second
)

// story is told by make run. The numbers follow from the fleet.
func story() []scene {
	return []scene{
		{
			title:   "A security advisory is out. The operator first asks what it would mean: \"mode\":\"plan\".",
			request: planned(advisory), last: "report",
			check: all(names("plan 1, report 1"), addsUp("plan"), entries("plan", "plan 24, skipped 16"), calls, toldOf("plan", held, notOptedIn, "replica_first")),
		},
		{
			title:   "The advisory is published to the request topic: the canary wave first, then the rest.",
			request: advisory, last: "report",
			check: all(names("accepted 17, completed 16, failed 1, halted 1, report 1, wave began 3, wave proven 3"), calls, wavesBake(shortBake), replicasGoFirst,
				noneIsTakenAlong, haltHolds, countsAddUp, addsUp("report"), entries("report", "completed 16, failed 1, skipped 23"), onDisk("general_essd"),
				toldOf("report", held, notOptedIn, "replica_first"), toldOf("report", busy, "is Scheduled", "in_progress"), archived),
		},
		{
			title:    "The operator mends " + broken + ", cancels what was scheduled for " + busy + ", and publishes the same advisory again.",
			operator: mend, request: slower(advisory), last: "wave proven",
			check: all(calls, wavesBake(longBake), replicasGoFirst),
		},
		{
			title: "While the first wave bakes, the advisory is published once more, the process is killed, a second process is let loose on the same\n" +
				"   document, and the nightly sweep comes by. There is one rollout and one account, and the bake is kept.",
			goesOn: true, trouble: disturb, last: "report", settled: true,
			check: all(names("accepted 8, answer 2, completed 8, report 1, wave began 3, wave proven 3"), calls, wavesBake(longBake), replicasGoFirst,
				noneIsTakenAlong, joined(2), twoProcesses, archived, addsUp("report"), entries("report", "completed 8, skipped 32"),
				toldOf("report", held, notOptedIn, "replica_first")),
		},
		{
			title:   "Somebody gets a request wrong.",
			request: wrong, last: "rejected",
			check: all(names("rejected 1"), calls, problems(5)),
		},
	}
}

// disturb does what must not matter: see the story.
func disturb(ctx context.Context, p *player) (err error) {
	if _, err := p.client.Request(slower(advisory)); err != nil {
		return err
	}
	p.stack.FC.Kill()
	if p.second, err = p.stack.Another(); err != nil {
		return err
	}
	if err := p.second.AddTimer(stack.TickTimer, demoTick, stack.TickPayload); err != nil {
		return err
	}
	if _, err := p.stack.FC.Tick(timer, nightly); err != nil {
		return err
	}
	return p.until(ctx, func() bool { return p.seen["answer"] })
}

// mend takes its second: times are in whole seconds, and what was sent in the second in which a rollout ended is taken for older than its end.
func mend(s *stack.Stack) {
	time.Sleep(time.Second)
	s.RDS.Update(broken, func(i *fakerds.Instance) { i.Upgrade = fakerds.Upgrade{Takes: i.Upgrade.Takes} })
	s.RDS.CancelUpgrade(busy)
}

// slower is a request with a longer bake. It asks for the same.
func slower(request string) string {
	return strings.Replace(request, `"bake": "2s"`, fmt.Sprintf(`"bake": %q`, longBake), 1)
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
