package main_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	function "rds-kernel-upgrade/function"
	"rds-kernel-upgrade/local/fakeoss"
	"rds-kernel-upgrade/local/faults"
	"rds-kernel-upgrade/local/tape"
)

// begin runs what `main begin` is, with an operator's environment, and returns its exit status and what it prints.
func (w *world) begin(change map[string]string) (exit int, out, notes string) {
	w.tb.Helper()
	key := w.keys.Issue(time.Hour)
	env := map[string]string{
		"FC_REGION": region, "ALIBABA_CLOUD_ACCESS_KEY_ID": key.ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.Secret, "ALIBABA_CLOUD_SECURITY_TOKEN": key.Token,
		"STATE_BUCKET": bucket, "OSS_ENDPOINT": "http://127.0.0.1:9003", // RESULT_TOPIC is not wanted
	}
	maps.Copy(env, change)
	var said, wrong tape.Tape
	getenv := func(name string) string { return env[name] }
	f := function.New(getenv, w.folder, time.Now, &wrong)
	f.Over(w)
	exit = f.BeginState(getenv, &said, &wrong)
	for name, secret := range map[string]string{"the secret": key.Secret, "the token": key.Token} {
		if strings.Contains(said.String()+wrong.String(), secret) {
			w.tb.Errorf("%s is printed: %s%s", name, said.String(), wrong.String())
		}
	}
	return exit, said.String(), wrong.String()
}

// emptied is a world without a document.
func (w *world) emptied() {
	w.oss.DeleteBucket(bucket)
	if err := w.oss.CreateBucket(bucket, fakeoss.BucketOptions{}); err != nil {
		w.tb.Fatal(err)
	}
}

func TestTheFirstDocumentIsMadeOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env           map[string]string
		prepare       func(w *world)
		exit          int
		out, notes    string // begin with
		hint          string // is in notes, too
		documents     int
		servesMessage bool
	}{
		"in an empty bucket":        {nil, (*world).emptied, 0, "made the first document: oss://rds-kernel-upgrade-state/rds-kernel-upgrade/state/000000000001.json\n", "", "", 1, true},
		"where there is one":        {nil, func(*world) {}, 0, "there is a document in oss://rds-kernel-upgrade-state/rds-kernel-upgrade: nothing was done\n", "", "", 1, true},
		"where a later one is left": {nil, func(w *world) { first := w.first(); w.emptied(); w.put(7, first) }, 0, "there is a document in ", "", "", 1, true},
		"where one is broken":       {nil, func(w *world) { w.emptied(); w.put(1, "{") }, 0, "there is a document in ", "", "", 1, false},
		"where only archives are left": {nil, func(w *world) {
			w.emptied()
			_ = w.oss.Store(bucket, prefix+"/rollouts/a7dc258ff8bf0089.json", []byte("{}"))
		}, 1, "", "begin: state: begin: there is no document in rds-kernel-upgrade/state/, and there is an archive, rds-kernel-upgrade/rollouts/a7dc258ff8bf0089.json: so there was one", "another STATE_PREFIX", 0, false},
		"under a prefix of its own": {map[string]string{"STATE_PREFIX": "team-b/upgrades"}, func(*world) {}, 0, "made the first document: oss://rds-kernel-upgrade-state/team-b/upgrades/state/000000000001.json\n", "", "", 1, true},

		"without a bucket's name":       {map[string]string{"STATE_BUCKET": ""}, (*world).emptied, 2, "", "begin: STATE_BUCKET is not set: ", "", 0, false},
		"with a bucket's wrong name":    {map[string]string{"STATE_BUCKET": "A"}, (*world).emptied, 2, "", `begin: STATE_BUCKET: "A": want the name of a bucket`, "", 0, false},
		"with a wrong prefix":           {map[string]string{"STATE_PREFIX": "a//b"}, (*world).emptied, 2, "", `begin: STATE_PREFIX: "a//b": want what keys begin with`, "", 0, false},
		"with a wrong endpoint":         {map[string]string{"OSS_ENDPOINT": "http://oss.aliyuncs.com"}, (*world).emptied, 2, "", "begin: OSS_ENDPOINT: ", "plain text", 0, false},
		"without a region":              {map[string]string{"FC_REGION": ""}, (*world).emptied, 2, "", "begin: want FC_REGION, ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET in the environment, and ALIBABA_CLOUD_SECURITY_TOKEN with a temporary key\n", "", 0, false},
		"with a region that is no name": {map[string]string{"FC_REGION": "a b", "OSS_ENDPOINT": ""}, (*world).emptied, 2, "", "begin: FC_REGION: ", "", 0, false},
		"without a key":                 {map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": ""}, (*world).emptied, 2, "", "begin: want FC_REGION, ", "", 0, false},
		"without a secret":              {map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_SECRET": ""}, (*world).emptied, 2, "", "begin: want FC_REGION, ", "", 0, false},
		"without the key's token":       {map[string]string{"ALIBABA_CLOUD_SECURITY_TOKEN": ""}, (*world).emptied, 1, "", "begin: state: ask for the bucket's versioning: ", "deploy/deployer-policy.json", 0, false},
		"where there is no bucket":      {map[string]string{"STATE_BUCKET": "another-bucket"}, func(*world) {}, 1, "", "begin: state: ask for the bucket's versioning: oss: GetBucketVersioning another-bucket: NoSuchBucket: ", "make it (deploy/README.md)", 1, false},
		"in a bucket with versioning":   {nil, func(w *world) { w.emptied(); _ = w.oss.SetVersioning(bucket, fakeoss.Enabled) }, 1, "", "begin: state: bucket: it has versioning", "", 0, false},
		"without the rights": {nil, func(w *world) {
			w.emptied()
			w.bucketOf(func(o *fakeoss.Options) { o.Allow = func(a fakeoss.Access) bool { return a.Action != "PutObject" } })
		}, 1, "", "begin: state: write rds-kernel-upgrade/state/000000000001.json: ", "begin: it is your own key that needs the rights here: those of deploy/deployer-policy.json\n", 0, false},
		"while OSS is down": {nil, func(w *world) {
			w.emptied()
			w.oss.Faults().Add(faults.Fault{Action: "*", Kind: faults.ServerError})
		}, 1, "", "begin: state: ask for the bucket's versioning: ", "InternalError", 0, false},
		"while OSS never answers": {nil, func(w *world) {
			w.emptied()
			w.oss.Faults().Add(faults.Fault{Action: "*", Kind: faults.Hang})
		}, 1, "", "begin: state: ask for the bucket's versioning: ", "", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, "", func(t *testing.T, w *world) {
				t.Helper()
				w.rds.Add(behind("rm-1"))
				c.prepare(w)
				exit, out, notes := w.begin(c.env)
				if exit != c.exit || !strings.HasPrefix(out, c.out) || !strings.HasPrefix(notes, c.notes) || !strings.Contains(notes, c.hint) || (out == "") != (c.out == "") || (notes == "") != (c.notes == "") {
					t.Errorf("exit %d, printed %q and %q", exit, out, notes)
				}
				if w.written() != c.documents {
					t.Errorf("%d documents, want %d", w.written(), c.documents)
				}
				if exit == 0 {
					if again, out, _ := w.begin(c.env); again != 0 || !strings.HasPrefix(out, "there is a document in ") {
						t.Errorf("a second time: exit %d, printed %q", again, out)
					}
				}
				if c.servesMessage {
					w.env["STATE_PREFIX"] = c.env["STATE_PREFIX"]
					w.restart()
					w.must(w.request("M1", oneUpgrade))
					w.sameLines("published", []string{"accepted"}, w.statuses())
				}
			})
		})
	}
}

// public carries requests to OSS, whatever host they name, and keeps that host.
type public struct {
	*world
	hosts map[string]bool
}

// RoundTrip carries a request.
func (p public) RoundTrip(r *http.Request) (*http.Response, error) {
	p.hosts[r.URL.Host] = true
	return serve(p.oss, r), nil
}

// An operator's machine is not inside of the region: without OSS_ENDPOINT the public endpoint is used, over https.
func TestTheFirstDocumentIsMadeOverThePublicEndpoint(t *testing.T) {
	t.Parallel()
	play(t, "", func(t *testing.T, w *world) {
		t.Helper()
		w.emptied()
		key := w.keys.Issue(time.Hour)
		getenv := func(name string) string {
			return map[string]string{
				"FC_REGION": region, "ALIBABA_CLOUD_ACCESS_KEY_ID": key.ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.Secret, "ALIBABA_CLOUD_SECURITY_TOKEN": key.Token, "STATE_BUCKET": bucket,
			}[name]
		}
		var out, notes tape.Tape
		f, pool := function.New(getenv, w.folder, time.Now, &notes), public{w, map[string]bool{}}
		f.Over(pool)
		if exit := f.BeginState(getenv, &out, &notes); exit != 0 || notes.String() != "" || w.written() != 1 {
			t.Errorf("exit %d: %s%s", exit, out.String(), notes.String())
		}
		if got := fmt.Sprint(pool.hosts); got != "map[rds-kernel-upgrade-state.oss-cn-hangzhou.aliyuncs.com:true]" {
			t.Errorf("the hosts are %s", got)
		}
	})
}
