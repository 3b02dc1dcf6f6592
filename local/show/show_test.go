package show_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/local/golden"
	"rds-kernel-upgrade/local/show"
)

// fleet is a small one of two regions, in which each sort of instance is there.
func fleet() *show.Board {
	return show.NewBoard([]show.Row{
		{ID: "rm-1", Description: "shop, development", Region: "cn-hangzhou", Engine: "MySQL 8.0", Version: "rds_20250531"},
		{ID: "rm-2", Description: "orders", Region: "cn-hangzhou", Engine: "MySQL 8.0", Version: "rds_20250531"},
		{ID: "rr-2", Description: "orders, read-only", Region: "cn-hangzhou", Engine: "MySQL 8.0", Version: "rds_20250531"},
		{ID: "rm-3", Description: "stock", Region: "cn-hangzhou", Engine: "MySQL 8.0"},
		{ID: "pgm-4", Description: "ledger", Region: "cn-shanghai", Engine: "PostgreSQL 15", Version: "rds_postgres_1500_20250530"},
		{ID: "pgm-5", Description: "audit", Region: "cn-shanghai", Engine: "PostgreSQL 15", Version: "rds_postgres_1500_20250530"},
	})
}

const (
	mysql    = `"CurrentKernelVersion":"rds_20250531","TargetMinorVersion":"rds_20260228",`
	postgres = `"CurrentKernelVersion":"rds_postgres_1500_20250530","TargetMinorVersion":"rds_postgres_1500_20251130",`
)

// accounts, as entries of plan, halted and report.
var (
	left = strings.Join([]string{
		entry("rm-3", "skipped", 0, `"reason":"unknown_version"`), entry("pgm-5", "skipped", 0, `"reason":"not_opted_in"`),
	}, ",")
	plan = list(`"planHash":"00000000000000000000000000000001"`, `{"plan":4,"skipped":2}`, entry("rm-1", "plan", 1, ""), entry("rr-2", "plan", 2, ""),
		entry("pgm-4", "plan", 2, ""), entry("rm-2", "plan", 3, ""), left)
	halted = list(`"reason":"held","detail":"1 did not succeed, and the request allows 0: rr-2 failed"`, `{"completed":1,"accepted":1,"failed":1,"skipped":3}`,
		entry("rm-1", "completed", 1, ""), entry("rr-2", "failed", 2, ""), entry("pgm-4", "accepted", 2, ""),
		entry("rm-2", "skipped", 0, `"reason":"replica_first"`))
	report = list(`"detail":"1 did not succeed, and the request allows 0: rr-2 failed"`, `{"completed":2,"failed":1,"skipped":3}`,
		entry("rm-1", "completed", 1, ""), entry("rr-2", "failed", 2, ""), entry("pgm-4", "completed", 2, ""),
		entry("rm-2", "skipped", 0, `"reason":"replica_first"`), left)
	closing = list(`"part":2,"parts":2`, `{"completed":2,"skipped":4}`, entry("rm-1", "skipped", 0, `"reason":"not_affected"`), left)
)

// happening is something that is shown: a call, or a notification, or what is said.
type happening struct {
	call    show.Call
	rollout int
	tag     string
	data    string
	say     string
}

