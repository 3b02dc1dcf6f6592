package fleet

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"

	"rds-kernel-upgrade/local/fakerds"
)

// draw draws one instance after the other.
type draw struct {
	*rand.Rand
	ids    map[string]bool
	lines  []line
	region string
}

// share is how often a value is drawn beside the others.
type share struct {
	value string
	of    int
}

func (d *draw) pick(shares ...share) string {
	return shares[d.place(len(shares), func(n int) int { return shares[n].of })].value
}

// line draws what is sold, as often as it is.
func (d *draw) line() line {
	return d.lines[d.place(len(d.lines), func(n int) int { return d.lines[n].share })]
}

// place draws one of several places, each as often as its share says.
func (d *draw) place(places int, share func(int) int) int {
	sum := 0
	for n := range places {
		sum += share(n)
	}
	n, at := 0, d.IntN(sum)
	for ; at >= share(n); n++ {
		at -= share(n)
	}
	return n
}

// primary draws an instance that is nobody's replica.
func (d *draw) primary(n int) fakerds.Instance {
	l := d.line()
	team := d.pick(share{"orders", 3}, share{"payments", 2}, share{"search", 2}, share{"accounts", 2}, share{"reports", 1})
	env := d.pick(share{"prod", 6}, share{"staging", 2}, share{"dev", 2})
	i := fakerds.Instance{
		DBInstanceID: d.id(l.engine, false), DBInstanceDescription: fmt.Sprintf("%s-%s-%d", team, env, n+1),
		RegionID: d.where(), Engine: l.engine, EngineVersion: l.version, Category: l.edition, DBInstanceStorageType: d.storage(l.engine),
		AutoUpgradeMinorVersion: d.pick(share{"Manual", 7}, share{"Auto", 3}),
		PayType:                 d.pick(share{"Prepaid", 7}, share{"Postpaid", 3}),
		MaintainTime:            d.pick(share{"18:00Z-22:00Z", 6}, share{"17:00Z-18:00Z", 2}, share{"22:00Z-02:00Z", 2}),
		CreationTime:            d.created(), ResourceGroupID: "rg-acfm" + team, Tags: d.tags(team, env),
	}
	i.ZoneID = i.RegionID + d.pick(share{"-h", 3}, share{"-i", 2}, share{"-j", 1})
	d.version(&i, l)
	d.state(&i)
	return i
}

func (d *draw) where() string {
	if d.region != "" {
		return d.region
	}
	return d.pick(share{"cn-hangzhou", 40}, share{"cn-shanghai", 20}, share{"cn-beijing", 15}, share{"cn-shenzhen", 10},
		share{"ap-southeast-1", 10}, share{"eu-central-1", 5})
}

// storage gives PostgreSQL local disks now and then: there a restart upgrades it, and the call does not.
func (d *draw) storage(engine string) string {
	if engine == "PostgreSQL" {
		return d.pick(share{"cloud_essd", 7}, share{"cloud_essd2", 2}, share{"local_ssd", 1})
	}
	return d.pick(share{"cloud_essd", 6}, share{"cloud_ssd", 1}, share{"local_ssd", 3})
}

func (d *draw) tags(team, env string) map[string]string {
	tags := map[string]string{"env": env, "team": team}
	if d.IntN(4) > 0 {
		tags["kernel-upgrade"] = "auto"
	}
	return tags
}

// version lets two of five run the latest, two the one before, and the rest an older one.
func (d *draw) version(i *fakerds.Instance, l line) {
	latest := l.latest()
	if latest < 0 {
		return
	}
	behind := 0
	switch at := d.IntN(5); {
	case at >= 4:
		behind = 1 + d.IntN(latest)
	case at >= 2:
		behind = 1
	}
	i.CurrentKernelVersion, i.LatestKernelVersion = l.kernels[latest-behind], l.kernels[latest]
}

// state lets few be busy, stopped or locked.
func (d *draw) state(i *fakerds.Instance) {
	i.DBInstanceStatus = d.pick(share{"Running", 95}, share{"Stopped", 2}, share{"Rebooting", 1}, share{"DBInstanceClassChanging", 1}, share{"Restoring", 1})
	i.LockMode = d.pick(share{"Unlock", 97}, share{"LockByDiskQuota", 1}, share{"LockByExpiration", 1}, share{"ManualLock", 1})
}

func (d *draw) created() string {
	first := time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC)
	return first.Add(time.Duration(d.IntN(6*365*24)) * time.Hour).Format(time.RFC3339)
}

// replicas draws how many read-only instances a primary has: most have none, and local disks and Basic editions never do.
func (d *draw) replicas(primary fakerds.Instance) int {
	if primary.Engine == "MariaDB" || primary.Category != "HighAvailability" || strings.HasPrefix(primary.DBInstanceStorageType, "local") || d.IntN(8) > 0 {
		return 0
	}
	return 1 + d.IntN(3)
}

// replica draws a read-only instance. It may run another version than its primary, and be in another state.
func (d *draw) replica(primary fakerds.Instance, n int) fakerds.Instance {
	i := primary
	i.DBInstanceID, i.MasterInstanceID = d.id(primary.Engine, true), primary.DBInstanceID
	i.DBInstanceDescription = fmt.Sprintf("%s-read-%d", primary.DBInstanceDescription, n+1)
	i.Tags = maps.Clone(primary.Tags)
	for _, l := range d.lines {
		if l.engine == i.Engine && l.version == i.EngineVersion && l.edition == i.Category {
			d.version(&i, l)
		}
	}
	d.state(&i)
	return i
}

// id has the form of RDS's own.
func (d *draw) id(engine string, replica bool) string {
	family, role := "r", "m-"
	if engine == "PostgreSQL" {
		family = "pg"
	}
	if replica {
		role = "r-"
	}
	const letters = "0123456789abcdefghijklmnopqrstuvwxyz"
	for {
		id := []byte(family + role + "bp1")
		for range 13 {
			id = append(id, letters[d.IntN(len(letters))])
		}
		if !d.ids[string(id)] {
			d.ids[string(id)] = true
			return string(id)
		}
	}
}
