package mns_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/mns"
	"rds-kernel-upgrade/function/internal/transport"
	"rds-kernel-upgrade/local/rig"
)

// canned is a client to which the same is answered always, without a network.
func canned(t *testing.T, status int, body string) *mns.Client {
	t.Helper()
	client, err := mns.New(transport.Over(rig.Canned{Status: status, Body: body}), nil, account, region)
	must(t, err)
	return client
}

// What an answer is not made of: it is refused as a whole, in bounded memory. Not parallel: it counts what the process takes.
func TestAHostileAnswerIsAFault(t *testing.T) {
	const affordable = 64 << 20
	message := func(inside string) string { return "<Message>" + inside + "</Message>" }
	for name, answer := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
	}{
		"an id nested 100,000 deep":          {201, message("<MessageId>" + strings.Repeat("<a>", 100_000)), fault.Unavailable},
		"a billion laughs":                   {201, `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><Message><MessageId>&b;</MessageId></Message>`, fault.Unavailable},
		"a file of the machine":              {201, `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Message><MessageId>&a;</MessageId></Message>`, fault.Unavailable},
		"a document in another coding":       {201, `<?xml version="1.0" encoding="utf-16"?>` + message("<MessageId>M</MessageId>"), fault.Unavailable},
		"bytes that are no letters":          {201, message("<MessageId>\xff\xfe</MessageId>"), fault.Unavailable},
		"NUL in an id":                       {201, message("<MessageId>M\x00</MessageId>"), fault.Unavailable},
		"NUL in an id, by its number":        {201, message("<MessageId>M&#0;</MessageId>"), fault.Unavailable},
		"an escape sequence, by its number":  {201, message("<MessageId>&#x1b;[2J</MessageId>"), fault.Unavailable},
		"an element that is not ended":       {201, "<Message><MessageId>M</MessageId", fault.Unavailable},
		"elements that cross":                {201, "<Message><MessageId>M</Message></MessageId>", fault.Unavailable},
		"thousands of attributes":            {201, "<Message " + strings.Repeat(`a="b" `, 100_000) + "/>", fault.Unavailable},
		"an id of blanks and comments":       {201, message("<MessageId><!-- M --></MessageId>"), fault.Unavailable},
		"an empty id":                        {201, message("<MessageId/>"), fault.Unavailable},
		"JSON":                               {201, `{"MessageId":"M"}`, fault.Unavailable},
		"what is compressed":                 {201, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", fault.Unavailable},
		"blanks":                             {201, strings.Repeat(" ", 1<<20), fault.Unavailable},
		"a message of 1 MB":                  {400, refusal("InvalidArgument", strings.Repeat("x", 1<<20)), fault.Invalid},
		"a message of credentials":           {400, refusal("InvalidArgument", strings.Repeat(token, 1<<16)), fault.Invalid},
		"a code with a line break and blank": {400, refusal("\nTopicNotExist ", "m"), fault.Invalid},
		"a code in another case":             {400, refusal("topicnotexist", "m"), fault.Invalid},
		"the code of another document":       {400, "<Errors><Code>TopicNotExist</Code></Errors>", fault.Unavailable},
		"a status that nobody knows":         {999, refusal("Odd", "m"), fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			client := canned(t, answer.status, answer.body)
			var id string
			var err error
			rig.Frugally(t, affordable, func() { id, err = publish(t.Context(), client) })
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != answer.kind || id != "" || len(f.Message) > 1<<10 {
				t.Errorf("got %.200q, %.500v, want %s", id, err, answer.kind)
			}
			noSecret(t, err, "Authorization")
		})
	}
}

// A notification arrives as it was, however XML has to write it.
func TestABodyOfAnyLettersArrivesAsItWas(t *testing.T) {
	t.Parallel()
	letters := make([]rune, 0, 400)
	for r := rune(0); r < 0x180; r++ {
		letters = append(letters, r)
	}
	text, err := json.Marshal(map[string]string{"MessageId": string(append(letters, '\u2028', '\u202e', '\ufeff', '\ufffd', '\U0001f600'))})
	must(t, err)
	for name, body := range map[string]string{
		"JSON of all letters":          string(text),
		"markup":                       `</MessageBody></Message><Message><MessageBody>&amp;&#0;<![CDATA[]]>]]>`,
		"blanks around it":             " \t\r\n{}\r\n ",
		"a declaration":                `<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x>`,
		"64 KB that XML has to escape": strings.Repeat("<", 64<<10),
		"64 KB of letters":             strings.Repeat("版", 21_845) + "x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			_, err := c.client.Publish(t.Context(), c.credentials(), "news", body, "accepted")
			must(t, err)
			if got := c.Published("news"); len(got) != 1 || got[0].Body != body {
				t.Errorf("%d bytes were published as %.100q", len(body), fmt.Sprint(got))
			}
		})
	}
}

// One byte more than 64 KB is refused, and a repeat would be refused, too.
func TestABodyThatIsTooLongIsInvalid(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	body := strings.Repeat("x", 64<<10+1)
	_, err := c.client.Publish(t.Context(), c.credentials(), "news", body, "accepted")
	if err == nil || fault.From(err).Kind != fault.Invalid || fault.Retryable(err) {
		t.Errorf("got %v, want a fault that stays", err)
	}
	if len(c.Published("news")) > 0 {
		t.Error("it was published")
	}
}

// Elements that nobody knows are passed over, however deep they go.
func TestWhatIsUnknownIsPassedOver(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000)
	id, err := publish(t.Context(), canned(t, 201, "<Message>"+deep+"<MessageId>M-1</MessageId></Message>"))
	if err != nil || id != "M-1" {
		t.Errorf("got %q, %v", id, err)
	}
	_, err = publish(t.Context(), canned(t, 404, "<Error>"+deep+"<Code>TopicNotExist</Code><Message>m</Message></Error>"))
	wantFault(t, err, fault.Error{Kind: fault.NotFound, Code: "TopicNotExist", Message: "=m"})
}
