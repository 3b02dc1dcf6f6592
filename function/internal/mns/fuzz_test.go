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

// FuzzAnswer gives the adapter any answer that a gateway may send. The result must be a message id or a fault, and never a panic.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageId>M</MessageId></Message>`,
		`<Message><MessageId>M</MessageId><MessageId>N</MessageId><ReceiptHandle>-9223372036854775809</ReceiptHandle></Message>`,
		`<Errors><Error><ErrorCode>TopicNotExist</ErrorCode><ErrorMessage>m</ErrorMessage></Error></Errors>`,
		`<Error><Code>TopicNotExist</Code><Message>m</Message><RequestId>R</RequestId></Error>`, "<html>", "", "<Message>", "{}",
	} {
		f.Add(200, seed)
		f.Add(201, seed)
		f.Add(204, seed)
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
		own := invocation.NewCredentials("STS.id", "sec-ret", "tok+en==")
		id, err := client.Publish(t.Context(), own, "news", "body", "tag")
		f := new(fault.Error)
		if (err == nil) != (id != "") || err != nil && (!errors.As(err, &f) || f.Kind == "" || strings.Contains(err.Error(), "tok+en==")) {
			t.Errorf("%d %q: got %q, %v", status, body, id, err)
		}
	})
}
