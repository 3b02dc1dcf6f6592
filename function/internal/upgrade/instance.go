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

	// Type is DBInstanceType: Primary, Readonly, Guard or Temp. A replica has the id of its primary, a primary those of its replicas.
	Type, Category, ResourceGroupID string
	PrimaryID                       string
	ReplicaIDs                      []string
	// Replicas are those of its replicas that were not selected, as they were read.
	Replicas []Instance
	// Listed says that only the listing was read, which has no kernel version and no maintenance window.
	Listed bool
	// Tags are the instance's own, the claim among them.
	Tags map[string]string

	// Claim is what this function has written on the instance, nil if nothing.
	Claim *Claim
	// ClaimFault is set when the claim tag holds something that this function did not write.
	ClaimFault error
	// Offers are the versions that the API offers for it. They are looked up only for a request that names one.
	Offers []Offer
	// Fault says why the instance could not be looked at; the rest is then empty but for ID and RegionID.
	Fault *fault.Error
	// TaskSeen says that the API knows of a task that began after the claim, and TasksAsked that it was asked and has answered. It is
	// asked only about a claim whose call has an unknown outcome.
	TaskSeen, TasksAsked bool
}

// ARN names the instance, as the subject of its notifications.
func (i Instance) ARN(account string) string {
	return fmt.Sprintf("acs:rds:%s:%s:dbinstance/%s", i.RegionID, account, i.ID)
}

// Offer is a kernel version that the API offers for an instance.
type Offer struct {
	Version               string
	Community             string // the community version that it is built from; PostgreSQL only
	Online, Beta, Expired bool
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

// supported tells whether the upgrade call is documented for the instance: MySQL, and PostgreSQL on cloud disks (on local disks it
// upgrades itself at a restart).
func (i Instance) supported() bool {
	switch i.Engine {
	case "MySQL":
		return true
	case "PostgreSQL":
		return strings.HasPrefix(i.StorageType, "cloud_")
	default:
		return false
	}
}

// proven is the one definition of a finished upgrade. An accepted call is not an upgrade, and neither is a status alone.
func (i Instance) proven(target string) bool {
	return i.running() && version.Reached(i.CurrentKernelVersion, target)
}
