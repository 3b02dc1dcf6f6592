package fakemns_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	mns "github.com/aliyun/aliyun-mns-go-sdk"
	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"

	"rds-kernel-upgrade/local/fakemns"
	"rds-kernel-upgrade/local/sts"
)

// toLoopback lets the SDK keep a real endpoint, and with it the account and region, while its requests go elsewhere.
type toLoopback struct{ client *fasthttp.HostClient }

func (l toLoopback) RoundTrip(_ *fasthttp.HostClient, q *fasthttp.Request, r *fasthttp.Response) (bool, error) {
	return false, l.client.Do(q, r)
}

// sdk gives a client of the Go SDK for a fake on loopback; its clock is the real one, since the SDK's is.
func sdk(t *testing.T, edit ...func(*cloud)) (*cloud, mns.MNSClient) {
	t.Helper()
	c := startWith(t, nil, time.Now)
	for _, change := range edit {
		change(c)
	}
	server := httptest.NewServer(c)
	inner := &fasthttp.HostClient{Addr: server.Listener.Addr().String(), ReadTimeout: 10 * time.Second}
	t.Cleanup(func() { inner.CloseIdleConnections(); server.Close() })
	client := mns.NewAliMNSClientWithConfig(mns.AliMNSClientConfig{
		EndPoint:    "http://" + account + ".mns." + region + ".aliyuncs.com",
		AccessKeyId: c.key.ID, AccessKeySecret: c.key.Secret, Token: c.key.Token,
	})
	client.SetTransport(toLoopback{inner})
	return c, client
}

// receive calls one of the SDK's receiving methods, which answer through channels.
func receive[T any](t *testing.T, call func(chan T, chan error)) T {
	t.Helper()
	got, errs := make(chan T, 1), make(chan error, 1)
	call(got, errs)
	select {
	case r := <-got:
		return r
	default:
		t.Fatal(<-errs)
		panic("unreachable")
	}
}

func TestSDKPublishesWithATemporaryKey(t *testing.T) {
	t.Parallel()
	c, client := sdk(t, func(c *cloud) { c.key = c.keys.Issue(time.Hour) })
	got, err := mns.NewMNSTopic("news", client).PublishMessage(mns.MessagePublishRequest{
		MessageBody: `{"a":"<&>"}`, MessageTag: "succeeded",
		MessageAttributes: &mns.MessageAttributes{MailAttributes: &mns.MailAttributes{Subject: "s"}},
	})
	must(t, err)
	m := c.Published("news")[0]
	if m.Body != `{"a":"<&>"}` || m.Tag != "succeeded" || m.ID != got.MessageId || m.MD5 != got.MessageBodyMD5 || got.Code != "201" {
		t.Fatalf("published %+v, answered %+v", m, got)
	}
	if !strings.Contains(m.Attributes["DirectMail"], `"Subject":"s"`) {
		t.Fatalf("attributes %v", m.Attributes)
	}
	if calls := c.CallsOf("PublishMessage"); len(calls) != 1 || calls[0].AccessKeyID != c.key.ID || calls[0].RequestID != got.RequestId {
		t.Fatalf("calls %+v", calls)
	}
}

func TestSDKEndpointOnLoopback(t *testing.T) {
	t.Parallel()
	c := startWith(t, nil, time.Now)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	client := mns.NewAliMNSClientWithConfig(mns.AliMNSClientConfig{
		EndPoint: server.URL + "/.", AccessKeyId: c.key.ID, AccessKeySecret: c.key.Secret, // the SDK insists on four dots
	})
	_, err := mns.NewMNSTopic("news", client).PublishMessage(mns.MessagePublishRequest{MessageBody: "x"})
	must(t, err)
}

