package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/policy"
)

func TestARequestWorksInTheRegionsOfThePolicy(t *testing.T) {
	t.Parallel()
	const (
		own   = "cn-hangzhou"
		two   = "regions: [cn-beijing, cn-shanghai]"
		three = "regions: [cn-beijing, cn-shanghai, us-west-1]"
		todo  = ": leave out what is not allowed, or add it to regions in policy.yaml"
	)
	for name, c := range map[string]struct {
		text    string
		asked   []string
		want    []string
		refusal string
	}{
		"without regions anywhere, in the function's own": {"", nil, []string{own}, ""},
		"which may be asked for":                          {"", []string{own}, []string{own}, ""},
		"and no other":                                    {"", []string{"cn-beijing"}, nil, "select.RegionId asks for cn-beijing, but the policy names no regions, so only the function's own is allowed, cn-hangzhou" + todo},
		"without regions in the request, in all":          {two, nil, []string{"cn-beijing", "cn-shanghai"}, ""},
		"an empty list asks for none":                     {two, []string{}, []string{"cn-beijing", "cn-shanghai"}, ""},
		"one of them":                                     {two, []string{"cn-shanghai"}, []string{"cn-shanghai"}, ""},
		"all of them, in the order of the request":        {two, []string{"cn-shanghai", "cn-beijing"}, []string{"cn-shanghai", "cn-beijing"}, ""},
		"the function's own only if the policy names it":  {two, []string{own}, nil, "select.RegionId asks for cn-hangzhou, but the policy allows only cn-beijing and cn-shanghai" + todo},
		"one outside refuses all":                         {two, []string{"cn-beijing", "eu-central-1"}, nil, "select.RegionId asks for eu-central-1, but the policy allows only cn-beijing and cn-shanghai" + todo},
		"and each of those outside is named":              {three, []string{"eu-central-1", "us-west-1", own}, nil, "select.RegionId asks for eu-central-1 and cn-hangzhou, but the policy allows only cn-beijing, cn-shanghai and us-west-1" + todo},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, refusal := parse(t, c.text).SelectRegions(c.asked, own)
			if diff := cmp.Diff(c.want, got); diff != "" || refusal != c.refusal {
				t.Errorf("got %q, want %q (-want +got)\n%s", refusal, c.refusal, diff)
			}
		})
	}
}

func TestTheRegionsThatAreReturnedAreACopy(t *testing.T) {
	t.Parallel()
	p := parse(t, "regions: [cn-beijing, cn-shanghai]")
	p.RegionsOf("cn-hangzhou")[0] = "x"
	asked := []string{"cn-shanghai"}
	got, _ := p.SelectRegions(asked, "cn-hangzhou")
	got[0] = "x"
	if diff := cmp.Diff([]string{"cn-beijing", "cn-shanghai"}, p.RegionsOf("cn-hangzhou")); diff != "" || asked[0] != "cn-shanghai" {
		t.Errorf("asked for %s (-want +got)\n%s", asked, diff)
	}
}

func TestAWrongListOfRegionsIsRefused(t *testing.T) {
	t.Parallel()
	const empty = "is empty: give it a value, or leave it out"
	for name, c := range map[string]struct{ text, want string }{
		"no value":              {"regions:", "line 1, column 9: regions: " + empty},
		"null":                  {"regions: null", "line 1, column 10: regions: " + empty},
		"an empty list":         {"regions: []", "line 1, column 10: regions: " + empty},
		"an empty item":         {`regions: [cn-beijing, ""]`, "line 1, column 23: regions[1]: " + empty},
		"an item without value": {"regions: [cn-beijing, ~]", "line 1, column 23: regions[1]: " + empty},
		"a text":                {"regions: cn-beijing", "line 1, column 10: regions: want a list, got a single value"},
		"a region twice":        {"regions: [cn-beijing, us-west-1, cn-beijing]", `line 1, column 34: regions[2]: "cn-beijing" is the same as regions[0]: want each once`},
		"a region three times":  {"regions: [cn-a, cn-a, cn-a]", `line 1, column 17: regions[1]: "cn-a" is the same as regions[0]: want each once; line 1, column 23: regions[2]: "cn-a" is the same as regions[0]: want each once`},
		"another letter case":   {"regions: [CN-Beijing]", `line 1, column 11: regions[0]: "CN-Beijing" has another form: want the id of a region, such as cn-hangzhou`},
		"a name":                {"regions: [Hangzhou]", `regions[0]: "Hangzhou" has another form: want the id of a region, such as cn-hangzhou`},
		"several in one text":   {`regions: ["cn-beijing,cn-shanghai"]`, `"cn-beijing,cn-shanghai" has another form: want the id of a region`},
		"blanks around it":      {`regions: [" cn-beijing"]`, `regions[0]: " cn-beijing" has blanks around it: want none`},
		"a dash that is none":   {"regions: [cn–beijing]", "regions[0]: \"cn–beijing\" has – (U+2013, en dash) as character 3: want the plain - (U+002D)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := policy.Parse([]byte(c.text), time.LoadLocation)
			if err == nil || !strings.HasPrefix(err.Error(), "policy: line ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want an error with %s", p, err, c.want)
			}
		})
	}
}
