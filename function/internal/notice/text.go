package notice

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"rds-kernel-upgrade/function/internal/plan"
)

// The most bytes, as JSON writes them, of …
const (
	maxWord     = 256    // a name, a version or an id
	maxText     = 1_000  // a text for people
	maxNotes    = 16_000 // all notes
	maxProblems = 40_000 // all problems
	maxSize     = 60_000 // a notification: MNS takes 64 KB; what is left is for the number of the part and for what the SDK adds
)

// word cuts a name, a version or an id.
func word(text string) string { return short(text, maxWord) }

// short cuts a text whose JSON form has more than the given number of bytes, where some characters need six.
func short(text string, most int) string {
	if 6*len(text) <= most {
		return text
	}
	cut := func(size int) string {
		part := strings.ToValidUTF8(text[:size], "")
		if size < len(text) {
			part += "…"
		}
		return part
	}
	fits := func(size int) bool { return jsonSize(cut(size)) <= most }
	if len(text) <= most && fits(len(text)) {
		return text
	}
	tooLong := sort.Search(min(len(text)-1, most)+1, func(size int) bool { return !fits(size) })
	return cut(max(0, tooLong-1))
}

// shortAll cuts each text of a list, and the list where its texts have more than the given number of bytes.
func shortAll(texts []string, most int) (all []string) {
	room := most
	for n, text := range texts {
		text = short(text, maxText)
		if room -= jsonSize(text) + 1; room < 0 {
			return append(all, fmt.Sprintf("%d more are left out", len(texts)-n))
		}
		all = append(all, text)
	}
	return all
}

// jsonSize returns how many bytes a value has as JSON.
func jsonSize(value any) int {
	text, _ := json.Marshal(value) // texts, numbers, and lists and maps of them
	return len(text)
}

// join puts texts behind one another, without the empty ones.
func join(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), "; ")
}

// instances writes a number of instances.
func instances(many int) string {
	if many == 1 {
		return "1 instance"
	}
	return fmt.Sprintf("%d instances", many)
}

// inParts returns a notification with a list, in as many parts as it takes. All of them have what the head has, and each item stands in one.
func inParts[T any](head Notification, items []T, list func(*Data) *[]T) (parts []Notification) {
	*list(&head.Data) = []T{}
	lists := split(items, maxSize-jsonSize(head))
	for n, items := range lists {
		part := head
		*list(&part.Data) = items
		if len(lists) > 1 {
			part.Data.Part, part.Data.Parts = n+1, len(lists)
		}
		if n > 0 {
			part.ID = plan.Digest(head.Data.Rollout, "", string(head.Data.Status), "part "+strconv.Itoa(n+1))
		}
		parts = append(parts, part)
	}
	return parts
}

// split cuts a list between items, so that no part has more bytes than there is room for. There is always one part, even if it is empty.
func split[T any](items []T, room int) (parts [][]T) {
	first, size := 0, 0
	for n, item := range items {
		more := jsonSize(item) + 1
		if size += more; size > room && n > first {
			parts, first, size = append(parts, items[first:n]), n, more
		}
	}
	return append(parts, items[first:])
}