func TestSDKQueueMessages(t *testing.T) {
	t.Parallel()
	c, client := sdk(t)
	queue := mns.NewMNSQueue("inbox", client)
	sent, err := queue.SendMessage(mns.MessageSendRequest{MessageBody: "a", Priority: 1})
	must(t, err)
	later, err := queue.SendMessage(mns.MessageSendRequest{MessageBody: "later", Priority: 8, DelaySeconds: 600})
	must(t, err)
	if sent.ReceiptHandle != "" || later.ReceiptHandle == "" {
		t.Fatalf("handles %q and %q", sent.ReceiptHandle, later.ReceiptHandle)
	}
	must(t, queue.DeleteMessage(later.ReceiptHandle))
	batch, err := queue.BatchSendMessage(mns.MessageSendRequest{MessageBody: "b", Priority: 8}, mns.MessageSendRequest{MessageBody: "c", Priority: 8})
	must(t, err)
	if len(batch.Messages) != 2 || batch.Messages[1].MessageId == "" {
		t.Fatalf("got %+v", batch)
	}
	peeked := receive(t, queue.PeekMessage)
	got := receive(t, func(r chan mns.MessageReceiveResponse, e chan error) { queue.ReceiveMessage(r, e, 1) })
	if peeked.MessageId != sent.MessageId || got.MessageBody != "a" || got.DequeueCount != 1 || got.NextVisibleTime-got.FirstDequeueTime != 30000 {
		t.Fatalf("peeked %+v, received %+v", peeked, got)
	}
	changed, err := queue.ChangeMessageVisibility(got.ReceiptHandle, 600)
	must(t, err)
	must(t, queue.DeleteMessage(changed.ReceiptHandle))
	many := receive(t, func(r chan mns.BatchMessageReceiveResponse, e chan error) { queue.BatchReceiveMessage(r, e, 16, 1) })
	handles := []string{many.Messages[0].ReceiptHandle, many.Messages[1].ReceiptHandle}
	_, err = queue.BatchDeleteMessage(handles...)
	must(t, err)
	failed, err := queue.BatchDeleteMessage(handles...)
	if !mns.ERR_MNS_BATCH_OP_FAIL.IsEqual(err) || len(failed.FailedMessages) != 2 || failed.FailedMessages[0].ErrorCode != "MessageNotExist" {
		t.Fatalf("got %v %+v", err, failed)
	}
	if all := c.Messages("inbox"); len(all) != 0 {
		t.Fatalf("left: %v", all)
	}
}

func TestSDKManagesQueuesAndTopics(t *testing.T) {
	t.Parallel()
	_, client := sdk(t)
	queues, topics := mns.NewMNSQueueManager(client), mns.NewMNSTopicManager(client)
	must(t, queues.CreateQueue("fresh", 5, 65536, 345600, 30, 0, 2))
	if err := queues.CreateQueue("fresh", 5, 65536, 345600, 30, 0, 2); !mns.ERR_MNS_QUEUE_ALREADY_EXIST_AND_HAVE_SAME_ATTR.IsEqual(err) {
		t.Fatalf("got %v", err)
	}
	must(t, queues.SetQueueAttributes("fresh", 0, 1024, 60, 7, 3, 2))
	attributes, err := queues.GetQueueAttributes("fresh")
	must(t, err)
	if attributes.VisibilityTimeout != 7 || attributes.MessageRetentionPeriod != 60 || attributes.QueueName != "fresh" {
		t.Fatalf("got %+v", attributes)
	}
	list, err := queues.ListQueueDetail("", 1, "fre")
	must(t, err)
	if len(list.Attrs) != 1 || list.Attrs[0].QueueName != "fresh" {
		t.Fatalf("got %+v", list)
	}
	must(t, queues.DeleteQueue("fresh"))
	must(t, topics.CreateSimpleTopic("fresh"))
	names, err := topics.ListTopic("", 10, "")
	must(t, err)
	if len(names.Topics) != 2 || !strings.HasSuffix(names.Topics[0].TopicURL, "/topics/fresh") {
		t.Fatalf("got %+v", names)
	}
	told, err := topics.GetTopicAttributes("fresh")
	must(t, err)
	if told.TopicName != "fresh" || told.MaxMessageSize != 65536 {
		t.Fatalf("got %+v", told)
	}
	must(t, topics.DeleteTopic("fresh"))
}

