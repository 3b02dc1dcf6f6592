package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/plan"
	"rds-kernel-upgrade/function/internal/state"
)

// staged is a sweep with waves.
func staged(waves string) string { return `{"kind":"sweep","rollout":{"waves":[` + waves + `]}}` }

const (
	dev  = `{"tags":{"env":"dev"}},{"percent":100}`
	rest = `{"percent":100}`
)

// wavesOf returns the waves of those that are to be upgraded.
func wavesOf(r *state.Rollout) map[string]int {
	waves := map[string]int{}
	for _, m := range r.Members {
		if m.State == state.Pending {
			waves[m.DBInstanceID] = m.Wave
		}
	}
	return waves
}

// sizes returns how many instances are in each wave.
func sizes(r *state.Rollout) (counts []int) {
	for _, wave := range wavesOf(r) {
		counts = append(counts, make([]int, max(0, wave-len(counts)))...)
		counts[wave-1]++
	}
	return counts
}

// Waves: they are as large as the request and the budget permit.
func TestWavesAreAsLargeAsTheRequestAndTheBudgetPermit(t *testing.T) {
	t.Parallel()
	percents := func(percents ...float64) string {
		var waves []string
		for _, p := range percents {
			waves = append(waves, fmt.Sprintf(`{"percent":%v}`, p))
		}
		return staged(strings.Join(waves, ","))
	}
	budget := func(instances int, percent float64) string {
		return fmt.Sprintf("budget: {maxInstances: %d, maxPercent: %v}", instances, percent)
	}
	cases := map[string]struct {
		budget, request string
		fleet           int
		want            []int
	}{
		"no waves and a large budget: all at once":           {budget(50, 100), sweepAll, 30, []int{30}},
		"the budget's number: 50, 50, 20":                    {budget(50, 100), sweepAll, 120, []int{50, 50, 20}},
		"the budget's percent: 20 % of 10":                   {budget(50, 20), sweepAll, 10, []int{2, 2, 2, 2, 2}},
		"a percent of few is at least one":                   {budget(50, 20), sweepAll, 3, []int{1, 1, 1}},
		"10 % and then the rest":                             {budget(50, 100), percents(10, 100), 20, []int{2, 18}},
		"percents count the waves before in: 10, 50, 100":    {budget(50, 100), percents(10, 50, 100), 20, []int{2, 8, 10}},
		"7 % of 100 are 7, not 8":                            {budget(100, 100), percents(7, 100), 100, []int{7, 93}},
		"a part of an instance is one: 10 % of 15":           {budget(50, 100), percents(10, 100), 15, []int{2, 13}},
		"a stage that is larger than the budget: 2, 5, 5, 3": {budget(5, 100), percents(10, 100), 15, []int{2, 5, 5, 3}},
		"no wave reaches into the next stage: 3, 1, 3, 3":    {budget(3, 100), percents(40, 100), 10, []int{3, 1, 3, 3}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, sizes(preview(t, c.budget, c.request, mysqls(c.fleet)...))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Waves: a percent is of those that are to be upgraded, without the primaries that their replicas hold.
func TestAPercentIsOfThoseThatAreToBeUpgraded(t *testing.T) {
	t.Parallel()
	all := mysqls(10)
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "k"} {
		all = append(all, mysql("p-"+id, primaryOf("r-"+id)), mysql("r-"+id, locked))
	}
	for _, percent := range []string{"10", "20", "30", "50"} {
		request := staged(`{"percent":` + percent + `},{"percent":100}`)
		if diff := cmp.Diff(wavesOf(preview(t, wide, request, mysqls(10)...)), wavesOf(preview(t, wide, request, all...))); diff != "" {
			t.Errorf("%s %% (-want +got):\n%s", percent, diff)
		}
	}
}

// Waves: a stage by tags goes before the rest, and each wave says which stage it is of.
func TestAWaveByTagsGoesBeforeTheRest(t *testing.T) {
	t.Parallel()
	second := func(i *fleet.Instance) {
		i.Tags = map[string]string{"kernel-upgrade": "auto", "env": "prod", "tier": "2"}
	}
	r := preview(t, "budget: {maxInstances: 2, maxPercent: 100}", staged(`{"tags":{"env":"dev"}},{"tags":{"tier":"2","env":"prod"}},{"percent":100}`),
		mysql("rm-1", env("prod")), mysql("rm-2", env("dev")), mysql("rm-3", env("dev"), replicaOf("rm-1")), mysql("rm-4", second), mysql("rm-5", env("dev"), current(newer)),
		mysql("rm-6", env("prod")), mysql("rm-7", env("prod")))
	waves := wavesOf(r)
	delete(waves, "rm-6")
	delete(waves, "rm-7")
	waves["rm-1"] = min(waves["rm-1"], 3)
	if diff := cmp.Diff(map[string]int{"rm-2": 1, "rm-3": 1, "rm-4": 2, "rm-1": 3}, waves); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	want := []state.Wave{
		{Number: 1, Why: "env=dev"}, {Number: 2, Stage: 1, Why: "env=prod, tier=2"}, {Number: 3, Stage: 2, Why: "100 %"}, {Number: 4, Stage: 2, Why: "100 %"},
	}
	if diff := cmp.Diff(want, r.Waves); diff != "" {
		t.Errorf("waves (-want +got):\n%s", diff)
	}
	if w := preview(t, wide, sweepAll, mysql("rm-1")).Waves; len(w) != 1 || w[0] != (state.Wave{Number: 1}) {
		t.Errorf("without stages: %+v", w)
	}
	if w := preview(t, wide, oneAtOnce, mysql("rm-1")).Waves; len(w) != 1 || w[0] != (state.Wave{Number: 1}) {
		t.Errorf("of one instance: %+v", w)
	}
}

// Waves: the order is the hash of the ids, so that it favours no name, and nothing else changes it.
func TestTheOrderOfWavesDependsOnIDsAlone(t *testing.T) {
	t.Parallel()
	const ten = "budget: {maxInstances: 10, maxPercent: 100}"
	one, other := wavesOf(preview(t, ten, sweepAll, mysqls(100)...)), wavesOf(preview(t, ten, sweepAll, mysqls(100, current(middle), env("dev"))...))
	if diff := cmp.Diff(one, other); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var head []string
	for id, wave := range one {
		if wave == 1 {
			head = append(head, id)
		}
	}
	slices.Sort(head)
	if diff := cmp.Diff([]string{"rm-008", "rm-020", "rm-036", "rm-055", "rm-061", "rm-067", "rm-069", "rm-070", "rm-080", "rm-099"}, head); diff != "" {
		t.Errorf("the first wave (-want +got):\n%s", diff)
	}
}

// Members: what is in none of the request's waves is left out, also behind what is left out anyway, and so is its primary.
func TestWhatIsInNoWaveIsLeftOut(t *testing.T) {
	t.Parallel()
	s := begin(t, wide)
	q := s.message("r-1", noon, staged(dev))
	q.Request.Fleet.Rollout.Waves = q.Request.Fleet.Rollout.Waves[:1] // of a request that was not checked
	r, _ := plan.On(s.document, s.setting).Preview(q, []fleet.Instance{
		mysql("rm-1", env("dev"), primaryOf("rr-1")), mysql("rm-2", env("dev")), mysql("rm-3", env("prod"), current(newer)), mysql("rm-4", env("prod")), mysql("rr-1", env("prod")),
	})
	for id, want := range map[string]plan.Reason{"rm-1": plan.ReplicaFirst, "rm-2": "", "rm-3": plan.UpToDate, "rm-4": plan.Held, "rr-1": plan.Held} {
		checkMember(t, of(t, r, id), want)
	}
	if got := of(t, r, "rm-4").End.Detail; got != `it is in none of the rollout's waves: add {"percent":100}` {
		t.Errorf("it says %q", got)
	}
}

// Members: a list of many pages may show an instance twice. It is one member.
func TestAnInstanceThatIsListedTwiceIsOneMember(t *testing.T) {
	t.Parallel()
	s := begin(t, wide, mysql("rm-2"), mysql("rm-1"), mysql("rm-2"))
	s.receive("r-1", sweepAll)
	s.open()
	if diff := cmp.Diff(map[string]string{"rm-1": "pending", "rm-2": "pending"}, s.states("r-1")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Notes: a stage that nothing is in is probably not meant.
func TestAStageThatHasNoInstanceIsNoted(t *testing.T) {
	t.Parallel()
	tags := func(value string) string { return `{"tags":{"env":"` + value + `"}}` }
	all := []fleet.Instance{mysql("rm-1", env("canary")), mysql("rm-2", env("prod")), mysql("rm-3", env("prod")), mysql("rm-4", env("dev"), current(newer))}
	var many []fleet.Instance
	for n := range 7 {
		many = append(many, mysql(fmt.Sprint("rm-", n), env(fmt.Sprint("e", n))))
	}
	for name, c := range map[string]struct {
		request string
		fleet   []fleet.Instance
		want    []string
	}{
		"each stage has one":          {staged(tags("canary") + "," + rest), all, nil},
		"a value that is misspelt":    {staged(tags("canry") + "," + rest), all, []string{"rollout.waves[0] (env=canry) has none of the 3 instances that are to be upgraded; of these, env has canary, prod"}},
		"of many values five":         {staged(tags("x") + "," + rest), many, []string{"rollout.waves[0] (env=x) has none of the 7 instances that are to be upgraded; of these, env has e0, e1, e2, e3, e4, and 2 more"}},
		"of six values all but one":   {staged(tags("x") + "," + rest), many[:6], []string{"rollout.waves[0] (env=x) has none of the 6 instances that are to be upgraded; of these, env has e0, e1, e2, e3, e4, and 1 more"}},
		"of five values all":          {staged(tags("x") + "," + rest), many[:5], []string{"rollout.waves[0] (env=x) has none of the 5 instances that are to be upgraded; of these, env has e0, e1, e2, e3, e4"}},
		"a tag that is misspelt":      {staged(`{"tags":{"enw":"canary"}},` + rest), all, []string{"rollout.waves[0] (enw=canary) has none of the 3 instances that are to be upgraded; of these, enw has no value at all"}},
		"two tags":                    {staged(`{"tags":{"env":"canary","tier":"1"}},` + rest), all, []string{"rollout.waves[0] (env=canary, tier=1) has none of the 3 instances that are to be upgraded; of these, env has canary, prod; of these, tier has no value at all"}},
		"those that have it are done": {staged(tags("dev") + "," + rest), all, []string{"rollout.waves[0] (env=dev) has none of the 3 instances that are to be upgraded; left alone, or in a stage before it, and with its tags: 1"}},
		"a percentage that adds none": {staged(`{"percent":30},{"percent":31},` + rest), all, []string{"rollout.waves[1] (31 %) has none of the 3 instances that are to be upgraded; the stages before it have them all"}},
		"the last takes what is left": {staged(tags("canary") + "," + tags("prod") + "," + rest), all, nil},
		"no stages":                   {sweepAll, all, nil},
		"nothing is to be upgraded":   {staged(tags("canry") + "," + rest), all[3:], nil},
		"one instance":                {oneAtOnce, all[:1], nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, preview(t, wide, c.request, c.fleet...).Notes); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Notes: one is cut where it is too long for a document.
func TestALongNoteIsCut(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat(fmt.Sprint(n), 120) }
	var all []fleet.Instance
	for n := range 5 {
		all = append(all, mysql(fmt.Sprint("rm-", n), func(i *fleet.Instance) {
			i.Tags = map[string]string{"kernel-upgrade": "auto", "a": long(n), "b": long(n), "c": long(n)}
		}))
	}
	notes := preview(t, wide, staged(`{"tags":{"a":"`+long(7)+`","b":"`+long(8)+`","c":"`+long(9)+`","d":"x"}},`+rest), all...).Notes
	if len(notes) != 1 || len(notes[0]) != 1000 || !strings.HasSuffix(notes[0], "…") {
		t.Errorf("%d bytes: %q", len(notes[0]), notes)
	}
}

// Notes: the last stage is noted too, if it need not take what is left.
func TestALastStageByTagsThatHasNoInstanceIsNoted(t *testing.T) {
	t.Parallel()
	s := begin(t, wide)
	q := s.message("r-1", noon, staged(`{"percent":99},{"percent":100}`))
	q.Request.Fleet.Rollout.Waves[1].Percent, q.Request.Fleet.Rollout.Waves[1].Tags = 0, map[string]string{"env": "dev"}
	r, _ := plan.On(s.document, s.setting).Preview(q, mysqls(1))
	if len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "rollout.waves[1] (env=dev) has none of the 1 instances") {
		t.Errorf("got %q", r.Notes)
	}
}

// Notes: a window in a zone that is not what it seems opens at another time than it is thought to. The plan says when.
func TestAPlanSaysWhenItsWindowsOpenWhereAZoneIsNotWhatItSeems(t *testing.T) {
	t.Parallel()
	for zone, want := range map[string]int{"Etc/GMT+8": 4, "EST": 4, "Asia/Shanghai": 0, "UTC": 0} {
		notes := preview(t, `windows: {allow: [{from: "01:00", to: "05:00", zone: `+zone+`}]}`, sweepAll, mysql("rm-1")).Notes
		if len(notes) != want || want > 0 && (!strings.Contains(notes[0], zone) || !strings.HasPrefix(notes[3], "next window: ")) {
			t.Errorf("%s: got %q, want %d notes", zone, notes, want)
		}
	}
}
