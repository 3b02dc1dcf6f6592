package rds_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/fleet"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/pace"
	"rds-kernel-upgrade/function/internal/rds"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// FuzzAnswer answers the adapter with whatever a gateway may send. It must come out as a value or as a fault, and never as a panic.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"RequestId":"R","TaskId":226917711,"DBInstanceName":"rm-1","TargetMinorVersion":"rds_20260228"}`,
		`{"RequestId":"R","Items":{"DBInstanceAttribute":[{"DBInstanceId":"rm-1"}]}}`,
		`{"RequestId":"R","MinorVersionItems":[{"MinorVersion":"rds_20260228","StatusDesc":"Online"}]}`,
		`{"RequestId":"R","NextToken":"","Items":{"DBInstance":[{"DBInstanceId":"rm-1","RegionId":"cn-hangzhou"},{"DBInstanceId":"rm-1","RegionId":"cn-hangzhou"}]}}`,
		`{"RequestId":"R","NextToken":"again","Items":{"DBInstance":[{"DBInstanceId":"rm-1","RegionId":"cn-beijing"}]}}`,
		`{"RequestId":"R","NextToken":"again","Items":{},"TagResources":{"TagResource":[{"ResourceId":"rm-1","TagKey":"k","TagValue":"v"}]}}`,
		`{"Code":500,"Message":null}`, `{"Code":"Throttling.User","Message":"m","RequestId":"R"}`, "<html>", "", "[]", `"x"`,
	} {
		f.Add(200, seed)
		f.Add(400, seed)
		f.Add(502, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 599 {
			return
		}
		client := rds.New(transport.Over(rig.Canned{Status: status, Body: body}), pace.New(1e6, time.Now),
			&transport.Endpoint{Scheme: "https", Host: "rds.example.com"}, invocation.NewCredentials("STS.id", "sec-ret", "tok+en=="))
		_, err1 := client.Instance(t.Context(), "cn-hangzhou", "rm-1")
		_, err2 := client.Upgrade(t.Context(), upgradeOf(), always)
		_, _, err3 := client.Offers(t.Context(), fleet.Kind{RegionID: "cn-hangzhou", DBInstanceID: "rm-1"})
		_, err4 := client.Tasks(t.Context(), "cn-hangzhou", []string{"rm-1"}, time.Now(), time.Now())
		_, err5 := client.Tags(t.Context(), "cn-hangzhou", []string{"rm-1"})
		all, err6 := client.Fleet(t.Context(), "cn-hangzhou", fleet.Filter{})
		seen := map[string]bool{}
		for _, i := range all {
			if i.ID == "" || seen[i.ID] || i.RegionID != "cn-hangzhou" || !i.Listed || err6 != nil {
				t.Errorf("%d %q lists %+v, %v", status, body, i, err6)
			}
			seen[i.ID] = true
		}
		for _, err := range []error{err1, err2, err3, err4, err5, err6} {
			if err == nil {
				continue
			}
			if fault := new(fault.Error); !errors.As(err, &fault) || fault.Kind == "" || strings.Contains(err.Error(), "tok+en==") {
				t.Errorf("%d %q comes to %v", status, body, err)
			}
		}
	})
}
