package events

// openTimer opens a tick of a timer. A tick has no id of its own; its name and time stay the same when Function
// Compute tries again.
func openTimer(e *envelope) Message {
	e.only("triggerTime", "triggerName", "payload")
	m := Message{Trigger: Timer, Source: e.name("triggerName")}
	if at := e.name("triggerTime"); m.Source != "" && at != "" {
		m.ID = m.Source + "@" + at
	}
	m.Body, m.Published = e.body("payload"), e.time("triggerTime")
	return m
}
