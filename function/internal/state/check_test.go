package state_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/events"
	"rds-kernel-upgrade/function/internal/advisory"
	"rds-kernel-upgrade/function/internal/state"
	"rds-kernel-upgrade/schema"
)

// by applies a change to the member with an id.
func by(id string, change func(m *state.Member)) func(d *state.Document) {
	return func(d *state.Document) { change(d.Rollout("r-open").Member(id)) }
}

// of applies a change to the rollout with an id.
func of(id string, change func(r *state.Rollout)) func(d *state.Document) {
	return func(d *state.Document) { change(d.Rollout(id)) }
}

// beyond is a time that RFC 3339 cannot write.
var beyond = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// impossible are documents that cannot be, each with the error that begins with its path. The schema refuses all of them, but for those that no
// schema can see.
var impossible = map[string]struct {
	change func(d *state.Document)
	want   string
	unseen bool
}{
	"another version":                      {func(d *state.Document) { d.Version = 3 }, "version is 3: want 1", false},
	"number 0":                             {func(d *state.Document) { d.Number = 0 }, "number is missing", false},
	"a number that has no key":             {func(d *state.Document) { d.Number = 1e12 }, "number is 1000000000000: want 1 to 999999999999", false},
	"no nonce":                             {func(d *state.Document) { d.Nonce = "" }, "nonce is missing", false},
	"no time":                              {func(d *state.Document) { d.Written = time.Time{} }, "written is missing", true},
	"nobody":                               {func(d *state.Document) { d.By = "" }, "by is missing", false},
	"a time that is not UTC":               {func(d *state.Document) { d.Written = noon.In(time.FixedZone("CST", 8*3600)) }, "written is 2026-11-22T20:00:00+08:00: want UTC", false},
	"a time that has no letters":           {func(d *state.Document) { d.Written = beyond }, "written cannot be written", true},
	"a member's time that has no letters":  {by("rm-1", func(m *state.Member) { m.WantedSince = beyond }), "rollouts[1].members[0].wantedSince cannot be written: it is in the year 10000", true},
	"an end's time that has no letters":    {func(d *state.Document) { d.Last["77aa"] = state.Last{At: beyond, Ended: state.EndedClosed} }, `last["77aa"].at cannot be written`, true},
	"a request's time that has no letters": {of("r-open", func(r *state.Rollout) { r.Request.Fleet.Schedule.SwitchTime = beyond }), "rollouts[1].request cannot be written", true},
	"a text that is half":                  {func(d *state.Document) { d.By = "\xe5\x81" }, "by is not valid UTF-8", true},
	"a key that is half":                   {func(d *state.Document) { d.Last["\xe5"] = d.Last["77aa"] }, "last[\"\\xe5\"] is not valid UTF-8", true},
	"an empty key":                         {func(d *state.Document) { d.Last[""] = d.Last["77aa"] }, `last[""] is empty`, true},
	"an empty task id":                     {by("rm-2", func(m *state.Member) { m.Call.TasksBefore[0] = "" }), "rollouts[1].members[1].call.tasksBefore[0] is empty", false},
	"an empty note":                        {of("r-open", func(r *state.Rollout) { r.Notes[0] = "" }), `rollouts[1].notes[0] is empty`, false},
	"a rollout that is nothing":            {func(d *state.Document) { d.Rollouts[1] = nil }, "rollouts[1] is null", false},
	"a message that is nothing":            {func(d *state.Document) { d.Messages[1] = nil }, "messages[1] is null", false},
	"no cause":                             {of("r-open", func(r *state.Rollout) { r.Cause = state.Cause{} }), "rollouts[1].cause is missing", false},
	"a cause below 0":                      {of("r-open", func(r *state.Rollout) { r.Cause.RetryCount = -1 }), "rollouts[1].cause.retryCount is -1: want 0 or more", false},
	"no request":                           {of("r-open", func(r *state.Rollout) { r.Request = events.Request{} }), "rollouts[1].request is missing", true},
	"a request without a kind":             {of("r-open", func(r *state.Rollout) { r.Request.Kind = "" }), "rollouts[1].request.kind is missing", true},
	"a sweep of nothing":                   {of("r-open", func(r *state.Rollout) { r.Request.Fleet = nil }), "rollouts[1].request.fleet is missing", true},
	"an upgrade of nothing":                {of("r-open", func(r *state.Rollout) { r.Request.Kind = events.KindUpgrade }), "rollouts[1].request.upgrade.DBInstanceId is missing", true},
	"a request that is not read": {of("r-open", func(r *state.Rollout) {
		r.Request.Kind, r.Request.Fleet.Advisory = events.KindAdvisory, &events.Advisory{ID: "CVE-1"}
	}), "rollouts[1].request.fleet.advisory.affected is null", true},
	"an id that is no name":        {of("r-open", func(r *state.Rollout) { r.ID = "a/b" }), `rollouts[1].id is "a/b": want at most 64 letters`, false},
	"an id that is too long":       {of("r-open", func(r *state.Rollout) { r.ID = strings.Repeat("r", 65) }), "rollouts[1].id is", false},
	"an id of two rollouts":        {of("r-wait", func(r *state.Rollout) { r.ID = "r-over" }), `rollouts[2].id is "r-over", which another entry has, too`, true},
	"a key of two live ones":       {of("r-wait", func(r *state.Rollout) { r.Key = "9c0d" }), `rollouts[2].key is "9c0d", which another live rollout has, too`, true},
	"rollouts in disorder":         {of("r-wait", func(r *state.Rollout) { r.Received = noon.Add(-99 * time.Hour) }), "rollouts[2] is not in order", true},
	"an unknown state":             {of("r-open", func(r *state.Rollout) { r.State = "opened" }), `rollouts[1].state is "opened"`, false},
	"an unknown severity":          {of("r-open", func(r *state.Rollout) { r.Severity = "High" }), `rollouts[1].severity is "High"`, false},
	"a halt without a reason":      {of("r-wait", func(r *state.Rollout) { r.State = state.Halted }), "rollouts[2].halt is missing", false},
	"a halt of an open one":        {of("r-open", func(r *state.Rollout) { r.Halt = "so" }), "rollouts[1].halt is given, and the rollout is open", false},
	"members of a waiting one":     {of("r-open", func(r *state.Rollout) { r.State = state.Waiting }), "rollouts[1].members is given, and the rollout is waiting", false},
	"a closed one in flight":       {of("r-open", func(r *state.Rollout) { r.State = state.Closed }), "rollouts[1].state is closed, and members are still pending or in flight", false},
	"told of no halt":              {of("r-open", func(r *state.Rollout) { r.Told.Halted = noon }), "rollouts[1].told.halted is given, and the rollout was never halted", true},
	"a report before the end":      {of("r-open", func(r *state.Rollout) { r.Told.Report = noon }), "rollouts[1].told.report is given, and the rollout has not ended", true},
	"an archive before the end":    {of("r-open", func(r *state.Rollout) { r.Archived = noon }), "rollouts[1].archived is given, and not everything", false},
	"an archive before the report": {of("r-over", func(r *state.Rollout) { r.Told.Report = time.Time{} }), "rollouts[0].archived is given, and not everything", true},

	"a wave of 0":               {of("r-open", func(r *state.Rollout) { r.Waves[0].Number = 0 }), "rollouts[1].waves[0].wave is 0", false},
	"a wave twice":              {of("r-open", func(r *state.Rollout) { r.Waves[0].Number = 2 }), "rollouts[1].waves[1].wave is 2, after wave 2", true},
	"told of a wave to come":    {of("r-open", func(r *state.Rollout) { r.Waves[1].Told = state.ToldBegan }), "rollouts[1].waves[1].told is given, and the wave has not begun", false},
	"told of a wave's end":      {of("r-open", func(r *state.Rollout) { r.Waves[0].Told, r.Waves[0].Done = state.ToldDone, time.Time{} }), "rollouts[1].waves[0].told is done, and the wave is not", false},
	"an unknown word of a wave": {of("r-open", func(r *state.Rollout) { r.Waves[0].Told = "yes" }), `rollouts[1].waves[0].told is "yes"`, false},

	"members in disorder":           {of("r-open", func(r *state.Rollout) { r.Members[0], r.Members[1] = r.Members[1], r.Members[0] }), "rollouts[1].members[1] is not in order", true},
	"a member twice":                {of("r-open", func(r *state.Rollout) { r.Members[1].DBInstanceID = "rm-1" }), `rollouts[1].members[1].DBInstanceId is "rm-1", which another entry has, too`, true},
	"a member of wave 0":            {by("rm-1", func(m *state.Member) { m.Wave = 0 }), "rollouts[1].members[0].wave is missing, and the member is pending: want 1 or more", false},
	"a member without a target":     {by("rm-1", func(m *state.Member) { m.Target = "" }), "rollouts[1].members[0].target is missing, and the member is pending", false},
	"a wave below 0":                {by("rm-90", func(m *state.Member) { m.Wave = -1 }), "rollouts[1].members[8].wave is -1: want 0 or more", false},
	"an unverified one in no wave":  {by("rm-6", func(m *state.Member) { m.Wave = 0 }), "rollouts[1].members[5].wave is missing, and the member is unverified", false},
	"a proof of no target":          {by("rm-4", func(m *state.Member) { m.Target = "" }), "rollouts[1].members[3].target is missing, and the member is proven", false},
	"an unknown verdict":            {by("rm-80", func(m *state.Member) { m.Verdict = "fixed" }), `rollouts[1].members[7].verdict is "fixed": want one of`, false},
	"a called one that is busy":     {by("rm-3", func(m *state.Member) { m.Busy = "x" }), "rollouts[1].members[2].busy is given, and the member is called", false},
	"a proven one that is busy":     {by("rm-4", func(m *state.Member) { m.Busy = "x" }), "rollouts[1].members[3].busy is given, and the member is proven", false},
	"a member of an unknown state":  {by("rm-1", func(m *state.Member) { m.State = "waiting" }), `rollouts[1].members[0].state is "waiting"`, false},
	"a pending one with a call":     {by("rm-2", func(m *state.Member) { m.State = state.Pending }), "rollouts[1].members[1].call is given, and the member is pending", false},
	"an intent without a call":      {by("rm-2", func(m *state.Member) { m.Call = nil }), "rollouts[1].members[1].call is missing, and the member is intent", false},
	"an intent without a time":      {by("rm-2", func(m *state.Member) { m.Call.At = time.Time{} }), "rollouts[1].members[1].call.at is missing", true},
	"an intent that is never due":   {by("rm-2", func(m *state.Member) { m.Call.Due = time.Time{} }), "rollouts[1].members[1].call.due is missing", true},
	"an accepted intent":            {by("rm-2", func(m *state.Member) { m.Call.AcceptedAt = noon }), "rollouts[1].members[1].call.acceptedAt is given, and the member is still an intent", false},
	"a call that was not accepted":  {by("rm-3", func(m *state.Member) { m.Call.AcceptedAt = time.Time{} }), "rollouts[1].members[2].call.acceptedAt is missing, and the member is called", false},
	"a call at an unknown time":     {by("rm-2", func(m *state.Member) { m.Call.UpgradeTime = "Soon" }), `rollouts[1].members[1].call.UpgradeTime is "Soon"`, false},
	"a SpecifyTime without a time":  {by("rm-3", func(m *state.Member) { m.Call.SwitchTime = time.Time{} }), "rollouts[1].members[2].call.SwitchTime goes with UpgradeTime SpecifyTime", false},
	"an Immediate with a time":      {by("rm-2", func(m *state.Member) { m.Call.SwitchTime = noon }), "rollouts[1].members[1].call.SwitchTime goes with UpgradeTime SpecifyTime", false},
	"an unverified without a call":  {by("rm-6", func(m *state.Member) { m.Call = nil }), "rollouts[1].members[5].call is missing, and the member is unverified", false},
	"an end of what is in flight":   {by("rm-2", func(m *state.Member) { m.End = &state.End{At: noon} }), "rollouts[1].members[1].end is given, and the member is intent", false},
	"a proven one without an end":   {by("rm-4", func(m *state.Member) { m.End = nil }), "rollouts[1].members[3].end is missing, and the member is proven", false},
	"an end without a time":         {by("rm-4", func(m *state.Member) { m.End.At = time.Time{} }), "rollouts[1].members[3].end.at is missing", true},
	"a failure that runs something": {by("rm-5", func(m *state.Member) { m.End.After = target }), "rollouts[1].members[4].end.after is given, and the member is failed", false},
	"a failure of an unknown kind":  {by("rm-5", func(m *state.Member) { m.End.Kind = "Broken" }), `rollouts[1].members[4].end.kind is "Broken"`, false},
	"left out for no reason":        {by("rm-7", func(m *state.Member) { m.End.Reason = "" }), "rollouts[1].members[6].end.reason is missing", false},
	"told of no acceptance":         {by("rm-5", func(m *state.Member) { m.Told = state.ToldAccepted }), "rollouts[1].members[4].told is accepted, and no call was accepted", false},
	"told of an end to come":        {by("rm-3", func(m *state.Member) { m.Told = state.ToldEnd }), "rollouts[1].members[2].told is end, and the member is called", false},
	"told of what is pending":       {by("rm-1", func(m *state.Member) { m.Told = state.ToldAccepted }), "rollouts[1].members[0].told is accepted, and no call was accepted", false},
	"an unknown word of a member":   {by("rm-4", func(m *state.Member) { m.Told = "yes" }), `rollouts[1].members[3].told is "yes"`, false},
	"an instance in flight twice": {of("r-wait", func(r *state.Rollout) {
		r.State, r.Members = state.Open, []state.Member{member("rm-3", state.Intent, func(m *state.Member) {
			m.Call = &state.Call{At: noon, Due: noon, UpgradeTime: events.Immediate}
		})}
	}), `rollouts[2].members[0].state is intent, and "rm-3" is in flight in rollout "r-open", too`, true},

	"an end of an unknown kind":      {func(d *state.Document) { d.Last["77aa"] = state.Last{At: noon, Ended: "over"} }, `last["77aa"].ended is "over"`, false},
	"an end at no time":              {func(d *state.Document) { d.Last["77aa"] = state.Last{Ended: state.EndedClosed} }, `last["77aa"].at is missing`, true},
	"nothing remembered":             {func(d *state.Document) { d.Instances[1].Landed = time.Time{} }, "instances[1] has neither fail nor landed", false},
	"an instance twice":              {func(d *state.Document) { d.Instances[1].DBInstanceID = "rm-5" }, `instances[1].DBInstanceId is "rm-5", which another entry has, too`, true},
	"a failure of no target":         {func(d *state.Document) { d.Instances[0].Fail.Target = "" }, "instances[0].fail.target is missing", false},
	"a failure of no rollout":        {func(d *state.Document) { d.Instances[0].Fail.Rollout = "" }, "instances[0].fail.rollout is missing", false},
	"a task twice":                   {func(d *state.Document) { d.Tasks = append(d.Tasks, d.Tasks[0]) }, `tasks[1].Id is "226917711", which another entry has, too`, true},
	"a task that was never seen":     {func(d *state.Document) { d.Tasks[0].Seen = time.Time{} }, "tasks[0].seen is missing", true},
	"a message twice":                {func(d *state.Document) { d.Messages[3].ID = "mns_topic 1" }, `messages[3].id is "mns_topic 1", which another entry has, too`, true},
	"messages in disorder":           {func(d *state.Document) { d.Messages[0].Received = noon }, "messages[1] is not in order", true},
	"an unknown answer":              {func(d *state.Document) { d.Messages[0].Answer = "no" }, `messages[0].answer is "no"`, false},
	"a message that began nothing":   {func(d *state.Document) { d.Messages[0].Rollout = "" }, "messages[0].rollout is missing: want the one that the message began", false},
	"a message that stopped nothing": {func(d *state.Document) { d.Messages[3].Key = "" }, "messages[3].key is missing: want what was stopped", false},
}

