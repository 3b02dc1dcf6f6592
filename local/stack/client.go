package stack

import (
	"fmt"

	ali_mns "github.com/aliyun/aliyun-mns-go-sdk"
)

// Client is an operator's client of the local MNS: the prescribed SDK, with the account's own key, over signed requests.
type Client struct {
	requests ali_mns.AliMNSTopic
	inbox    ali_mns.AliMNSQueue
}

// NewClient makes a client of the MNS at this URL.
func NewClient(mnsURL string) *Client {
	// The SDK wants five parts between dots in an endpoint; "/." supplies the last, and names the same path.
	client := ali_mns.NewAliMNSClientWithConfig(ali_mns.AliMNSClientConfig{
		EndPoint: mnsURL + "/.", AccessKeyId: AccessKeyID, AccessKeySecret: Secret, TimeoutSecond: 10,
	})
	return &Client{
		requests: ali_mns.NewMNSTopic(RequestTopic, client), inbox: ali_mns.NewMNSQueue(Inbox, client),
	}
}

// Request publishes a message to the topic that triggers the function.
func (c *Client) Request(body string) (messageID string, err error) {
	answer, err := c.requests.PublishMessage(ali_mns.MessagePublishRequest{MessageBody: body})
	if err != nil {
		return "", fmt.Errorf("publish to %s: %w", RequestTopic, err)
	}
	return answer.MessageId, nil
}

// Receive takes the next notification out of the inbox; ok is false if there is none.
func (c *Client) Receive() (body string, ok bool, err error) {
	answers, errs := make(chan ali_mns.MessageReceiveResponse, 1), make(chan error, 1)
	c.inbox.ReceiveMessage(answers, errs)
	select {
	case m := <-answers:
		return m.MessageBody, true, c.inbox.DeleteMessage(m.ReceiptHandle)
	case err := <-errs:
		if ali_mns.ERR_MNS_MESSAGE_NOT_EXIST.IsEqual(err) {
			return "", false, nil
		}
		return "", false, err
	}
}
