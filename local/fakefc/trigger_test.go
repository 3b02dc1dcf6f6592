package fakefc_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/fakefc"
)

func topicMessage(change func(*fakefc.TopicMessage)) fakefc.TopicMessage {
	m := fakefc.TopicMessage{
		TopicOwner: "118620210433****", TopicName: "Mytopic", Subscriber: "118620210433****", SubscriptionName: "test-fc-subscribe",
		MessageID: "2F5B3C281B283D4EAC694B742528****", Body: "hello topic", MD5: "BA4BA9B48AC81F0F9C66F6C909C3****",
		Attributes: map[string]string{"key": "value"}, PublishTime: time.UnixMilli(1550216302888),
	}
	change(&m)
	return m
}

func TestTopicEventsAreTheDocumentedSamples(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sample string
		format       fakefc.TopicFormat
		change       func(*fakefc.TopicMessage)
	}{
		{"JSON without attributes", "topic-json", fakefc.JSON, func(m *fakefc.TopicMessage) {
			m.Attributes, m.MessageID, m.PublishTime = nil, "2F5B3C082B923D4EAC694B76D928****", time.UnixMilli(1550216480040)
		}},
		{"JSON with attributes", "topic-json-attributes", fakefc.JSON, func(*fakefc.TopicMessage) {}},
		{"STREAM with attributes", "topic-stream-attributes", fakefc.STREAM, func(*fakefc.TopicMessage) {}},
	} {
		got := decode[map[string]any](t, fakefc.TopicEvent(c.format, topicMessage(c.change)))
		if diff := cmp.Diff(decode[map[string]any](t, sample(t, c.sample)), got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestAStreamEventWithoutAttributesIsTheBareBody(t *testing.T) {
	t.Parallel()
	m := topicMessage(func(m *fakefc.TopicMessage) { m.Attributes = nil })
	if got, want := string(fakefc.TopicEvent(fakefc.STREAM, m)), string(sample(t, "topic-stream")); got != want {
		t.Errorf("event %q, want %q", got, want)
	}
}

func TestAnAttributeDoesNotHideAFieldOfTheMessage(t *testing.T) {
	t.Parallel()
	m := topicMessage(func(m *fakefc.TopicMessage) { m.Attributes = map[string]string{"Message": "other", "a": "b"} })
	got := decode[map[string]any](t, fakefc.TopicEvent(fakefc.JSON, m))
	if got["Message"] != "hello topic" || got["a"] != "b" {
		t.Errorf("event %v, want the message's own body and the attribute a", got)
	}
}

func TestAMessageIsPassedOnAsItIs(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"DBInstanceId":"rm-1"}`, `<a href="?b&c">`, "升级", "eyJhIjoxfQ==", ""} {
		m := topicMessage(func(m *fakefc.TopicMessage) { m.Body = body })
		event := fakefc.TopicEvent(fakefc.JSON, m)
		if got := decode[map[string]any](t, event)["Message"]; got != body {
			t.Errorf("JSON: message %q, want %q", got, body)
		}
		if got := decode[map[string]any](t, fakefc.TopicEvent(fakefc.STREAM, m))["body"]; got != body {
			t.Errorf("STREAM: body %q, want %q", got, body)
		}
		if got := decode[map[string]any](t, fakefc.TimerEvent("t", time.Time{}, body))["payload"]; got != body {
			t.Errorf("timer: payload %q, want %q", got, body)
		}
	}
	if got := string(fakefc.TimerEvent("<t>", time.UnixMilli(0), "&")); got != `{"payload":"&","triggerName":"<t>","triggerTime":"1970-01-01T00:00:00Z"}` {
		t.Errorf("event %s: want no HTML escapes", got)
	}
}

func TestTheTimerEventIsTheDocumentedSample(t *testing.T) {
	t.Parallel()
	at := time.Date(2023, 12, 26, 15, 49, 0, 0, time.FixedZone("", 8*3600))
	got := decode[map[string]any](t, fakefc.TimerEvent("timer-trigger", at, "awesome-fc"))
	if diff := cmp.Diff(decode[map[string]any](t, sample(t, "timer")), got); diff != "" {
		t.Error(diff)
	}
}

func TestTheQueueEventIsTheDocumentedSample(t *testing.T) {
	t.Parallel()
	trigger := fakefc.QueueTrigger{
		Name: "mnstrigger", Account: "164901546557****", Region: "cn-hangzhou", Queue: "zeus", PublishAddr: "42.120.XX.XX",
	}
	message := fakefc.QueueMessage{
		ID: "c2g71017-6f65-fhcf-a814-a396fc8d****", RequestID: "606EA3074344430D4C81****",
		MessageID: "C6DB60D1574661357FA227277445****", Body: "TEST",
		Sent: time.UnixMilli(1617863297093), Published: time.UnixMilli(1634281594028),
	}
	want := decode[[]map[string]any](t, sample(t, "queue"))
	want[0]["aliyunregionid"] = "cn-hangzhou" // the sample's subject is in this region, its aliyunregionid in another
	if diff := cmp.Diff(want, decode[[]map[string]any](t, fakefc.QueueEvent(trigger, message))); diff != "" {
		t.Error(diff)
	}
	if got := decode[[]map[string]any](t, fakefc.QueueEvent(trigger, message, message)); len(got) != 2 {
		t.Errorf("%d events for two messages", len(got))
	}
	if got := string(fakefc.QueueEvent(trigger)); got != "[]" {
		t.Errorf("event %s for no message, want []", got)
	}
}

func TestAQueueTriggerDecodesBase64WhenToldTo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, want string
		decode           bool
	}{
		{"base64 is decoded", "eyJhIjoxfQ==", `{"a":1}`, true},
		{"what is not base64 is left", `{"a":1}`, `{"a":1}`, true},
		{"base64 stays without the switch", "eyJhIjoxfQ==", "eyJhIjoxfQ==", false},
	} {
		event := fakefc.QueueEvent(fakefc.QueueTrigger{DecodeBase64: c.decode}, fakefc.QueueMessage{Body: c.body})
		got := decode[[]struct{ Data struct{ MessageBody string } }](t, event)[0].Data.MessageBody
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
