package main

import (
	"errors"
	"fmt"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/show"
)

// joined wants each of so many answers to say that it is about the one rollout that was reported.
func joined(answers int) func(outcome) error {
	return func(o outcome) error {
		reports, seen := o.of("report"), map[string]bool{}
		if len(reports) == 0 {
			return errors.New("there is no report")
		}
		var errs []error
		for _, n := range o.of("answer") {
			seen[n.Data.Cause.MessageID] = true
			errs = append(errs, expect("a request has joined", n.Data.Joined, reports[0].Data.Rollout))
		}
		for _, n := range o.told {
			if id := n.Data.DBInstanceID; id != "" {
				errs = append(errs, expect("the rollout of "+id+" is", n.Data.Rollout, reports[0].Data.Rollout))
			}
		}
		return errors.Join(append(errs, expect("requests that have joined", fmt.Sprint(len(seen)), fmt.Sprint(answers)))...)
	}
}

// archived wants the rollout that was reported to be in the document and in its archive, with its report published.
func archived(o outcome) error {
	for _, n := range o.of("report") {
		for _, a := range o.archives {
			if a.Rollout.ID == n.Data.Rollout && !a.Rollout.Told.Report.IsZero() && len(a.Rollout.Members) == len(o.fleet) {
				return nil
			}
		}
	}
	return errors.New("the rollout that was reported has no archive that says so")
}

// twoProcesses wants the second process to have served something.
func twoProcesses(o outcome) error {
	if o.second == 0 {
		return errors.New("the second process has served nothing")
	}
	return nil
}

// leftovers says what is left behind when the last rollout has ended, though nothing should be, and where the cloud is not as it was
// told.
func leftovers(rows []show.Row, fleet []fakerds.Instance, settled bool) error {
	errs := []error{expect("nothing is left to do in the document", fmt.Sprint(settled), "true")}
	told, states := map[string]string{}, map[string]int{}
	for _, row := range rows {
		states[row.Status()]++
		if row.State == show.Upgraded {
			told[row.ID] = row.Version
		}
	}
	for _, i := range fleet {
		if version := told[i.DBInstanceID]; version != "" {
			errs = append(errs, expect("the version of "+i.DBInstanceID+" is", i.CurrentKernelVersion, version))
		}
	}
	return errors.Join(append(errs, expect("on the board stand", listed(states), ended))...)
}
