package fakerds

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Instance is one RDS instance: fields of the API under the API's names, and what its next upgrade will be like.
// Empty fields get a default when the instance is added, but CurrentKernelVersion: without it an
// upgrade is refused as InstanceMissingMinorVersionAttr.
type Instance struct {
	DBInstanceID            string            `json:"DBInstanceId"`
	DBInstanceDescription   string            `json:"DBInstanceDescription,omitempty"`
	RegionID                string            `json:"RegionId,omitempty"`
	ZoneID                  string            `json:"ZoneId,omitempty"`
	Engine                  string            `json:"Engine,omitempty"`
	EngineVersion           string            `json:"EngineVersion,omitempty"`
	DBInstanceStatus        string            `json:"DBInstanceStatus,omitempty"`
	DBInstanceType          string            `json:"DBInstanceType,omitempty"`
	Category                string            `json:"Category,omitempty"`
	DBInstanceStorageType   string            `json:"DBInstanceStorageType,omitempty"`
	CurrentKernelVersion    string            `json:"CurrentKernelVersion,omitempty"`
	LatestKernelVersion     string            `json:"LatestKernelVersion,omitempty"`
	AutoUpgradeMinorVersion string            `json:"AutoUpgradeMinorVersion,omitempty"`
	MaintainTime            string            `json:"MaintainTime,omitempty"` // UTC, HH:mmZ-HH:mmZ
	LockMode                string            `json:"LockMode,omitempty"`
	LockReason              string            `json:"LockReason,omitempty"`
	PayType                 string            `json:"PayType,omitempty"`
	CreationTime            string            `json:"CreationTime,omitempty"`
	MasterInstanceID        string            `json:"MasterInstanceId,omitempty"`
	ReadOnlyDBInstanceIDs   []string          `json:"ReadOnlyDBInstanceIds,omitempty"`
	ResourceGroupID         string            `json:"ResourceGroupId,omitempty"`
	Tags                    map[string]string `json:"Tags,omitempty"`
	Upgrade                 Upgrade           `json:"upgrade,omitzero"`
}

// Upgrade says what the upgrades of an instance are like. The zero value is a plain one.
type Upgrade struct {
	Takes  time.Duration // how long; Options.UpgradeTakes by default
	Status string        // DBInstanceStatus meanwhile; Options.UpgradingStatus by default
	Silent bool          // the job ends well, and the version is what it was
	Fails  bool          // the job fails, and the version is what it was
	Refuse string        // a documented code, with which every request to upgrade is refused
}

// upgradeFile is how an Upgrade is written in a fleet file.
type upgradeFile struct {
	Takes  string `json:"takes,omitempty"`
	Status string `json:"status,omitempty"`
	Silent bool   `json:"silent,omitempty"`
	Fails  bool   `json:"fails,omitempty"`
	Refuse string `json:"refuse,omitempty"`
}

// MarshalJSON writes the form of the fleet file.
func (u Upgrade) MarshalJSON() ([]byte, error) {
	file := upgradeFile{Status: u.Status, Silent: u.Silent, Fails: u.Fails, Refuse: u.Refuse}
	if u.Takes != 0 {
		file.Takes = u.Takes.String()
	}
	return json.Marshal(file)
}

// UnmarshalJSON reads the form of the fleet file: a duration such as "3s", and no unknown names.
func (u *Upgrade) UnmarshalJSON(text []byte) error {
	var file upgradeFile
	if err := strict(text, &file); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	*u = Upgrade{Status: file.Status, Silent: file.Silent, Fails: file.Fails, Refuse: file.Refuse}
	if file.Takes == "" {
		return nil
	}
	takes, err := time.ParseDuration(file.Takes)
	if err != nil || takes < 0 {
		return fmt.Errorf("upgrade: takes %q is not a duration such as \"3s\"", file.Takes)
	}
	u.Takes = takes
	return nil
}

// validate refuses what no instance can have.
func (i Instance) validate() error {
	if i.DBInstanceID == "" {
		return fmt.Errorf("an instance has no DBInstanceId")
	}
	engines := []string{"", "MySQL", "PostgreSQL", "SQLServer", "MariaDB"}
	if !slices.Contains(engines, i.Engine) {
		return fmt.Errorf("%s: Engine %q: want one of %q", i.DBInstanceID, i.Engine, engines[1:])
	}
	if _, err := parseWindow(i.MaintainTime); i.MaintainTime != "" && err != nil {
		return fmt.Errorf("%s: %w", i.DBInstanceID, err)
	}
	if _, known := find(i.Upgrade.Refuse); i.Upgrade.Refuse != "" && !known {
		return fmt.Errorf("%s: upgrade: refuse %q is not a code that the fake knows", i.DBInstanceID, i.Upgrade.Refuse)
	}
	return nil
}

func (i Instance) withDefaults(o Options) Instance {
	role := "Primary"
	if i.MasterInstanceID != "" {
		role = "Readonly"
	}
	setDefault(&i.RegionID, o.Region)
	for _, d := range []struct {
		field *string
		value string
	}{
		{&i.ZoneID, i.RegionID + "-h"},
		{&i.Engine, "MySQL"},
		{&i.EngineVersion, "8.0"},
		{&i.DBInstanceStatus, running},
		{&i.DBInstanceType, role},
		{&i.Category, "HighAvailability"},
		{&i.DBInstanceStorageType, "cloud_essd"},
		{&i.LatestKernelVersion, i.CurrentKernelVersion},
		{&i.AutoUpgradeMinorVersion, "Manual"},
		{&i.MaintainTime, "18:00Z-22:00Z"},
		{&i.LockMode, unlocked},
		{&i.PayType, "Postpaid"},
		{&i.CreationTime, "2024-01-01T00:00:00Z"},
		{&i.ResourceGroupID, "rg-acfmlocal"},
	} {
		setDefault(d.field, d.value)
	}
	return i.clone()
}

// clone shares nothing with the original.
func (i Instance) clone() Instance {
	i.ReadOnlyDBInstanceIDs = slices.Clone(i.ReadOnlyDBInstanceIDs)
	i.Tags = maps.Clone(i.Tags)
	return i
}