func TestAnImpossibleDocumentIsNotWritten(t *testing.T) {
	t.Parallel()
	for name, c := range impossible {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := document(t)
			c.change(d)
			if _, err := state.Encode(d); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			written, err := json.Marshal(d)
			if err != nil {
				return // nothing that a schema could see
			}
			if err := schema.CheckState(written); (err == nil) != c.unseen {
				t.Errorf("the schema says %v", err)
			}
		})
	}
}

func TestADocumentWithoutAnEndIsNotWritten(t *testing.T) {
	t.Parallel()
	d := document(t)
	d.Rollout("r-over").Halt = strings.Repeat("x", 33<<20)
	const want = "the document is longer than 33554432 bytes"
	if _, err := state.Encode(d); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhatRulesMayDoIsWritten(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(d *state.Document){
		"nothing at all": func(d *state.Document) {
			*d = state.Document{Version: 1, Number: 1, Nonce: "n", Written: noon, By: "b"}
		},
		"a failure before it was planned": by("rm-5", func(m *state.Member) { m.Wave, m.Target, m.Call = 0, "", nil }),
		"one that was planned, and is left out": by("rm-80", func(m *state.Member) {
			m.State, m.End = state.LeftOut, &state.End{At: noon, Reason: "in_progress"}
		}),
		"one of which nothing is known": by("rm-90", func(m *state.Member) {
			m.Engine, m.EngineVersion, m.Before, m.Verdict, m.End.Reason = "", "", "", "", "gone"
		}),
		"an advisory that cannot say":           by("rm-90", func(m *state.Member) { m.Verdict = advisory.Unknown }),
		"a halted rollout of which all is told": of("r-over", func(r *state.Rollout) { r.State = state.Halted }),
		"a closed rollout that was never halted": of("r-over", func(r *state.Rollout) {
			r.Halt, r.Told.Halted = "", time.Time{}
			r.Members = append(r.Members, member("rm-9", state.Proven, func(m *state.Member) { m.End = &state.End{At: noon} }),
				member("rm-91", state.LeftOut, func(m *state.Member) { m.Wave, m.Target, m.End = 0, "", &state.End{At: noon, Reason: "up_to_date"} }))
		}),
		"an instance that ran it already": by("rm-1", func(m *state.Member) { m.State, m.End = state.Proven, &state.End{At: noon} }),
		"a call that is refused for now":  by("rm-2", func(m *state.Member) { m.State, m.Call, m.WantedSince = state.Pending, nil, noon }),
		"a call that is refused for good": by("rm-2", func(m *state.Member) { m.State, m.End = state.Failed, &state.End{At: noon, Kind: "Denied"} }),
		"a call whose effect is seen":     by("rm-2", func(m *state.Member) { m.State, m.Call.AcceptedAt = state.Called, m.Call.At }),
		"an instance deleted in flight":   by("rm-3", func(m *state.Member) { m.State, m.End = state.LeftOut, &state.End{At: noon, Reason: "gone"} }),
		"a rollout of one instance": of("r-wait", func(r *state.Rollout) {
			r.Request = events.Request{Kind: events.KindUpgrade, Upgrade: events.Upgrade{DBInstanceID: "rm-1"}}
		}),
		"a rollout that opens with none":     of("r-wait", func(r *state.Rollout) { r.State = state.Closed }),
		"a rollout stopped while it waits":   of("r-wait", func(r *state.Rollout) { r.State, r.Halt = state.Halted, "an operator stopped it" }),
		"a halt with members in flight":      of("r-open", func(r *state.Rollout) { r.State, r.Halt = state.Halted, "rm-5 failed" }),
		"a second rollout of one that ended": of("r-wait", func(r *state.Rollout) { r.Key = "5b1f" }),
		"an instance of two rollouts":        of("r-wait", func(r *state.Rollout) { r.State, r.Members = state.Open, []state.Member{member("rm-3", state.Pending)} }),
		"a failure that landed and fails":    func(d *state.Document) { d.Instances[0].Landed = noon },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := document(t)
			change(d)
			text(t, d)
		})
	}
}
