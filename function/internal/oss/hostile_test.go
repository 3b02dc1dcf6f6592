package oss_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/local/rig"
)

// keysIn is a list of these elements.
func keysIn(elements string) string {
	return "<ListBucketResult><EncodingType>url</EncodingType>" + elements + "</ListBucketResult>"
}

func contents(keys ...string) string {
	return "<Contents><Key>" + strings.Join(keys, "</Key></Contents><Contents><Key>") + "</Key></Contents>"
}

// What an answer is not made of: it is refused as a whole, in bounded memory. Not parallel: it counts what the process takes.
func TestAHostileAnswerIsAFault(t *testing.T) {
	const affordable = 64 << 20
	for name, a := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
	}{
		"elements nested 20,000 deep":        {400, "<Error>" + strings.Repeat("<a>", 20_000), fault.Unavailable},
		"a billion laughs":                   {400, `<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><Error><Code>&b;</Code></Error>`, fault.Unavailable},
		"a file of the machine":              {400, `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Error><Code>&a;</Code></Error>`, fault.Unavailable},
		"a document in another coding":       {409, `<?xml version="1.0" encoding="utf-16"?><Error><Code>FileAlreadyExists</Code></Error>`, fault.Unavailable},
		"bytes that are no letters":          {409, "<Error><Code>FileAlreadyExists</Code><Message>\xff\xfe</Message></Error>", fault.Unavailable},
		"an escape sequence, by its number":  {409, "<Error><Code>FileAlreadyExists</Code><Message>&#x1b;[2J</Message></Error>", fault.Unavailable},
		"elements that cross":                {409, "<Error><Code>FileAlreadyExists</Error></Code>", fault.Unavailable},
		"thousands of attributes":            {400, "<Error " + strings.Repeat(`a="b" `, 20_000) + "/>", fault.Unavailable},
		"a root that is none":                {409, "<Errors><Code>FileAlreadyExists</Code></Errors>", fault.Unavailable},
		"a code one element deeper":          {409, "<Error><Error><Code>FileAlreadyExists</Code></Error></Error>", fault.Unavailable},
		"a code in the attribute":            {409, `<Error Code="FileAlreadyExists"/>`, fault.Unavailable},
		"a code with a line break and blank": {409, "<Error><Code>\nFileAlreadyExists </Code></Error>", fault.Invalid},
		"a code in another case":             {409, "<Error><Code>fileAlreadyExists</Code></Error>", fault.Invalid},
		"JSON":                               {409, `{"Code":"FileAlreadyExists"}`, fault.Unavailable},
		"what is compressed":                 {409, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff", fault.Unavailable},
		"blanks":                             {409, strings.Repeat(" ", 1<<16), fault.Unavailable},
		"nothing":                            {409, "", fault.Unavailable},
		"a message of 256 KB":                {400, "<Error><Code>InvalidArgument</Code><Message>" + strings.Repeat("x", 1<<18) + "</Message></Error>", fault.Invalid},
		"a message of credentials":           {400, "<Error><Code>InvalidArgument</Code><Message>" + strings.Repeat(token, 1<<14) + "</Message></Error>", fault.Invalid},
		"a code and an id of 256 KB":         {400, "<Error><Code>" + strings.Repeat("x", 1<<18) + "</Code><RequestId>" + strings.Repeat("y", 1<<18) + "</RequestId></Error>", fault.Invalid},
		"more than 4 MB":                     {400, "<Error><Code>InvalidArgument</Code><Message>" + strings.Repeat("x", 4<<20) + "</Message></Error>", fault.Unavailable},
		"a status that nobody knows":         {999, "<Error><Code>Odd</Code></Error>", fault.Unavailable},
	} {
		for _, op := range slices.Sorted(maps.Keys(calls)) {
			t.Run(op+": "+name, func(t *testing.T) {
				client := answer{a.status, a.body, nil}.client()
				var got string
				var err error
				rig.Frugally(t, affordable, func() { got, err = calls[op](t.Context(), client) })
				var f *fault.Error
				if !errors.As(err, &f) || f.Kind != a.kind || got != "" || len(err.Error()) > 1<<10 {
					t.Errorf("got %.200q, %.500v, want %s", got, err, a.kind)
				}
				noSecret(t, err, "Authorization")
			})
		}
	}
}

