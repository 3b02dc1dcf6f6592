package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rds-kernel-upgrade/local/fakefc"
	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/show"
	"rds-kernel-upgrade/local/stack"
	"rds-kernel-upgrade/local/tape"
)

// timer is a trigger that a deployment may have besides the clock of the rollouts.
const timer = "nightly"

// demoPolicy lets hours pass in seconds: a proof is looked for after a second, and there is a wave for eight instances at a time.
const demoPolicy = `regions: [cn-hangzhou, cn-shanghai]
verify: {first: 1s, giveUp: 5m}
budget: {maxInstances: 8, maxPercent: 100}
rate: {callsPerSecond: 1000}
versions: {minAge: 14d}
`

// demo plays the story in a local cloud of its own, through the built function and signed requests. Its error says what did not end
// as it should.
func demo(ctx context.Context, c console, args []string) error {
	f := c.flags("demo")
	binary := f.String("binary", "target/main", "the built function")
	keep := f.String("keep", "", "folder for copies of the document and of the archives, which remain when the local cloud has ended (default: none are kept)")
	if err := f.Parse(args); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "demo")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	ctx, cancel := context.WithTimeout(ctx, demoPatience)
	defer cancel()
	var log tape.Tape
	s, err := demoCloud(c, *binary, folder, &log)
	if err != nil {
		return err
	}
	defer s.Close(context.WithoutCancel(ctx))
	board := show.NewBoard(rows(s.RDS.Instances()))
	p := &player{stack: s, client: stack.NewClient(s.MNSURL), log: &log, now: c.now, board: board, view: c.view(board), had: map[string]bool{}}
	p.view.Say(fmt.Sprintf("A local cloud: Function Compute %s, RDS %s, MNS %s, OSS %s; the function is %s.\n"+
		"It calls UpgradeDBInstanceKernelVersion, publishes what comes of it, and keeps its state in one document in OSS.", s.FCURL, s.RDSURL, s.MNSURL, s.OSSURL, *binary))
	if err := p.tell(ctx, story()); err != nil {
		return err
	}
	c.say("\n%s\n", account().Text(board))
	return c.showState(ctx, s, p.rollouts, *keep)
}

// demoPatience ends a demonstration in which something does not happen at all.
const demoPatience = 10 * time.Minute

// demoTick is the period of the clock, which is five minutes in a deployment.
const demoTick = 500 * time.Millisecond

// demoCloud starts the cloud in which the story happens.
func demoCloud(c console, binary, folder string, log *tape.Tape) (*stack.Stack, error) {
	policy := filepath.Join(folder, "policy.yaml")
	if err := os.WriteFile(policy, []byte(demoPolicy), 0o600); err != nil {
		return nil, err
	}
	s, err := stack.Start(stack.Options{
		Binary: binary, Now: c.now, Fleet: bytes.NewReader(demoFleet), Env: map[string]string{"POLICY_FILE": policy},
		Timers:        []stack.Timer{stack.TickEvery(demoTick), {Name: timer, Payload: nightly}},
		FunctionSetup: func(o *fakefc.Options) { o.Stdout = log },
	})
	if err == nil {
		s.RDS.AddVersion(fakerds.MiniVersion{MinorVersion: "rds_" + c.now().AddDate(0, 0, -3).Format("20060102")}) // too young
	}
	return s, err
}

// rows puts a fleet on the board.
func rows(fleet []fakerds.Instance) (all []show.Row) {
	for _, i := range fleet {
		all = append(all, show.Row{
			ID: i.DBInstanceID, Description: i.DBInstanceDescription, Region: i.RegionID, Engine: engine(i.Engine, i.EngineVersion),
			Version: i.CurrentKernelVersion, Disk: disk(i),
		})
	}
	return all
}

// disk is the disk of a PostgreSQL, of which it depends whether the call takes it.
func disk(i fakerds.Instance) string {
	if i.Engine != "PostgreSQL" {
		return ""
	}
	return i.DBInstanceStorageType
}

// engine writes an engine as people do: PostgreSQL 15, SQLServer 2019.
func engine(name, version string) string {
	version, _, _ = strings.Cut(version, "_")
	if name == "PostgreSQL" {
		version = strings.TrimSuffix(version, ".0")
	}
	return name + " " + version
}

// tell lets the scenes happen one after the other, until one does not end as it should.
func (p *player) tell(ctx context.Context, scenes []scene) error {
	defer p.end()
	var before mark
	for n, s := range scenes {
		p.view.Say(fmt.Sprintf("\n%d. %s", n+1, s.title))
		if !s.goesOn {
			before = p.mark()
		}
		err := p.happen(ctx, s, before)
		if s.last == "report" {
			p.view.Say("   So far: " + p.board.Tally() + ".")
		}
		if err != nil {
			return errors.Join(fmt.Errorf("scene %d (%s) did not end as it should: %w", n+1, s.title, err), complaints(p.log.String()))
		}
	}
	p.view.Say(fmt.Sprintf("\nAll %d scenes ended as they should.", len(scenes)))
	return nil
}

// happen plays a scene, and looks at what has come of it since a mark.
func (p *player) happen(ctx context.Context, s scene, before mark) error {
	if s.operator != nil {
		s.operator(p.stack)
	}
	if err := p.play(ctx, s); err != nil {
		return err
	}
	o, err := p.since(before)
	if err != nil {
		return err
	}
	if err := s.check(o); err != nil {
		return err
	}
	if s.settled {
		return leftovers(p.board.Rows(), p.stack.RDS.Instances(), o.state.Settled())
	}
	return nil
}

// complaints gives what the function's log has of warnings and errors.
func complaints(log string) error {
	var errs []error
	for line := range strings.Lines(log) {
		var l struct{ Level string }
		if json.Unmarshal([]byte(line), &l) == nil && (l.Level == "WARN" || l.Level == "ERROR") {
			errs = append(errs, fmt.Errorf("the function's log: %s", strings.TrimSpace(line)))
		}
	}
	return errors.Join(errs...)
}
