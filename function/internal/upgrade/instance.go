package upgrade

import (
	"fmt"
	"slices"
	"strings"

	"rds-kernel-upgrade/function/internal/fault"
	"rds-kernel-upgrade/function/internal/version"
)

// Instance is what was seen of one RDS instance in one run. The fields have RDS's names and meanings.
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
	// Replicas are those of its replicas that were not selected, or that nothing but their primary needs to know of, as they were read.
	Replicas []Instance
	// Listed says that only the listing was read, which has no kernel version and no maintenance window.
	Listed bool
	// Tags are the instance's own, the claim among them.
	Tags map[string]string

	// Claim is what this function has written on the instance, nil if nothing.
	Claim *Claim
	// ClaimFault is set when the claim tag holds something that this function did not write.
	ClaimFault error
	// Offers are the versions that the API lists for its kind. Unlisted is how many more there are, that the API counts and does not list.
	Offers   []Offer
	Unlisted int
	// Fault says why the instance could not be looked at; the rest is then empty but for ID and RegionID.
	Fault *fault.Error
	// Tasks are the tasks of the instance that RDS knows of. They are asked for only where a call is about to be made or may have been
	// made; TasksAsked says that RDS was asked and has answered.
	Tasks      []Task
	TasksAsked bool
}

// ARN names the instance, as the subject of its notifications.
func (i Instance) ARN(account string) string {
	return fmt.Sprintf("acs:rds:%s:%s:dbinstance/%s", i.RegionID, account, i.ID)
}

// Offer is a kernel version that the API lists for a kind of instance.
type Offer struct {
	Version               string
	Community             string // the community version that it is built from, where the API says it
	Online, Beta, Expired bool
}

// Kind is what RDS lists the same versions for. A kind that RDS has no words for is one instance, DBInstanceID.
type Kind struct {
	RegionID, Engine, EngineVersion, NodeType, StorageType string
	DBInstanceID                                           string
}

// The words that DescribeDBMiniEngineVersions has for kinds of instances.
var (
	nodeTypes    = []string{"Basic", "HighAvailability", "cluster", "Finance"}
	storageTypes = []string{"local_ssd", "general_essd", "cloud_ssd", "cloud_essd", "cloud_essd2", "cloud_essd3"}
)

// listedAs returns the kind by which the versions for an instance are listed. The list for one PostgreSQL instance has only versions
// above its own, so it is never another's.
func (i Instance) listedAs() Kind {
	if !slices.Contains(nodeTypes, i.Category) || !slices.Contains(storageTypes, i.StorageType) {
		return Kind{RegionID: i.RegionID, DBInstanceID: i.ID}
	}
	return Kind{RegionID: i.RegionID, Engine: i.Engine, EngineVersion: i.EngineVersion, NodeType: i.Category, StorageType: i.StorageType}
}

// Filter says which instances a listing is to give. What is empty filters nothing.
type Filter struct {
	Engine, ResourceGroupID string
	Tags                    map[string]string // at most 5 pairs
}

// statusRunning is the only status in which an instance takes the call, and the only one in which an upgrade is done.
const statusRunning = "Running"

// resting are the statuses that do not pass by themselves, or end with the instance gone. Every other one but Running is
// work in progress: which status a kernel upgrade shows is not documented, so no single name is matched.
var resting = []string{"Stopped", "Stopping", "Creating", "Deleting", "Released"}

func (i Instance) running() bool { return i.Status == statusRunning }

func (i Instance) resting() bool { return slices.Contains(resting, i.Status) }

func (i Instance) locked() bool { return i.LockMode != "" && i.LockMode != "Unlock" }

// supported reports whether the upgrade call is documented for the instance: MySQL, and PostgreSQL on any disk that is not local (on local
// disks it upgrades itself at a restart).
func (i Instance) supported() bool {
	switch i.Engine {
	case "MySQL":
		return true
	case postgreSQL:
		return !slices.ContainsFunc(localDisks, func(prefix string) bool { return strings.HasPrefix(i.StorageType, prefix) })
	default:
		return false
	}
}

var localDisks = []string{"local", "ephemeral"}

// takesReplicasAlong reports whether an upgrade of the instance restarts its read-only instances, all that are below its target, before
// it. RDS documents it for PostgreSQL on cloud disks.
func (i Instance) takesReplicasAlong() bool { return i.Engine == postgreSQL && len(i.ReplicaIDs) > 0 }

// proven is the one definition of a finished upgrade. An accepted call is not an upgrade, and neither is a status alone.
func (i Instance) proven(target string) bool {
	return i.running() && version.Reached(i.CurrentKernelVersion, target)
}
