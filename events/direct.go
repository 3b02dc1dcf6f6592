package events

// openDirect opens an event that is the request itself.
func openDirect(e *envelope) Message {
	body, problem := unwrap(e.text)
	if problem != "" {
		e.problems = append(e.problems, Problem{e.path, problem})
	}
	return Message{Trigger: Direct, Body: body}
}
