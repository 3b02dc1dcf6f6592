package fakemns

import (
	"slices"
	"strings"
)

// route is one API action: what asks for it, what its query may hold, and what it does.
type route struct {
	action  string
	method  string
	shape   string              // the path with * for names
	when    func(*request) bool // tells actions of one method and shape apart; nil is the rest
	query   []string            // the query items that it takes
	perform func(*Server, *request) (answer, error)
}

// routes is the API. Among routes of one method and shape the first whose condition holds is taken.
func routes() []route {
	return slices.Concat(queueRoutes(), messageRoutes(), topicRoutes())
}

func queueRoutes() []route {
	const one, all = "queues/*", "queues"
	override := []string{"metaoverride"}
	return []route{
		{"SetQueueAttributes", "PUT", one, flag("metaoverride"), override, (*Server).setQueueAttributes},
		{"CreateQueue", "PUT", one, nil, override, (*Server).createQueue},
		{"GetQueueAttributes", "GET", one, nil, nil, (*Server).getQueueAttributes},
		{"DeleteQueue", "DELETE", one, nil, nil, (*Server).deleteQueue},
		{"ListQueue", "GET", all, nil, nil, (*Server).listQueue},
	}
}

func messageRoutes() []route {
	const messages = "queues/*/messages"
	batch := func(q *request) bool { return rootName(q.body) == "Messages" }
	batchPeek := func(q *request) bool { return q.is("peekonly") && q.has("numofmessages") }
	batchDelete := func(q *request) bool { return !q.has("receipthandle") && len(q.body) > 0 }
	return []route{
		{"BatchSendMessage", "POST", messages, batch, nil, (*Server).batchSendMessage},
		{"SendMessage", "POST", messages, nil, nil, (*Server).sendMessage},
		{"BatchPeekMessage", "GET", messages, batchPeek, []string{"peekonly", "numofmessages"}, (*Server).batchPeekMessage},
		{"PeekMessage", "GET", messages, flag("peekonly"), []string{"peekonly"}, (*Server).peekMessage},
		{"BatchReceiveMessage", "GET", messages, item("numofmessages"), []string{"peekonly", "numofmessages", "waitseconds"}, (*Server).batchReceiveMessage},
		{"ReceiveMessage", "GET", messages, nil, []string{"peekonly", "waitseconds"}, (*Server).receiveMessage},
		{"BatchDeleteMessage", "DELETE", messages, batchDelete, nil, (*Server).batchDeleteMessage},
		{"DeleteMessage", "DELETE", messages, nil, []string{"receipthandle"}, (*Server).deleteMessage},
		{"ChangeMessageVisibility", "PUT", messages, nil, []string{"receipthandle", "visibilitytimeout"}, (*Server).changeMessageVisibility},
	}
}

func topicRoutes() []route {
	const one, all, messages = "topics/*", "topics", "topics/*/messages"
	const subscription, subscriptions = "topics/*/subscriptions/*", "topics/*/subscriptions"
	override := []string{"metaoverride"}
	return []route{
		{"SetTopicAttributes", "PUT", one, flag("metaoverride"), override, (*Server).setTopicAttributes},
		{"CreateTopic", "PUT", one, nil, override, (*Server).createTopic},
		{"GetTopicAttributes", "GET", one, nil, nil, (*Server).getTopicAttributes},
		{"DeleteTopic", "DELETE", one, nil, nil, (*Server).deleteTopic},
		{"ListTopic", "GET", all, nil, nil, (*Server).listTopic},
		{"PublishMessage", "POST", messages, nil, nil, (*Server).publishMessage},
		{"SetSubscriptionAttributes", "PUT", subscription, flag("metaoverride"), override, (*Server).setSubscriptionAttributes},
		{"Subscribe", "PUT", subscription, nil, override, (*Server).subscribe},
		{"GetSubscriptionAttributes", "GET", subscription, nil, nil, (*Server).getSubscriptionAttributes},
		{"Unsubscribe", "DELETE", subscription, nil, nil, (*Server).unsubscribe},
		{"ListSubscriptionByTopic", "GET", subscriptions, nil, nil, (*Server).listSubscriptionByTopic},
	}
}

func flag(name string) func(*request) bool { return func(q *request) bool { return q.is(name) } }
func item(name string) func(*request) bool { return func(q *request) bool { return q.has(name) } }

// address finds what a request asks for.
func (s *Server) address(q *request) error {
	parts := strings.Split(strings.TrimPrefix(q.path, "/"), "/")
	for i := 1; i < len(parts); i += 2 {
		q.names = append(q.names, parts[i])
		parts[i] = "*"
	}
	shape := strings.Join(parts, "/")
	for _, r := range s.routes {
		if r.method == q.http.Method && r.shape == shape && (r.when == nil || r.when(q)) {
			q.route = r
			return nil
		}
	}
	return refuse("InvalidRequestURL")
}

func checkAddress(q *request) error { return q.lost }

// checkNames refuses names that could never have been created.
func checkNames(q *request) error {
	kinds := []naming{topicNaming(), subscriptionNaming()}
	if strings.HasPrefix(q.route.shape, "queues") {
		kinds = []naming{queueNaming()}
	}
	for i, name := range q.names {
		if err := kinds[i].check(name); err != nil {
			return err
		}
	}
	return nil
}

// checkQuery refuses what the action does not take.
func checkQuery(q *request) error {
	raw, _ := strings.CutPrefix(q.target, q.path)
	for sent := range strings.SplitSeq(strings.TrimPrefix(raw, "?"), "&") {
		name, value, _ := strings.Cut(sent, "=")
		if name == "" {
			continue
		}
		known := slices.Contains(q.route.query, strings.ToLower(name))
		if !known || isFlag(name) && value != "true" && value != "false" {
			return refuse("InvalidQueryString", name)
		}
	}
	return nil
}

func isFlag(name string) bool {
	return strings.EqualFold(name, "metaoverride") || strings.EqualFold(name, "peekonly")
}

// naming is the rule for one kind of name: letters, digits and hyphens, a letter or digit first.
type naming struct {
	longest         int
	invalid, length string // codes
}

func queueNaming() naming { return naming{120, "InvalidQueueName", "QueueNameLengthError"} }
func topicNaming() naming { return naming{120, "TopicNameInvalid", "TopicNameLengthError"} }
func subscriptionNaming() naming {
	return naming{255, "SubsriptionNameInvalid", "SubscriptionNameLengthError"}
}

func (n naming) check(name string) error {
	if len(name) == 0 || len(name) > n.longest {
		return refuse(n.length)
	}
	for i, c := range []byte(name) {
		letter := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (c != '-' || i == 0) {
			return refuse(n.invalid)
		}
	}
	return nil
}
