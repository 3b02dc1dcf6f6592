package upgrade

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"rds-kernel-upgrade/function/internal/policy"
)

// ClaimTag is the key of the resource tag that carries a claim.
const ClaimTag = "kernel-upgrade-claim"

// maxTagValue is the API's limit for a tag's value. It also does not distinguish upper and lower case, so a claim has
// lower case only.
const maxTagValue = 128

// ClaimState says how far the owner of a claim has come.
type ClaimState string

// The states of a claim. There is no third: a proven or failed upgrade leaves no claim.
const (
	Intent ClaimState = "intent" // the call is about to be made, or its outcome is unknown
	Called ClaimState = "called" // the call was accepted
)

// Claim is written on the instance before the call and after it, so that whoever comes next, after whatever crash, knows that
// the call may have been made.
type Claim struct {
	State   ClaimState
	Target  string    // the kernel version that it is to reach
	Rollout string    // whose claim it is
	Wave    int       // of the rollout; 0 is the first
	Due     time.Time // by when the restart should have begun
	At      time.Time // when the intent was written
	Acceptance
}

const claimTime = "20060102t150405z"

// String gives the tag's value: state, target, rollout (".2" behind it for the second wave), due, at, and what the API answered, as
// far as it fits. A tag is written on up to 50 instances with one value, so the answer is in it only when an instance was claimed alone.
func (c Claim) String() string {
	owner := c.Rollout
	if c.Wave > 1 {
		owner = fmt.Sprintf("%s.%d", c.Rollout, c.Wave)
	}
	text := fmt.Sprintf("%s %s %s %s %s", c.State, c.Target, owner,
		c.Due.UTC().Format(claimTime), c.At.UTC().Format(claimTime))
	for _, part := range []string{c.TaskID, strings.ReplaceAll(c.RequestID, "-", "")} {
		if part == "" || strings.ContainsAny(part, " ") || len(text)+1+len(part) > maxTagValue {
			break
		}
		text += " " + part
	}
	return strings.ToLower(text)
}

// ParseClaim reads a tag's value. A value that is no claim gives an error: somebody else has written it.
func ParseClaim(text string) (*Claim, error) {
	parts := strings.Fields(strings.ToLower(text))
	if len(parts) < 5 || len(parts) > 7 {
		return nil, fmt.Errorf("tag %s: %.128q is not a claim: want state, target, rollout, due and time", ClaimTag, text)
	}
	c := &Claim{State: ClaimState(parts[0]), Target: parts[1]}
	owner, wave, _ := strings.Cut(parts[2], ".")
	c.Rollout = owner
	c.Wave, _ = strconv.Atoi(wave)
	var err, err2 error
	c.Due, err = time.Parse(claimTime, parts[3])
	c.At, err2 = time.Parse(claimTime, parts[4])
	if err != nil || err2 != nil || c.Rollout == "" || (c.State != Intent && c.State != Called) {
		return nil, fmt.Errorf("tag %s: %.128q is not a claim: no rollout, or an unknown state or time", ClaimTag, text)
	}
	if len(parts) > 5 {
		c.TaskID, c.TargetMinorVersion = parts[5], c.Target
	}
	if len(parts) > 6 {
		c.RequestID = dashed(strings.ToUpper(parts[6]))
	}
	return c, nil
}

// dashed gives a request id its dashes back: 8-4-4-4-12.
func dashed(id string) string {
	if len(id) != 32 {
		return id
	}
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}

// judge says what the claim on an instance means for this rollout.
//
//	claim                             this rollout's own              another rollout's
//	reached its target, Running       completed, skip up_to_date      completed, go on
//	called, may still take time       accepted again*, skip           skip already_scheduled
//	called, too long ago              unverified, skip                unverified, go on
//	intent, and something shows       accepted, skip                  accepted, skip already_scheduled
//	intent, nothing shows yet         in doubt, skip                  skip in_progress
//	intent, nothing showed for long   go on: the call was not made    go on
//
// * with the same id: the process may have died between the call and the notification.
// "Go on" ends in up_to_date where there is nothing newer. A tag that is no claim of ours holds the instance.
func (q Question) judge(i Instance, d *Decision) {
	c := i.Claim
	if i.ClaimFault != nil {
		d.Skip = skip(Held, "%v: remove the tag, or correct it", i.ClaimFault)
	}
	if c == nil {
		return
	}
	own := c.Rollout == q.Rollout
	d.Alive = own
	switch {
	case i.proven(c.Target):
		d.Settlement = q.settlement(*c, Completed)
		if own { // also when a newer version has come meanwhile: one rollout makes one call
			d.Skip = skip(UpToDate, "CurrentKernelVersion is %s", i.CurrentKernelVersion)
		}
	case c.State == Called:
		q.judgeCalled(*c, d)
	case i.shows(*c):
		d.Settlement = q.settlement(*c, Accepted)
		d.Skip, d.Wait = skip(AlreadyScheduled, "rollout %s has it on the way to %s", c.Rollout, c.Target), !own
	case q.Now.Before(i.again(q.Policy.Verify)):
		d.InDoubt, d.Wait = own, true
		d.Skip = skip(InProgress, "rollout %s may have made its call; it is not made again before %s",
			c.Rollout, i.again(q.Policy.Verify).UTC().Format(time.RFC3339))
	default:
		d.Alive = false
	}
}

// judgeCalled is for a call that was accepted, and of which nothing is proven yet.
func (q Question) judgeCalled(c Claim, d *Decision) {
	own := c.Rollout == q.Rollout
	switch late := !q.Now.Before(c.Due.Add(time.Duration(q.Policy.Verify.GiveUp))); {
	case late && own:
		d.Settlement = q.settlement(c, Unverified)
		d.Skip = skip(AlreadyScheduled, "this rollout's call to %s was accepted and never proven", c.Target)
	case late:
		d.Settlement = q.settlement(c, Unverified)
	default:
		d.Skip, d.Wait = skip(AlreadyScheduled, "rollout %s has it on the way to %s", c.Rollout, c.Target), !own
		if own {
			d.Settlement = q.settlement(c, Accepted)
		}
	}
}

func (q Question) settlement(c Claim, status Status) *Settlement {
	if c.Rollout != q.Rollout {
		return &Settlement{Claim: c, Status: status}
	}
	s := &Settlement{Claim: c, Status: status, Own: true}
	if q.Request.Fleet == nil {
		s.UpgradeTime, s.SwitchTime = string(q.Request.Upgrade.UpgradeTime), q.Request.Upgrade.SwitchTime
	}
	return s
}

// shows tells whether the call of a claim has visibly taken effect.
func (i Instance) shows(c Claim) bool {
	return i.taskSince(c.At) || i.proven(c.Target) || !i.running() && !i.resting()
}

// again is when a call of unknown outcome that has shown nothing, in status, version and tasks, may be made again. Where the tasks
// could not be asked for, what is to happen at a later time shows nothing before, so the wait begins there.
func (i Instance) again(v policy.Verify) time.Time {
	from := i.Claim.At.Add(time.Second) // the claim has whole seconds only
	if !i.TasksAsked && i.Claim.Due.After(from) {
		from = i.Claim.Due
	}
	return from.Add(time.Duration(v.First))
}