// story is a rollout that halts, and a second one that ends it.
func story() []happening {
	one := func(id, versions, more string) string {
		return fmt.Sprintf(`"DBInstanceId":%q,"RegionId":"cn-hangzhou",%s%s`, id, versions, more)
	}
	accepted := `"acceptedAt":"2026-11-22T12:00:00Z","wave":`
	completed := func(before, after, more string) string {
		return fmt.Sprintf(`"before":%q,"after":%q,"looks":2,"acceptedAt":"2026-11-22T12:00:00Z",%s`, before, after, more)
	}
	call := func(id, target string) happening {
		return happening{call: show.Call{DBInstanceID: id, UpgradeTime: "Immediate", TargetMinorVersion: target, Signer: "HMAC-SHA1", Status: 200}}
	}
	return []happening{
		{say: "1. The plan."},
		{rollout: 1, tag: "plan", data: plan},
		{say: "2. The rollout."},
		call("rm-1", "rds_20260228"),
		{rollout: 1, tag: "wave", data: `"event":"began","wave":1,"detail":"wave 1 of 3 has begun, with 1 instance: env=dev"`},
		{rollout: 1, tag: "accepted", data: one("rm-1", mysql, accepted+"1")},
		{rollout: 1, tag: "completed", data: one("rm-1", mysql, completed("rds_20250531", "rds_20260228", `"wave":1`))},
		call("rr-2", "rds_20260228"),
		call("pgm-4", "rds_postgres_1500_20251130"),
		{rollout: 1, tag: "accepted", data: one("rr-2", mysql, accepted+"2")},
		{rollout: 1, tag: "accepted", data: one("pgm-4", postgres, accepted+"2")},
		{rollout: 1, tag: "failed", data: one("rr-2", mysql, `"detail":"it came back with rds_20250531, not with rds_20260228",`+
			`"error":{"kind":"Unproven","message":"it came back with rds_20250531, not with rds_20260228"},`+accepted+"2")},
		{rollout: 1, tag: "wave", data: `"event":"proven","wave":2,"detail":"wave 2 of 3 is done, with 2 instances: proven 1, out 1"`},
		{rollout: 1, tag: "halted", data: halted},
		{rollout: 1, tag: "completed", data: one("pgm-4", postgres, completed("rds_postgres_1500_20250530", "rds_postgres_1500_20251130", `"wave":2`))},
		{rollout: 1, tag: "report", data: report},
		{say: "3. Again."},
		call("rr-2", "rds_20260228"),
		{rollout: 2, tag: "accepted", data: one("rr-2", mysql, accepted+"1")},
		{rollout: 2, tag: "completed", data: one("rr-2", mysql, completed("rds_20250531", "rds_20260228", `"wave":1`))},
		{call: show.Call{DBInstanceID: "rm-2", UpgradeTime: "Immediate", TargetMinorVersion: "rds_20260228", Signer: "HMAC-SHA1", Status: 400, Code: "Throttling.User"}},
		call("rm-2", "rds_20260228"),
		{rollout: 2, tag: "accepted", data: one("rm-2", mysql, accepted+"2")},
		{rollout: 2, tag: "completed", data: one("rm-2", mysql, completed("rds_20250531", "rds_20260228", `"wave":2`))},
		{rollout: 4, tag: "report", data: `"joined":"0000000000000002","mode":"apply","detail":"the same was asked for before and is under way","counts":{},"instances":[]`},
		{rollout: 2, tag: "report", data: closing},
		{say: "4. Nonsense."},
		{rollout: 3, tag: "rejected", data: `"problems":["kind: \"advice\" is not a value","advisory: is missing"]`},
	}
}

func entry(id, status string, wave int, more string) string {
	if wave > 0 {
		more = fmt.Sprintf(`"wave":%d`, wave)
	}
	return fmt.Sprintf(`{"DBInstanceId":%q,"RegionId":"cn-hangzhou","status":%q,"TargetMinorVersion":"rds_20260228",%s}`, id, status, more)
}

func list(more, counts string, entries ...string) string {
	text := fmt.Sprintf(`%s,"mode":"apply","counts":%s,"instances":[%s]`, more, counts, strings.Join(entries, ","))
	return strings.ReplaceAll(text, ",}", "}")
}

// body is a notification as it is published.
func body(h happening) string {
	subject := ""
	if strings.HasPrefix(h.data, `"DBInstanceId"`) {
		subject = `"subject":"acs:rds:cn-hangzhou:1234567890123456:dbinstance/rm-1",`
	}
	return fmt.Sprintf(`{"specversion":"1.0","id":"000000000000000000000000000000%02d","source":"acs:fc:cn-hangzhou:1234567890123456:functions/f",
		"type":"rds.kernelupgrade.%s",%s"time":"2026-11-22T12:00:00Z","datacontenttype":"application/json","data":{"status":%q,
		"observedAt":"2026-11-22T12:00:00Z","rollout":"000000000000000%d","cause":{"trigger":"mns_topic","fcRequestId":"1","retryCount":0},%s}}`,
		h.rollout, h.tag, subject, h.tag, h.rollout, h.data)
}

func read(t *testing.T, h happening) show.Notification {
	t.Helper()
	n, err := show.Read(body(h))
	if err != nil {
		t.Fatalf("%v\n%s", err, body(h))
	}
	return n
}

// view is what Plain and Screen have in common.
type view interface {
	Say(text string)
	Call(at time.Time, c show.Call)
	Notification(at time.Time, n show.Notification)
	Refresh(at time.Time)
	End()
}

const second = time.Second

var started = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// play shows the first n happenings of the story, one a second.
func play(t *testing.T, b *show.Board, v view, n int) {
	t.Helper()
	at := started
	for _, h := range story()[:n] {
		at = at.Add(second)
		switch {
		case h.say != "":
			b.Begin()
			v.Say(h.say)
		case h.tag == "":
			b.Call(h.call)
			v.Call(at, h.call)
		default:
			b.Apply(read(t, h))
			v.Notification(at, read(t, h))
		}
		v.Refresh(at)
	}
}

