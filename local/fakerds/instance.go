package fakerds

import (
	"fmt"
	"maps"
	"slices"
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
	RestartedBy             string            `json:"restartedBy,omitempty"` // the primary whose upgrade took this replica along; the fake sets it
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
	if i.Upgrade.Refuse != "" && !refusable(i.Upgrade.Refuse) {
		return fmt.Errorf("%s: upgrade: refuse %q is not a code of UpgradeDBInstanceKernelVersion", i.DBInstanceID, i.Upgrade.Refuse)
	}
	return nil
}

func (i Instance) withDefaults(o Options) Instance {
	role := "Primary"
	if i.MasterInstanceID != "" {
		role = "Readonly"
	}
	setDefault(&i.RegionID, o.Region)
	setDefault(&i.Engine, "MySQL")
	auto := "Manual"
	if i.Engine == "PostgreSQL" && !i.onLocalDisks() {
		auto = "Auto"
	}
	for _, d := range []struct {
		field *string
		value string
	}{
		{&i.ZoneID, i.RegionID + "-h"},
		{&i.EngineVersion, "8.0"},
		{&i.DBInstanceStatus, running},
		{&i.DBInstanceType, role},
		{&i.Category, "HighAvailability"},
		{&i.DBInstanceStorageType, "cloud_essd"},
		{&i.LatestKernelVersion, i.CurrentKernelVersion},
		{&i.AutoUpgradeMinorVersion, auto},
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

// onLocalDisks reports whether the storage is not a cloud disk.
func (i Instance) onLocalDisks() bool {
	return slices.Contains([]string{"local_ssd", "ephemeral_ssd"}, i.DBInstanceStorageType)
}
