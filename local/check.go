package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/show"
	"rds-kernel-upgrade/local/stack"
)

// outcome is what has come of a scene, as the services have it.
type outcome struct {
	calls  []fakerds.Call // of UpgradeDBInstanceKernelVersion
	told   []told
	unread error // what the schema does not allow
	fleet  []fakerds.Instance

	state    stack.Document
	archives []stack.Archive
	second   int // how often the second process has served an event
}

// told is a notification, and when it was published.
type told struct {
	show.Notification
	at time.Time
}

// all makes one check of several, which tells all that is wrong.
func all(checks ...func(outcome) error) func(outcome) error {
	return func(o outcome) error {
		errs := []error{o.unread}
		for _, check := range checks {
			errs = append(errs, check(o))
		}
		return errors.Join(errs...)
	}
}

// names counts the notifications by their names, those with the same id and the parts of one once.
func names(want string) func(outcome) error {
	return func(o outcome) error {
		seen, counts := map[string]bool{}, map[string]int{}
		for _, n := range o.told {
			if !seen[n.ID] && n.Data.Part <= 1 {
				counts[n.Name()]++
			}
			seen[n.ID] = true
		}
		return expect("the notifications are", listed(counts), want)
	}
}

// calls wants one accepted call for each instance that was told as accepted, and no other.
func calls(o outcome) error {
	made, accepted := map[string]int{}, map[string]int{}
	var errs []error
	for _, c := range o.calls {
		made[c.Params["DBInstanceId"]]++
		if !c.Accepted {
			errs = append(errs, fmt.Errorf("the call for %s was not accepted: %d %s", c.Params["DBInstanceId"], c.Status, c.Code))
		}
	}
	for _, n := range o.of("accepted") {
		accepted[n.Data.DBInstanceID] = 1
	}
	return errors.Join(append(errs, expect("the upgrade calls are", listed(made), listed(accepted)))...)
}

// wavesBake wants no call of a wave before everything in the waves before it was completed, and had baked.
func wavesBake(bake time.Duration) func(outcome) error {
	return func(o outcome) error { return o.wavesBake(bake) }
}

func (o outcome) wavesBake(bake time.Duration) error {
	waves := map[string]int{}
	for _, n := range o.of("accepted") {
		waves[n.Data.DBInstanceID] = n.Data.Wave
	}
	proofs := o.proofs()
	var errs []error
	for _, c := range o.calls {
		for earlier, wave := range waves {
			proof := proofs[earlier]
			if wave < waves[c.Params["DBInstanceId"]] && (proof.IsZero() || c.At.Before(proof.Add(bake))) {
				errs = append(errs, fmt.Errorf("%s was called in wave %d before %s of wave %d was proven and had baked",
					c.Params["DBInstanceId"], waves[c.Params["DBInstanceId"]], earlier, wave))
			}
		}
	}
	return errors.Join(errs...)
}

// replicasGoFirst wants a primary to be called after its replicas are proven, and to be left alone when one has failed.
func replicasGoFirst(o outcome) error {
	called, proofs := map[string]time.Time{}, o.proofs()
	for _, c := range o.calls {
		called[c.Params["DBInstanceId"]] = c.At
	}
	var errs []error
	for _, i := range o.fleet {
		at, proof := called[i.MasterInstanceID], proofs[i.DBInstanceID]
		if _, moved := called[i.DBInstanceID]; moved && !at.IsZero() && (proof.IsZero() || at.Before(proof)) {
			errs = append(errs, fmt.Errorf("%s was called before its replica %s was proven", i.MasterInstanceID, i.DBInstanceID))
		}
	}
	return errors.Join(errs...)
}

// noneIsTakenAlong wants no read-only instance to have been restarted by the upgrade of its primary.
func noneIsTakenAlong(o outcome) error {
	var errs []error
	for _, i := range o.fleet {
		if i.RestartedBy != "" {
			errs = append(errs, fmt.Errorf("%s was restarted by the upgrade of its primary %s", i.DBInstanceID, i.RestartedBy))
		}
	}
	return errors.Join(errs...)
}

// toldOf wants an account to give a reason for an instance, one of several where it depends on the time, with some words in its detail.
func toldOf(tag, id, word string, reasons ...string) func(outcome) error {
	return func(o outcome) error {
		for _, e := range o.account(tag) {
			if e.DBInstanceID == id && slices.Contains(reasons, e.Reason) && strings.Contains(e.Detail, word) {
				return nil
			}
		}
		return fmt.Errorf("the account of %s has nothing about %s that is one of %v with %q", tag, id, reasons, word)
	}
}

