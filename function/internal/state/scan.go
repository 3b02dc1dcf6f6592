package state

import (
	"bytes"
	"encoding/json"
)

// blanks goes to the next character that is no blank.
func (r *reading) blanks() {
	for r.at < len(r.text) && r.text[r.at] <= ' ' {
		r.at++
	}
}

// more reports whether a list or an object has another entry, and goes to it. Before the first one it stands behind the opening bracket; when
// there is none it goes past the closing one.
func (r *reading) more(closing byte, first bool) bool {
	r.blanks()
	if r.text[r.at] == closing {
		r.at++
		return false
	}
	if !first {
		r.at++ // the comma
		r.blanks()
	}
	return true
}

// key returns a key in its quotes, and goes past the colon.
func (r *reading) key() []byte {
	key := r.raw()
	r.blanks()
	r.at++ // the colon
	return key
}

// raw returns the text of the value that begins here, and goes past it.
func (r *reading) raw() []byte {
	from := r.at
	for depth := 0; ; {
		switch c := r.text[r.at]; {
		case c == '"':
			r.quotes()
		case c == '[' || c == '{':
			depth++
			r.at++
		case c == ']' || c == '}':
			depth--
			r.at++
		case depth > 0:
			r.at++
		default:
			r.word()
		}
		if depth == 0 {
			return r.text[from:r.at]
		}
	}
}

// length returns how many entries the list that begins here has, so that room for them is made once. What is too short for a member has none made.
func (r *reading) length() (entries int) {
	const shortest = 64
	from := r.at
	r.at++
	for r.more(']', entries == 0) {
		r.raw()
		entries++
	}
	most := (r.at - from) / shortest
	r.at = from
	return min(entries, most)
}

// quotes goes past a text in quotes.
func (r *reading) quotes() {
	for r.at++; r.text[r.at] != '"'; r.at++ {
		if r.text[r.at] == '\\' {
			r.at++
		}
	}
	r.at++
}

// word goes past a number, or past true or false.
func (r *reading) word() {
	for r.at < len(r.text) && bytes.IndexByte([]byte(" \t\r\n,]}"), r.text[r.at]) < 0 {
		r.at++
	}
}

// unquote returns the text that stands in quotes.
func unquote(raw []byte) (text string) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	_ = json.Unmarshal(raw, &text) // its syntax was checked
	return text
}

// common remembers short texts, since most texts of a document, such as a version, stand in it thousands of times.
type common [256]string

// unquote returns the text that stands in quotes, and the same one for each that is equal, as long as no other has taken its place.
func (c *common) unquote(raw []byte) string {
	const longest = 40
	if len(raw) > longest || bytes.IndexByte(raw, '\\') >= 0 {
		return unquote(raw)
	}
	hash, text := uint32(2166136261), raw[1:len(raw)-1]
	for _, b := range text {
		hash = (hash ^ uint32(b)) * 16777619
	}
	known := &c[hash%uint32(len(c))]
	if *known != string(text) {
		*known = string(text)
	}
	return *known
}

// kindOf describes a value that is not what was wanted.
func kindOf(raw []byte) string {
	switch raw[0] {
	case '"':
		return "the text " + quoted(unquote(raw))
	case '[':
		return "a list"
	case '{':
		return "an object"
	case 't', 'f':
		return string(raw)
	default:
		return "the number " + string(raw[:min(len(raw), 40)])
	}
}
