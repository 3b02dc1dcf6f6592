package fakerds

import "rds-kernel-upgrade/local/acs3"

// describeAttribute is DescribeDBInstanceAttribute, for one instance.
func (s *Server) describeAttribute(q query) (document, *acs3.Refusal) {
	items := []document{}
	r := s.lookup(q, q.get("DBInstanceId"))
	switch {
	case r != nil:
		items = append(items, r.attributes())
	case !s.options.MissingIsEmpty:
		return nil, q.refuse("InvalidDBInstanceName.NotFound")
	}
	return document{{"Items", document{{"DBInstanceAttribute", items}}}}, nil
}

func (i Instance) attributes() document {
	return document{
		{"DBInstanceId", i.DBInstanceID},
		{"DBInstanceDescription", i.DBInstanceDescription},
		{"RegionId", i.RegionID},
		{"ZoneId", i.ZoneID},
		{"Engine", i.Engine},
		{"EngineVersion", i.EngineVersion},
		{"DBInstanceStatus", i.DBInstanceStatus},
		{"DBInstanceType", i.DBInstanceType},
		{"Category", i.Category},
		{"DBInstanceStorageType", i.DBInstanceStorageType},
		{"CurrentKernelVersion", i.CurrentKernelVersion},
		{"LatestKernelVersion", i.LatestKernelVersion},
		{"AutoUpgradeMinorVersion", i.AutoUpgradeMinorVersion},
		{"MaintainTime", i.MaintainTime},
		{"LockMode", i.LockMode},
		{"LockReason", i.LockReason},
		{"PayType", i.PayType},
		{"ExpireTime", ""},
		{"CreationTime", i.CreationTime},
		{"MasterInstanceId", i.MasterInstanceID},
		{"IncrementSourceDBInstanceId", i.MasterInstanceID},
		{"GuardDBInstanceId", ""},
		{"ReadOnlyDBInstanceIds", i.replicas()},
		{"DeletionProtection", false},
		{"ResourceGroupId", i.ResourceGroupID},
	}
}

// replicas has the nesting that both actions use for the ids of read-only instances.
func (i Instance) replicas() document {
	ids := []document{}
	for _, id := range i.ReadOnlyDBInstanceIDs {
		ids = append(ids, document{{"DBInstanceId", id}})
	}
	return document{{"ReadOnlyDBInstanceId", ids}}
}