// onDisk wants upgrades of PostgreSQL on a disk to be told as completed.
func onDisk(disk string) func(outcome) error {
	return func(o outcome) error {
		disks := map[string]string{}
		for _, i := range o.fleet {
			disks[i.DBInstanceID] = i.DBInstanceStorageType
		}
		for _, n := range o.of("completed") {
			if disks[n.Data.DBInstanceID] == disk {
				return nil
			}
		}
		return fmt.Errorf("no PostgreSQL on %s was upgraded", disk)
	}
}

// haltHolds wants no call after the halt, and a word about all that was in flight.
func haltHolds(o outcome) error {
	halts := o.of("halted")
	if len(halts) == 0 {
		return errors.New("nothing was halted")
	}
	var errs []error
	for _, c := range o.calls {
		if c.At.After(halts[0].at) {
			errs = append(errs, fmt.Errorf("%s was called after the halt", c.Params["DBInstanceId"]))
		}
	}
	ended := o.proofs()
	for _, n := range slices.Concat(o.of("failed"), o.of("unverified")) {
		ended[n.Data.DBInstanceID] = n.at
	}
	for _, n := range o.of("accepted") {
		if ended[n.Data.DBInstanceID].IsZero() {
			errs = append(errs, fmt.Errorf("nothing was told of how %s has ended", n.Data.DBInstanceID))
		}
	}
	return errors.Join(errs...)
}

// addsUp wants an account to name every instance of the fleet once, and its counts to be those of its entries.
func addsUp(tag string) func(outcome) error {
	return func(o outcome) error {
		times, statuses := map[string]int{}, map[string]int{}
		for _, e := range o.account(tag) {
			times[e.DBInstanceID]++
			statuses[e.Status]++
		}
		once := map[string]int{}
		for _, i := range o.fleet {
			once[i.DBInstanceID] = 1
		}
		errs := []error{expect("in the account of "+tag+" stand", listed(times), listed(once))}
		for _, n := range o.of(tag) {
			errs = append(errs, expect("the counts of "+tag+" are", listed(n.Data.Counts), listed(statuses)))
		}
		return errors.Join(errs...)
	}
}

// countsAddUp wants a halt to count every instance of the fleet. It names those that were begun or are to be.
func countsAddUp(o outcome) error {
	var errs []error
	for _, n := range o.of("halted") {
		all := 0
		for _, count := range n.Data.Counts {
			all += count
		}
		errs = append(errs, expect("the halt counts", fmt.Sprint(all), fmt.Sprint(len(o.fleet))))
	}
	return errors.Join(errs...)
}

// entries wants an account to have so many instances of each status.
func entries(tag, want string) func(outcome) error {
	return func(o outcome) error {
		statuses := map[string]int{}
		for _, e := range o.account(tag) {
			statuses[e.Status]++
		}
		return expect("the account of "+tag+" has", listed(statuses), want)
	}
}

// problems wants a refusal to name at least so many problems.
func problems(least int) func(outcome) error {
	return func(o outcome) error {
		for _, n := range o.of("rejected") {
			if len(n.Data.Problems) < least {
				return fmt.Errorf("the refusal names %q: want at least %d problems", n.Data.Problems, least)
			}
		}
		return nil
	}
}

// of returns the notifications with a name.
func (o outcome) of(name string) (list []told) {
	for _, n := range o.told {
		if n.Name() == name {
			list = append(list, n)
		}
	}
	return list
}

// account puts the parts of an account together.
func (o outcome) account(tag string) (list []show.Entry) {
	for _, n := range o.of(tag) {
		list = append(list, n.Data.Instances...)
	}
	return list
}

// proofs says when each instance was seen to be upgraded. The time has whole seconds: it may have been up to one later.
func (o outcome) proofs() map[string]time.Time {
	times := map[string]time.Time{}
	for _, n := range o.of("completed") {
		if at, err := time.Parse(time.RFC3339, n.Data.Observed); err == nil {
			times[n.Data.DBInstanceID] = at
		}
	}
	return times
}

// listed tells counts in the order of their names.
func listed(counts map[string]int) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		list = append(list, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return strings.Join(list, ", ")
}

func expect(what, got, want string) error {
	if got == want {
		return nil
	}
	return fmt.Errorf("%s [%s]: want [%s]", what, got, want)
}
