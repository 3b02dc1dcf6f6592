package events

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// day is as long as a window or a bake takes it to be, whatever the clocks do.
const day = 24 * time.Hour

// ParseDuration reads a duration in Go's form, with d for whole days before the rest: "90s", "6h", "14d" or "1d12h". It is shorter than
// 65,536 days, however it is written.
func ParseDuration(text string) (time.Duration, error) {
	days, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		days, rest = "0", text
	}
	n, err := strconv.ParseUint(days, 10, 16)
	total := time.Duration(n) * day
	if err == nil && (rest != "" || !hasDays) {
		var part time.Duration
		part, err = time.ParseDuration(rest)
		total += part
	}
	if err != nil || total < 0 || total >= 1<<16*day || strings.ContainsAny(rest, "+-") { // a sign in the middle is no form that anybody means
		return 0, fmt.Errorf("%s is not a duration: want a form such as 90s, 5m, 6h or 14d", quote(text))
	}
	return total, nil
}
