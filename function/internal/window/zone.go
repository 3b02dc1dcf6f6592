package window

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"rds-kernel-upgrade/events"
)

// anyCity is the advice where nothing better is known.
const anyCity = "want a name such as Asia/Shanghai"

// meant returns what to write instead of a name that is no zone's.
func meant(name string) string {
	if minutes, ok := offsetIn(name); ok {
		return atOffset(minutes)
	}
	if write := cmp.Or(insteadOf(name), insteadOf(lastPart(name))); write != "" {
		return "write " + write
	}
	for _, city := range cities {
		if strings.EqualFold(lastPart(city), lastPart(name)) {
			return "write " + city
		}
	}
	return anyCity + events.DidYouMean(name, cities[:])
}

// insteadOf returns the zones that a well-known name may mean, in any letter case, and "" for any other name.
func insteadOf(name string) string {
	same := func(known string) bool { return strings.EqualFold(known, name) }
	for _, known := range wellKnown {
		if slices.ContainsFunc(strings.Split(known.names, ", "), same) {
			return known.write
		}
	}
	return ""
}

func lastPart(name string) string {
	return strings.ReplaceAll(name[strings.LastIndex(name, "/")+1:], " ", "_")
}

// atOffset returns what to write for an offset from UTC.
func atOffset(minutes int) string {
	offset := fromUTC(minutes)
	if write, known := offsets[offset]; known {
		return "for " + offset + " write " + write
	}
	return "no Area/City is known at " + offset
}

// fromUTC writes an offset as "UTC+08:00", and none as "UTC".
func fromUTC(minutes int) string {
	if minutes == 0 {
		return "UTC"
	}
	return time.Time{}.In(time.FixedZone("", minutes*60)).Format("UTC-07:00")
}

// offsetIn reads what people write for an offset from UTC, up to 14 hours: "GMT+8", "UTC+08:00", "+0800", "UTC8". After any other
// abbreviation the sign is that of POSIX, whose "CST-8" is ahead of UTC.
func offsetIn(name string) (minutes int, ok bool) {
	form := regexp.MustCompile(`^(?:ETC/)?(?:UTC|GMT|UT|Z|([A-Z]{3}))?([-+]?)(\d+?)(?::(\d*)|(\d\d))?$`)
	parts := form.FindStringSubmatch(strings.NewReplacer(" ", "", "−", "-").Replace(strings.ToUpper(name)))
	if parts == nil {
		return 0, false
	}
	h, _ := strconv.Atoi(parts[3])
	m, _ := strconv.Atoi("0" + parts[4] + parts[5])
	minutes = h*60 + m
	if posix, minus := parts[1] != "", parts[2] == "-"; posix != minus {
		minutes = -minutes
	}
	return minutes, h <= 14 && m < 60
}

// areas are the first parts of the names that the time zone database has for cities.
var areas = [...]string{"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}

// zoneNote returns what a zone really is if its name says something else, or nothing: "Etc/GMT+8", "EST", "PRC". It is empty for
// UTC and for an Area/City.
func zoneNote(zone *time.Location, now time.Time) string {
	name := zone.String()
	area, _, city := strings.Cut(name, "/")
	if name == "UTC" || name == "Etc/UTC" || city && slices.Contains(areas[:], area) {
		return ""
	}
	if sign, ok := strings.CutPrefix(name, "Etc/GMT"); ok && strings.Trim(sign, "+-0") != "" {
		return reversedNote(name, sign, minutesAt(zone, now))
	}
	return fmt.Sprintf("%s is no Area/City: its clocks are %s; write %s", name, yearOf(zone, now), writeFor(name, zone, now))
}

// reversedNote is for the zones whose sign says the opposite of what people read.
func reversedNote(name, sign string, minutes int) string {
	way, hours := "AHEAD OF", minutes/60
	if hours < 0 {
		way, hours = "BEHIND", -hours
	}
	unit := "hours"
	if hours == 1 {
		unit = "hour"
	}
	return fmt.Sprintf("%s is %d %s %s UTC (%s), not UTC%s: its sign is reversed; %s; %s",
		name, hours, unit, way, fromUTC(minutes), sign, atOffset(-minutes), atOffset(minutes))
}

// writeFor returns what to write for a zone that is accepted and not plain.
func writeFor(name string, zone *time.Location, now time.Time) string {
	if write := insteadOf(strings.TrimPrefix(name, "Etc/")); write != "" {
		return write
	}
	if _, inner, _ := strings.Cut(name, "/"); strings.Contains(inner, "/") {
		return inner // of right/Asia/Shanghai
	}
	if year := yearOf(zone, now); year == yearOf(time.UTC, now) {
		return "UTC"
	}
	return "the Area/City whose clocks are meant, such as Asia/Shanghai"
}

// minutesAt returns how far a zone is ahead of UTC.
func minutesAt(zone *time.Location, t time.Time) int {
	_, seconds := t.In(zone).Zone()
	return seconds / 60
}

// yearOf returns the offsets that a zone has in the year from now on, in words.
func yearOf(zone *time.Location, now time.Time) string {
	var words []string
	for second, end := now.Unix(), now.AddDate(1, 0, 0).Unix(); second < end; {
		t := time.Unix(second, 0).In(zone)
		if word := fromUTC(minutesAt(zone, t)); !slices.Contains(words, word) {
			words = append(words, word)
		}
		second = offsetEnd(t)
	}
	if len(words) == 1 {
		return words[0] + " all year, without summer time"
	}
	return strings.Join(words, " and ") + ", by the season"
}