// A list is what was asked for, or it is none of it: whoever took a part of it for all would not see the newest number.
func TestAListThatIsNotWhatWasAskedForIsAFault(t *testing.T) {
	t.Parallel()
	const (
		foreign  = "the answer is not OSS's: status 200, "
		unwanted = "the list is out of order, or has what was not asked for: none of it is used"
		length   = "the list is longer than was asked for, or says that it goes on and has nothing"
	)
	for name, test := range map[string]struct{ text, message string }{
		"nothing":                            {"", foreign},
		"a web page":                         {"<html><body/></html>", foreign},
		"another document":                   {"<ListVersionsResult>" + contents("rds/state/1") + "</ListVersionsResult>", foreign},
		"an error with status 200":           {"<Error><Code>InternalError</Code></Error>", foreign},
		"half a list":                        {"<ListBucketResult>" + contents("rds/state/1"), foreign},
		"an object without a key":            {keysIn("<Contents><Size>1</Size></Contents>"), unwanted},
		"one without a key, in plain form":   {"<ListBucketResult><Contents/></ListBucketResult>", unwanted},
		"an empty key":                       {keysIn(contents("")), unwanted},
		"a key that cannot be decoded":       {keysIn(contents("rds%2Fstate%2Fx%zz")), unwanted},
		"a key that is not below the prefix": {keysIn(contents("rds%2Fstat", "rds%2Fstate%2F1")), unwanted},
		"one of another prefix":              {keysIn(contents("rds%2Fstate%2F1", "rds%2Fthings%2F1")), unwanted},
		"keys in descending order":           {keysIn(contents("rds%2Fstate%2F2", "rds%2Fstate%2F1")), unwanted},
		"the same key twice":                 {keysIn(contents("rds%2Fstate%2F1", "rds%2Fstate%2F1")), unwanted},
		"more than were asked for":           {keysIn(contents("rds%2Fstate%2F1", "rds%2Fstate%2F2", "rds%2Fstate%2F3")), length},
		"one that goes on with nothing":      {keysIn("<IsTruncated>true</IsTruncated>"), length},
		"a truth that is none":               {keysIn(contents("rds%2Fstate%2F1") + "<IsTruncated>perhaps</IsTruncated>"), foreign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, err := answer{200, test.text, nil}.client().Keys(t.Context(), "rds/state/", "", 2)
			if keys != nil {
				t.Errorf("got %q", keys)
			}
			wantFault(t, err, fault.Error{Op: "oss: ListObjectsV2 upgrades/rds/state/", Kind: fault.Unavailable, Message: test.message, RequestID: "R-1", InDoubt: true})
		})
	}
}

// Elements of a list that nobody asked about are passed over, whatever they hold.
func TestWhatIsNotAskedAboutInAListIsPassedOver(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("<a>", 5_000) + strings.Repeat("</a>", 5_000)
	for name, text := range map[string]string{
		"a size that is no number": keysIn("<Contents><Key>s%2F1</Key><Size>big</Size></Contents>"),
		"a date that is none":      keysIn("<Contents><Key>s%2F1</Key><LastModified>today</LastModified></Contents>"),
		"a prefix without a name":  keysIn("<CommonPrefixes/>" + contents("s%2F1")),
		"elements that go deep":    keysIn(deep + contents("s%2F1")),
		"keys in plain form":       "<ListBucketResult>" + contents("s/1") + "</ListBucketResult>",
	} {
		keys, err := answer{200, text, nil}.client().Keys(t.Context(), "s/", "", 2)
		if err != nil || len(keys) != 1 || keys[0] != "s/1" {
			t.Errorf("%s: got %q, %v", name, keys, err)
		}
	}
}

// A server that says for ever that there is more is asked as often as there are keys to get, and no more.
func TestAListThatDoesNotEndIsBounded(t *testing.T) {
	t.Parallel()
	var asked int
	c := over(func(r *http.Request) (*http.Response, error) {
		asked++
		text := keysIn(contents(fmt.Sprintf("s%%2F%05d", asked)) + "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>")
		return &http.Response{StatusCode: http.StatusOK, Header: answer{}.headers(), Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
	})
	keys, err := c.Keys(t.Context(), "s/", "", 50)
	if err != nil || len(keys) != 50 || asked != 50 {
		t.Errorf("%d keys of %d answers, %v", len(keys), asked, err)
	}
	same := answer{200, keysIn(contents("s%2F1") + "<IsTruncated>true</IsTruncated>"), nil}.client()
	if keys, err := same.Keys(t.Context(), "s/", "", 50); err == nil || keys != nil {
		t.Errorf("the same page again and again: %q, %v", keys, err)
	}
}

// 16 MB that were packed into 16 KB stay packed. Not parallel: it counts what the process takes.
func TestABombIsNotUnpacked(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 16 {
		_, err := z.Write(make([]byte, 1<<20))
		must(t, err)
	}
	must(t, z.Close())
	s := serve(t, answer{200, packed.String(), map[string]string{"Content-Encoding": "gzip"}})
	rig.Frugally(t, 8<<20, func() {
		got, err := s.client.Get(t.Context(), key)
		if err != nil || string(got) != packed.String() {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	})
}
