// Package fleet observes instances of RDS: its types hold what was seen, in RDS's own words, and an Observer sees a whole fleet with few calls.
//
//	list ──▶ tags, 50 at a time ──▶ read each candidate ──▶ replicas ──▶ versions, once for each kind ──▶ tasks, 30 at a time
//
// A call that fails keeps only those instances unobserved that it was for. The package decides nothing, and it changes nothing in the cloud. It
// reads through an interface, so it knows no SDK.
package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/version"
)

// Instance is what one invocation has seen of one RDS instance. The fields have RDS's names and meanings.
type Instance struct {
	ID, Description, RegionID                 string
	Engine, EngineVersion, StorageType        string
	Status, LockMode, MaintainTime            string
	CurrentKernelVersion, LatestKernelVersion string
	AutoUpgradeMinorVersion                   string // Auto: RDS upgrades it by itself, at times of its own

	// Type is DBInstanceType: Primary, Readonly, Guard or Temp. A replica has the id of its primary, a primary those of its replicas.
	Type, Category, ResourceGroupID string
	PrimaryID                       string
	ReplicaIDs                      []string
	// Replicas are those of its replicas that are not in the fleet themselves, as far as they were read.
	Replicas []Instance
	// Listed says that only the listing was read, which has no kernel version and no maintenance window.
	Listed bool
	// Tags are the instance's own. They are nil if they were not read, and empty if it has none.
	Tags map[string]string

	// Offers are the versions that RDS lists for its kind. Unlisted is how many more there are, which RDS counts and does not list.
	Offers   []Offer
	Unlisted int
	// Fault says why the instance could not be observed. What was read of it before is kept.
	Fault *fault.Error
	// Tasks are the tasks of the instance that RDS has shown. TasksAsked says that RDS was asked for them and has answered: for those that
	// began at TasksSince or later.
	Tasks      []Task
	TasksAsked bool
	TasksSince time.Time
}

// PostgreSQL is the engine whose primaries restart their read-only instances when they are upgraded.
const PostgreSQL = "PostgreSQL"

// statusRunning is the only status in which an instance takes the call, and the only one in which an upgrade is done.
const statusRunning = "Running"

// resting are the statuses that do not pass by themselves, or that end with the instance gone. Every other one but Running is work in
// progress: which status a kernel upgrade shows is not documented, so no single name is matched.
var resting = []string{"Stopped", "Stopping", "Creating", "Deleting", "Released"}

// localDisks are how the names of the storage types begin that are local disks.
var localDisks = []string{"local", "ephemeral"}

// ARN returns the name of the instance in the subject of its notifications.
func (i Instance) ARN(account string) string {
	return fmt.Sprintf("acs:rds:%s:%s:dbinstance/%s", i.RegionID, account, i.ID)
}

// Running reports whether the instance takes the call, as far as its status says.
func (i Instance) Running() bool { return i.Status == statusRunning }

// Resting reports whether the instance is stopped, is being made, or is being deleted.
func (i Instance) Resting() bool { return slices.Contains(resting, i.Status) }

// Working reports whether something is under way on the instance, which may be an upgrade.
func (i Instance) Working() bool { return i.Status != "" && !i.Running() && !i.Resting() }

// Locked reports whether RDS has locked the instance.
func (i Instance) Locked() bool { return i.LockMode != "" && i.LockMode != "Unlock" }

// Supported reports whether the upgrade call is documented for the instance: for MySQL, and for PostgreSQL on any disk that is not local. On
// local disks PostgreSQL upgrades itself at a restart.
func (i Instance) Supported() bool {
	switch i.Engine {
	case "MySQL":
		return true
	case PostgreSQL:
		return !slices.ContainsFunc(localDisks, func(prefix string) bool { return strings.HasPrefix(i.StorageType, prefix) })
	default:
		return false
	}
}

// TakesReplicasAlong reports whether an upgrade of the instance restarts those of its read-only instances that are below its target, before
// itself. RDS documents it for PostgreSQL on cloud disks.
func (i Instance) TakesReplicasAlong() bool { return i.Engine == PostgreSQL && len(i.ReplicaIDs) > 0 }

// Proven reports whether the instance runs the target, or a newer version, and is Running. It is the one definition of a finished upgrade: an
// accepted call is not an upgrade, and neither is a status alone.
func (i Instance) Proven(target string) bool {
	return i.Running() && version.Reached(i.CurrentKernelVersion, target)
}

// Has reports whether the instance has all of the tags.
func (i Instance) Has(tags map[string]string) bool {
	for key, want := range tags {
		if value, found := i.Tags[key]; !found || value != want {
			return false
		}
	}
	return true
}

// first returns the first for which a condition holds, if there is one.
func first[T any](all []T, is func(T) bool) (found T, ok bool) {
	if n := slices.IndexFunc(all, is); n >= 0 {
		return all[n], true
	}
	return found, false
}

// Call has the parameters of one call of UpgradeDBInstanceKernelVersion, and the region to which it goes.
type Call struct {
	DBInstanceID, RegionID string
	TargetMinorVersion     string    // as RDS lists it; empty: the latest one
	UpgradeTime            string    // Immediate, MaintainTime or SpecifyTime
	SwitchTime             time.Time // with SpecifyTime only
}

// Acceptance is what RDS answers to a call that it accepts.
type Acceptance struct {
	RequestID, DBInstanceName, TaskID, TargetMinorVersion string
}
