package fakefc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// The events that triggers hand to a function, after "Trigger event formats" (help.aliyun.com, FC 3.0).

// TopicFormat is the notifyContentFormat of a topic trigger. MNS's own XML and SIMPLIFIED are not offered there.
type TopicFormat string

// The two formats. STREAM is the cloud's default.
const (
	STREAM TopicFormat = "STREAM"
	JSON   TopicFormat = "JSON"
)

// TopicMessage is a message of an MNS topic on its way to a function.
type TopicMessage struct {
	TopicOwner, TopicName, Subscriber, SubscriptionName string
	MessageID, Body, MD5                                string
	Attributes                                          map[string]string
	PublishTime                                         time.Time
}

// TopicEvent is the event of a topic trigger. JSON is an object in which the message is a string, the time a number,
// and the attributes stand beside the rest, over which they do not win. STREAM is the bare message, or, when there are
// attributes, an object of message and attributes. The documented samples of both formats come out of one message.
func TopicEvent(format TopicFormat, m TopicMessage) []byte {
	if format == JSON {
		return m.json()
	}
	if len(m.Attributes) == 0 {
		return []byte(m.Body)
	}
	return encode(map[string]any{
		"body":  m.Body,
		"attrs": map[string]string{"Extend": string(encode(m.Attributes))},
	})
}

func (m TopicMessage) json() []byte {
	event := map[string]any{}
	for name, value := range m.Attributes {
		event[name] = value
	}
	for name, value := range map[string]any{
		"TopicOwner": m.TopicOwner, "TopicName": m.TopicName,
		"Subscriber": m.Subscriber, "SubscriptionName": m.SubscriptionName,
		"MessageId": m.MessageID, "Message": m.Body, "MessageMD5": m.MD5,
		"PublishTime": m.PublishTime.UnixMilli(),
	} {
		event[name] = value
	}
	return encode(event)
}

// QueueTrigger is an EventBridge event stream from an MNS queue to a function.
type QueueTrigger struct {
	Name, Account, Region, Queue string
	DecodeBase64                 bool   // IsBase64Decode: bodies that are base64 arrive decoded
	PublishAddr                  string // the publisher's address
}

// QueueMessage is a message of that queue.
type QueueMessage struct {
	ID        string // of the CloudEvent
	RequestID string // of the SendMessage
	MessageID string
	Body      string
	Sent      time.Time // when it was sent to the queue
	Published time.Time // when EventBridge took it
}

// QueueEvent is the event of such a stream: an array of CloudEvents, also for one message.
func QueueEvent(t QueueTrigger, messages ...QueueMessage) []byte {
	events := make([]map[string]any, 0, len(messages))
	for _, m := range messages {
		events = append(events, t.cloudEvent(m))
	}
	return encode(events)
}

func (t QueueTrigger) cloudEvent(m QueueMessage) map[string]any {
	const millis = "2006-01-02T15:04:05.000Z"
	source := "MNS-Function-" + t.Name
	return map[string]any{
		"id": m.ID, "source": source, "specversion": "1.0", "type": "mns:Queue:SendMessage",
		"datacontenttype":         "application/json; charset=utf-8",
		"subject":                 fmt.Sprintf("acs:mns:%s:%s:queues/%s", t.Region, t.Account, t.Queue),
		"time":                    m.Sent.UTC().Format(millis),
		"aliyunaccountid":         t.Account,
		"aliyunoriginalaccountid": t.Account,
		"aliyunpublishtime":       m.Published.UTC().Format(millis),
		"aliyuneventbusname":      source,
		"aliyunregionid":          t.Region,
		"aliyunpublishaddr":       t.PublishAddr,
		"data":                    map[string]string{"requestId": m.RequestID, "messageId": m.MessageID, "messageBody": t.body(m)},
	}
}

func (t QueueTrigger) body(m QueueMessage) string {
	if t.DecodeBase64 {
		if plain, err := base64.StdEncoding.DecodeString(m.Body); err == nil {
			return string(plain)
		}
	}
	return m.Body
}

// TimerEvent is the event of a timer trigger: three strings, of which the payload is passed on as it is.
func TimerEvent(name string, at time.Time, payload string) []byte {
	return encode(map[string]string{
		"triggerTime": at.UTC().Format(time.RFC3339), "triggerName": name, "payload": payload,
	})
}

// encode leaves "<", ">" and "&" as they are.
func encode(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(fmt.Sprintf("maps of strings and numbers always encode: %v", err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
