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
		return nil, q.refuse("InvalidDBInstanceName.NotFound")
	}
	if code := r.notUpgradable(); code != "" {
		return nil, q.refuse(code)
	}
	target, code := s.target(r.Instance, q.get("TargetMinorVersion"))
	if code != "" {
		return nil, q.refuse(code)
	}
	j := s.add(r, target, q.now, begins(q, r.Instance))
	s.settle(r, q.now)
	q.call.Accepted = true
	return document{
		{"DBInstanceName", r.DBInstanceID},
		{"TaskId", s.taskID(j.id)},
		{"TargetMinorVersion", target},
	}, nil
}

// checkTimes refuses, with UpgradeTime=SpecifyTime, a SwitchTime that is absent, malformed or past. With any other UpgradeTime a
// SwitchTime is documented to have no effect, whatever it is.
func checkTimes(q query) *acs3.Refusal {
	if q.get("UpgradeTime") != "SpecifyTime" {
		return nil
	}
	if q.get("SwitchTime") == "" {
		return q.refuse("RequiredParam.NotFound")
	}
	at, err := time.Parse(acs3.TimeFormat, q.get("SwitchTime"))
	if err != nil || at.Before(q.now) {
		return q.invalid("SwitchTime")
	}
	return nil
}

// notUpgradable returns the code with which any upgrade of the instance is refused now, or "".
//
//	refuse set                                  → that code
//	MariaDB                                     → EngineNotSupported
//	PostgreSQL on local disks                   → EngineNotSupported (a restart upgrades it)
//	SQL Server other than 2019                  → EngineNotSupported
//	locked                                      → IncorrectDBInstanceLockMode
//	not Running, or an upgrade is under way     → IncorrectDBInstanceState
//	an upgrade is scheduled                     → TaskExists
//	no version known                            → InstanceMissingMinorVersionAttr
func (r *record) notUpgradable() string {
	pending := r.pending()
	switch {
	case r.Upgrade.Refuse != "":
		return r.Upgrade.Refuse
	case !r.supportsUpgrade():
		return "EngineNotSupported"
	case r.LockMode != unlocked:
		return "IncorrectDBInstanceLockMode"
	case r.DBInstanceStatus != running, pending != nil && pending.begun:
		return "IncorrectDBInstanceState"
	case pending != nil:
		return "TaskExists"
	case r.CurrentKernelVersion == "":
		return "InstanceMissingMinorVersionAttr"
	}
	return ""
}

func (i Instance) supportsUpgrade() bool {
	switch i.Engine {
	case "MySQL":
		return true
	case "PostgreSQL":
		return !i.onLocalDisks()
	case "SQLServer":
		return strings.HasPrefix(i.EngineVersion, "2019")
	default:
		return false
	}
}

// target returns the version that an upgrade leads to, in the form in which it is offered: the one asked for, if the instance can have
// it, or the latest. Otherwise it returns the code of the refusal.
func (s *Server) target(i Instance, asked string) (version, code string) {
	if asked == "" {
		asked = i.LatestKernelVersion
	}
	order, comparable := compareVersions(asked, i.CurrentKernelVersion)
	offer := s.known(i, asked)
	switch {
	case sameBuild(asked, i.CurrentKernelVersion):
		return "", "InvalidMinorVersionAlreadyLatest"
	case !comparable || offer == nil || offer.StatusDesc != online:
		return "", "InvalidMinorVerison.NotFound"
	case order < 0:
		return "", "InvalidMinorVersionLowerThanInstance"
	}
	return offer.MinorVersion, ""
}

// begins returns when the upgrade that a request asks for begins.
func begins(q query, i Instance) time.Time {
	switch q.get("UpgradeTime") {
	case "MaintainTime":
		w, err := parseWindow(i.MaintainTime)
		switch {
		case err != nil:
			return q.now
		case i.Upgrade.NextWindow:
			return w.nextOpening(q.now)
		default:
			return w.next(q.now)
		}
	case "SpecifyTime":
		at, _ := time.Parse(acs3.TimeFormat, q.get("SwitchTime")) // checkTimes has parsed it before
		return at
	default:
		return q.now
	}
}

func (s *Server) taskID(id int) any {
	if s.options.NumericTaskID {
		return id
	}
	return strconv.Itoa(id)
}
