package policy

import (
	"fmt"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
)

// Duration is Go's, with d for days.
type Duration time.Duration

// UnmarshalText reads "90s", "6h", "14d" or "1d12h".
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := events.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// MarshalText writes the form that UnmarshalText reads, without what is zero: "14d", "6h", "1d12h".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String gives the same form.
func (d Duration) String() string {
	const day = 24 * time.Hour
	days, rest := time.Duration(d)/day, time.Duration(d)%day
	text := strings.TrimPrefix(fmt.Sprintf("%dd%s", days, rest), "0d")
	for _, zero := range []string{"m0s", "h0m", "d0s"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-len("0s")]
		}
	}
	return text
}
