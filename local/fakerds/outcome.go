package fakerds

import (
	"encoding/json"
	"fmt"
	"time"
)

// Upgrade says what the upgrades of an instance are like. The zero value is a plain one.
type Upgrade struct {
	Takes      time.Duration // how long; Options.UpgradeTakes by default
	Status     string        // DBInstanceStatus meanwhile; Options.UpgradingStatus by default
	Silent     bool          // the task ends well, and the version is what it was
	Fails      bool          // the task fails, and the version is what it was
	Reason     string        // ReasonCode of a task that fails; UpgradeCheckFailed by default
	Refuse     string        // a documented code, with which every request to upgrade is refused
	NextWindow bool          // with MaintainTime while the window is open, it begins in the next one
	Scheduled  time.Duration // how long after it was added the instance begins an upgrade that somebody has scheduled in the console
}

// upgradeFile is how an Upgrade is written in a fleet file.
type upgradeFile struct {
	Takes      string `json:"takes,omitempty"`
	Status     string `json:"status,omitempty"`
	Silent     bool   `json:"silent,omitempty"`
	Fails      bool   `json:"fails,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Refuse     string `json:"refuse,omitempty"`
	NextWindow bool   `json:"nextWindow,omitempty"`
	Scheduled  string `json:"scheduled,omitempty"`
}

// MarshalJSON writes the form of the fleet file.
func (u Upgrade) MarshalJSON() ([]byte, error) {
	written := func(d time.Duration) string {
		if d == 0 {
			return ""
		}
		return d.String()
	}
	return json.Marshal(upgradeFile{
		Takes: written(u.Takes), Status: u.Status, Silent: u.Silent, Fails: u.Fails, Reason: u.Reason, Refuse: u.Refuse,
		NextWindow: u.NextWindow, Scheduled: written(u.Scheduled),
	})
}

// UnmarshalJSON reads the form of the fleet file: durations such as "3s", and no unknown names.
func (u *Upgrade) UnmarshalJSON(text []byte) error {
	var file upgradeFile
	if err := strict(text, &file); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	*u = Upgrade{
		Status: file.Status, Silent: file.Silent, Fails: file.Fails, Reason: file.Reason, Refuse: file.Refuse, NextWindow: file.NextWindow,
	}
	for _, d := range []struct {
		name, text string
		into       *time.Duration
	}{{"takes", file.Takes, &u.Takes}, {"scheduled", file.Scheduled, &u.Scheduled}} {
		if d.text == "" {
			continue
		}
		value, err := time.ParseDuration(d.text)
		if err != nil || value < 0 {
			return fmt.Errorf("upgrade: %s %q is not a duration such as \"3s\"", d.name, d.text)
		}
		*d.into = value
	}
	return nil
}

// withDefaults is for a task that is about to be scheduled.
func (u Upgrade) withDefaults(o Options) Upgrade {
	if u.Takes == 0 {
		u.Takes = o.UpgradeTakes
	}
	setDefault(&u.Status, o.UpgradingStatus)
	setDefault(&u.Reason, "UpgradeCheckFailed")
	return u
}
