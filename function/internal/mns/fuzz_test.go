package mns_test

import (
	"errors"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// FuzzAnswer gives the adapter whatever a gateway may send. It must come out as a message id or as a fault, and never as a panic.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageId>M</MessageId></Message>`,
		`<Error><Code>TopicNotExist</Code><Message>m</Message><RequestId>R</RequestId></Error>`, "<html>", "", "<Message>", "{}",
	} {
		f.Add(201, seed)
		f.Add(404, seed)
		f.Add(502, seed)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 599 {
			return
		}
		client, err := mns.New(transport.Over(rig.Canned{Status: status, Body: body}), nil, account, region)
		if err != nil {
			t.Fatal(err)
		}
		id, err := client.Publish(t.Context(), invocation.NewCredentials("STS.id", "sec-ret", "tok+en=="), "news", "body", "tag")
		fault := new(fault.Error)
		if (id == "") != (err != nil) || err != nil && (!errors.As(err, &fault) || fault.Kind == "" || strings.Contains(err.Error(), "tok+en==")) {
			t.Errorf("%d %q gives %q, %v", status, body, id, err)
		}
	})
}
