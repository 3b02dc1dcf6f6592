package fakerds

import (
	"strconv"
	"strings"
	"time"

	"rds-kernel-upgrade/local/acs3"
)

// upgradeKernel is UpgradeDBInstanceKernelVersion.
func (s *Server) upgradeKernel(q query) (document, *acs3.Refusal) {
	if refusal := checkTimes(q); refusal != nil {
		return nil, refusal
	}
	r := s.lookup(q, q.get("DBInstanceId"))
	if r == nil {
		return nil, refuse("InvalidDBInstanceId.NotFound")
	}
	if refusal := r.upgradable(); refusal != nil {
		return nil, refusal
	}
	target, refusal := s.target(r.Instance, q.get("TargetMinorVersion"))
	if refusal != nil {
		return nil, refusal
	}
	j := s.schedule(r, target, q)
	r.settle(q.now)
	q.call.Accepted = true
	return document{
		{"DBInstanceName", r.DBInstanceID},
		{"TaskId", s.taskID(j.id)},
		{"TargetMinorVersion", target},
	}, nil
}

// checkTimes refuses an UpgradeTime that is not one of the three, and with SpecifyTime a SwitchTime that is absent,
// malformed or past. With any other UpgradeTime a SwitchTime is documented to have no effect, whatever it is.
func checkTimes(q query) *acs3.Refusal {
	switch q.get("UpgradeTime") {
	case "", "Immediate", "MaintainTime":
		return nil
	case "SpecifyTime":
	default:
		return invalid("UpgradeTime")
	}
	if q.get("SwitchTime") == "" {
		return missing("SwitchTime")
	}
	at, err := time.Parse(acs3.TimeFormat, q.get("SwitchTime"))
	if err != nil || at.Before(q.now) {
		return invalid("SwitchTime")
	}
	return nil
}

// upgradable says whether the instance can be upgraded at all, now.
//
//	refuse set                                  → that code
//	MariaDB                                     → EngineNotSupported
//	PostgreSQL on local disks                   → EngineNotSupported (a restart upgrades it)
//	SQL Server other than 2019                  → EngineNotSupported
//	locked                                      → IncorrectDBInstanceLockMode
//	not Running, or an upgrade is under way     → IncorrectDBInstanceState
//	an upgrade is scheduled                     → InvalidEVENT
//	no version known                            → InstanceMissingMinorVersionAttr
func (r *record) upgradable() *acs3.Refusal {
	pending := r.pending()
	switch {
	case r.Upgrade.Refuse != "":
		return refuse(r.Upgrade.Refuse)
	case !r.supportsUpgrade():
		return refuse("EngineNotSupported")
	case r.LockMode != unlocked:
		return refuse("IncorrectDBInstanceLockMode")
	case r.DBInstanceStatus != running, pending != nil && pending.begun:
		return refuse("IncorrectDBInstanceState")
	case pending != nil:
		return refuse("InvalidEVENT")
	case r.CurrentKernelVersion == "":
		return refuse("InstanceMissingMinorVersionAttr")
	}
	return nil
}

func (i Instance) supportsUpgrade() bool {
	switch i.Engine {
	case "MySQL":
		return true
	case "PostgreSQL":
		return !strings.HasPrefix(i.DBInstanceStorageType, "local")
	case "SQLServer":
		return strings.HasPrefix(i.EngineVersion, "2019")
	default:
		return false
	}
}

// target is the version that an upgrade leads to: the one asked for, if the instance can have it, or the latest.
func (s *Server) target(i Instance, asked string) (string, *acs3.Refusal) {
	version := asked
	if asked == "" {
		version = i.LatestKernelVersion
	}
	order, comparable := compareVersions(version, i.CurrentKernelVersion)
	switch {
	case version == i.CurrentKernelVersion:
		return "", refuse("InvalidMinorVersionAlreadyLatest")
	case !comparable || !s.offered(i, version):
		return "", refuse("InvalidMinorVerison.NotFound")
	case order < 0:
		return "", refuse("InvalidMinorVersionLowerThanInstance")
	}
	return version, nil
}

// schedule makes the job that the request asks for.
func (s *Server) schedule(r *record, target string, q query) *job {
	s.lastTask++
	j := &job{id: s.lastTask, target: target, accepted: q.now, start: q.now, upgrade: r.Upgrade}
	switch q.get("UpgradeTime") {
	case "MaintainTime":
		if w, err := parseWindow(r.MaintainTime); err == nil {
			j.start = w.next(q.now)
		}
	case "SpecifyTime":
		j.start, _ = time.Parse(acs3.TimeFormat, q.get("SwitchTime")) // checkTimes has parsed it before
	}
	if j.upgrade.Takes == 0 {
		j.upgrade.Takes = s.options.UpgradeTakes
	}
	setDefault(&j.upgrade.Status, s.options.UpgradingStatus)
	j.end = j.start.Add(j.upgrade.Takes)
	r.jobs = append(r.jobs, j)
	return j
}

func (s *Server) taskID(id int) any {
	if s.options.NumericTaskID {
		return id
	}
	return strconv.Itoa(id)
}
