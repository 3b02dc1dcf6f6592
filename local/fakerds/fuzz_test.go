package fakerds_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rds-kernel-upgrade/local/fakerds"
)

// FuzzRequests signs whatever it is given and wants a whole document in answer, whatever that says.
func FuzzRequests(f *testing.F) {
	for _, action := range fakerds.Actions() {
		f.Add(action, "JSON", "RegionId=cn-hangzhou&DBInstanceId=rm-1&ResourceType=INSTANCE&ResourceId.1=rm-1&Tag.1.Key=k&TagKey.1=k")
	}
	f.Add("UpgradeDBInstanceKernelVersion", "XML", "DBInstanceId=rm-1&UpgradeTime=SpecifyTime&SwitchTime=2026-12-01T18:00:00Z&TargetMinorVersion=rds_20260228")
	f.Add("DescribeDBInstances", "JSON", `RegionId=cn-hangzhou&MaxResults=1&NextToken=bmV4dDox&Tags={"env":"dev"}`)
	f.Add("DescribeHistoryTasks", "XML", "FromStartTime=2026-11-01T00:00:00Z&ToStartTime=2026-11-30T00:00:00Z&PageNumber=1073741824&PageSize=100")
	f.Add("DescribeHistoryTasks", "JSON", "FromStartTime=2026-11-01T00:00:00Z&ToStartTime=2026-11-30T00:00:00Z&TaskId=226917711,t-local1&Status=Scheduled,Waiting")
	f.Add("DescribeDBMiniEngineVersions", "JSON", "RegionId=cn-hangzhou&Engine=PostgreSQL&EngineVersion=14.0&NodeType=cluster&StorageType=general_essd&MinorVersionTag=x")
	f.Add("ListTagResources", "JSON", "RegionId=cn-hangzhou&ResourceType=CUSTOM&Tag.1.Value=v&ResourceId.01=rm-1")
	f.Fuzz(func(t *testing.T, action, format, query string) {
		own, _ := url.ParseQuery(query)
		c := newCloud(t)
		c.Add(mysql("rm-1"))
		all := c.common(action, map[string]string{"Format": format})
		for name := range own {
			all.Set(name, own.Get(name))
		}
		r := httptest.NewRequest(http.MethodPost, "/?"+c.sign(http.MethodPost, all).Encode(), nil)
		if w := c.serve(r); w.Code < 200 || len(shape(t, w.Body.Bytes())) == 0 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// FuzzFleet wants a fleet that loads to load again from what it has become.
func FuzzFleet(f *testing.F) {
	f.Add(`{"instances":[{"DBInstanceId":"rm-1","MaintainTime":"22:00Z-02:00Z","upgrade":{"takes":"3s","silent":true}}],"versions":[{"MinorVersion":"x"}]}`)
	f.Add(`{"instances":[{"DBInstanceId":"rr-1","MasterInstanceId":"rm-1"},{"DBInstanceId":"rm-1","ReadOnlyDBInstanceIds":["rr-1"]}]}`)
	f.Add(`{"instances":[{"DBInstanceId":"pgm-1","Engine":"PostgreSQL","EngineVersion":"14.0","CurrentKernelVersion":"rds_postgres_1400_20220630_14.3",
		"LatestKernelVersion":"rds_postgres_1400_20220830","upgrade":{"scheduled":"1ns","nextWindow":true,"fails":true,"reason":"x"}},
		{"DBInstanceId":"pgr-1","Engine":"PostgreSQL","MasterInstanceId":"pgm-1","restartedBy":"pgm-1","upgrade":{"refuse":"TaskExists"}}]}`)
	f.Fuzz(func(t *testing.T, file string) {
		c := newCloud(t)
		if c.Load(strings.NewReader(file)) != nil {
			return
		}
		again := newCloud(t)
		again.Add(c.Instances()...)
		if len(again.Instances()) != len(c.Instances()) {
			t.Errorf("%d instances became %d", len(c.Instances()), len(again.Instances()))
		}
	})
}