func TestLinesTellEachCallAndNotificationWaveByWave(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v := &show.Plain{Out: &out}
	play(t, fleet(), v, len(story()))
	v.Call(started.Add(time.Minute), show.Call{DBInstanceID: "rm-9", Signer: "HMAC-SHA1", Status: 404, Code: "InvalidDBInstanceId.NotFound"})
	v.End()
	golden.Text(t, "testdata/plain.txt", out.Bytes())
	if strings.Contains(out.String(), "\x1b") {
		t.Error("there are escape codes in it")
	}
}

func TestTheAccountAddsUp(t *testing.T) {
	t.Parallel()
	account := show.Account{
		Advisory: "SEC-1 (severity high): A crafted query can crash the server.",
		FixedIn:  []string{"MySQL 8.0 with rds_20251130", "PostgreSQL 14 with 14.20", "PostgreSQL 15 with 15.15", "PostgreSQL 16 with 16.11"},
		Mended:   map[string]string{"rr-2": "The operator freed its disk."},
	}
	for name, n := range map[string]int{"begun": 12, "halted": 16, "ended": len(story())} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := fleet()
			play(t, b, &show.Plain{Out: &bytes.Buffer{}}, n)
			golden.Text(t, "testdata/account-"+name+".txt", []byte(account.Text(b)))
		})
	}
}

func TestTheTableFitsTheScreen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		frame show.Frame
		n     int
	}{
		"endless":      {show.Frame{}, 12},
		"medium":       {show.Frame{Width: 120, Height: 40}, 20},
		"narrow":       {show.Frame{Width: 100, Height: 11}, 12},
		"very-narrow":  {show.Frame{Width: 70, Height: 9}, len(story())},
		"before":       {show.Frame{Width: 80}, 0},
		"colored":      {show.Frame{Width: 200, Color: true}, 12},
		"all-too-much": {show.Frame{Width: 200, Height: 2}, 12},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := fleet()
			play(t, b, &show.Plain{Out: &bytes.Buffer{}}, c.n)
			golden.Text(t, "testdata/table-"+name+".txt", []byte(b.Table(c.frame)+"\n"))
		})
	}
}

func TestTheBoardSaysWhatHappensNow(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0:  "The function looks at the fleet. 6 not looked at",
		2:  "The function looks at the fleet. 4 to come, 2 left alone",
		4:  "Rollout 1, wave 1 is under way. 1 under way, 3 to come, 2 left alone",
		7:  "Rollout 1, wave 1 has ended, and bakes. 1 upgraded, 3 to come, 2 left alone",
		14: "HALTED: nothing more is started, and what is in flight is watched to its end. 1 upgraded, 1 failed, 1 under way, 3 left alone",
		15: "HALTED: nothing more is started. 2 upgraded, 1 failed, 3 left alone",
		16: "The rollout has ended. 2 upgraded, 1 failed, 3 left alone",
		20: "Rollout 2, wave 1 has ended, and bakes. 3 upgraded, 3 left alone",
		26: "The rollout has ended. 4 upgraded, 2 left alone",
	} {
		t.Run(fmt.Sprintf("after %d", n), func(t *testing.T) {
			t.Parallel()
			b := fleet()
			play(t, b, &show.Plain{Out: &bytes.Buffer{}}, n)
			if got := b.Now() + " " + b.Tally(); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestWhatIsUpgradedStaysUpgraded(t *testing.T) {
	t.Parallel()
	b := fleet()
	play(t, b, &show.Plain{Out: &bytes.Buffer{}}, len(story()))
	b.Call(show.Call{DBInstanceID: "rm-1"})
	b.Call(show.Call{DBInstanceID: "of another fleet"})
	if row := b.Rows()[0]; row.State != show.Upgraded || row.Before != "rds_20250531" || row.Version != "rds_20260228" {
		t.Errorf("got %+v", row)
	}
}

func TestAnUnreadableNotificationIsRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":                     `nonsense`,
		"a status that nobody knows":  body(happening{rollout: 1, tag: "finished", data: `"mode":"apply"`}),
		"a report without an account": body(happening{rollout: 1, tag: "report", data: `"mode":"apply"`}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if n, err := show.Read(text); err == nil {
				t.Errorf("got %+v", n)
			}
		})
	}
}