func TestSDKSubscribesAQueue(t *testing.T) {
	t.Parallel()
	c, client := sdk(t)
	topic := mns.NewMNSTopic("news", client)
	asked := mns.MessageSubsribeRequest{
		Endpoint: topic.GenerateQueueEndpoint("inbox"), FilterTag: "failed",
		NotifyStrategy: mns.BACKOFF_RETRY, NotifyContentFormat: mns.SIMPLIFIED,
	}
	must(t, topic.Subscribe("pager", asked))
	must(t, topic.SetSubscriptionAttributes("pager", mns.EXPONENTIAL_DECAY_RETRY))
	told, err := topic.GetSubscriptionAttributes("pager")
	must(t, err)
	told.XMLName.Local, told.XMLName.Space, told.CreateTime, told.LastModifyTime = "", "", 0, 0
	want := mns.SubscriptionAttribute{
		SubscriptionName: "pager", Subscriber: account, TopicOwner: account, TopicName: "news",
		Endpoint: c.QueueEndpoint("inbox"), NotifyStrategy: mns.EXPONENTIAL_DECAY_RETRY,
		NotifyContentFormat: mns.SIMPLIFIED, FilterTag: "failed",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Fatal(diff)
	}
	for _, tag := range []string{"failed", "accepted"} {
		_, err := topic.PublishMessage(mns.MessagePublishRequest{MessageBody: tag, MessageTag: tag})
		must(t, err)
	}
	list, err := topic.ListSubscriptionByTopic("", 10, "")
	must(t, err)
	if len(list.Subscriptions) != 1 || len(c.Messages("inbox")) != 1 || c.Messages("inbox")[0].Body != "failed" {
		t.Fatalf("subscriptions %+v, messages %+v", list, c.Messages("inbox"))
	}
	must(t, topic.Unsubscribe("pager"))
}

// numbered is an error of the SDK's.
type numbered interface{ Code() uint64 }

func TestSDKErrorNumbers(t *testing.T) {
	t.Parallel()
	c, client := sdk(t)
	must(t, c.CreateQueue("other", func(a *fakemns.QueueAttributes) { a.VisibilityTimeout = 1 }))
	queue, topic := mns.NewMNSQueue("inbox", client), mns.NewMNSTopic("news", client)
	publish := func(name, body string) error {
		_, err := mns.NewMNSTopic(name, client).PublishMessage(mns.MessagePublishRequest{MessageBody: body})
		return err
	}
	send := func(m mns.MessageSendRequest) error {
		_, err := queue.SendMessage(m)
		return err
	}
	as := func(key sts.Key) error {
		c, client := sdk(t, func(c *cloud) { c.key = key })
		_, err := mns.NewMNSTopic("news", client).PublishMessage(mns.MessagePublishRequest{MessageBody: "x"})
		if len(c.Published("news")) > 0 {
			t.Error("published with a bad key")
		}
		return err
	}
	empty := func() error {
		errs := make(chan error, 1)
		queue.ReceiveMessage(make(chan mns.MessageReceiveResponse, 1), errs)
		return <-errs
	}
	for name, tc := range map[string]struct {
		err  error
		code uint64
	}{
		"a topic that does not exist":   {publish("nope", "x"), 202},
		"a bad topic name":              {publish("a_b", "x"), 204},
		"an empty body":                 {publish("news", ""), 105},
		"priority left at 0":            {send(mns.MessageSendRequest{MessageBody: "x"}), 105},
		"an empty queue":                {empty(), 115},
		"a queue with other attributes": {mns.NewMNSQueueManager(client).CreateSimpleQueue("other"), 116},
		"a handle of another form":      {queue.DeleteMessage("x"), 123},
		"a bad endpoint":                {topic.Subscribe("s", mns.MessageSubsribeRequest{Endpoint: "mail:directmail:a@b"}), 207},
		"a bad subscription name":       {topic.Unsubscribe("_"), 205},
		"an unknown key":                {as(sts.Key{ID: "nobody", Secret: "x"}), 101},
		"a wrong secret":                {as(sts.Key{ID: "testid", Secret: "x"}), 124},
		"a token that is none":          {as(sts.Key{ID: "testid", Secret: "testsecret", Token: "x"}), 100},
	} {
		if n, ok := tc.err.(numbered); !ok || n.Code() != tc.code {
			t.Errorf("%s: got %v, want MNS#%d", name, tc.err, tc.code)
		}
	}
}
