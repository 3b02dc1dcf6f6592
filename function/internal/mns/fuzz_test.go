package mns_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/invocation"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// FuzzAnswer gives the adapter whatever a gateway may send. It must come out as what was asked for, in full, or as a fault, and never
// as a panic.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageId>M</MessageId></Message>`,
		`<Message xmlns="http://mns.aliyuncs.com/doc/v1/"><MessageId>M</MessageId><ReceiptHandle>1-aGFuZGxl</ReceiptHandle></Message>`,
		received(`<MessageId>M</MessageId><ReceiptHandle>1-aGFuZGxl</ReceiptHandle><MessageBody>b</MessageBody><EnqueueTime>1432727826000</EnqueueTime><DequeueCount>1</DequeueCount>`),
		received(`<MessageId>M</MessageId><EnqueueTime>-9223372036854775808</EnqueueTime><DequeueCount>x</DequeueCount>`),
		`<Error><Code>MessageNotExist</Code><Message>m</Message><RequestId>R</RequestId></Error>`,
		`<Errors><Error><ErrorCode>MessageNotExist</ErrorCode><ReceiptHandle>1-aGFuZGxl</ReceiptHandle></Error></Errors>`,
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
		check := func(err error, whole bool) {
			fault := new(fault.Error)
			if err == nil != whole || err != nil && (!errors.As(err, &fault) || fault.Kind == "" || strings.Contains(err.Error(), "tok+en==")) {
				t.Errorf("%d %q gives %v, with a result: %t", status, body, err, whole)
			}
		}
		id, err := client.Publish(t.Context(), own, "news", "body", "tag")
		check(err, id != "")
		receipt, err := client.Send(t.Context(), own, "inbox", "body", time.Minute)
		check(err, receipt.MessageID != "")
		messages, err := client.Receive(t.Context(), own, "inbox")
		for _, m := range messages {
			check(err, m.ID != "" && m.Handle != "")
		}
		check(err, err == nil)
		err = client.Delete(t.Context(), own, "inbox", "1-aGFuZGxl")
		check(err, err == nil)
		if done := status == http.StatusNoContent; done && err != nil || err == nil && !done && !strings.Contains(body, "MessageNotExist") {
			t.Errorf("%d %q deletes: %v", status, body, err)
		}
	})
}
