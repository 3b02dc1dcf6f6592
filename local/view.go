package main

import (
	"time"

	"rds-kernel-upgrade/local/show"
)

// view shows the story while it happens.
type view interface {
	Say(text string)
	Call(at time.Time, c show.Call)
	Notification(at time.Time, n show.Notification)
	Refresh(at time.Time)
	End()
}

// view gives a table that is drawn again and again where there is a terminal, and lines where there is none.
func (c console) view(b *show.Board) view {
	if c.size == nil {
		return &show.Plain{Out: c.out}
	}
	if _, _, err := c.size(); err != nil {
		return &show.Plain{Out: c.out}
	}
	return &show.Screen{Out: c.out, Board: b, Color: c.color, Size: func() (width, height int) {
		width, height, _ = c.size() // it was a terminal just now
		return width, height
	}}
}
