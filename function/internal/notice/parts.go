package notice

import (
	"strconv"

	"rds-kernel-upgrade/function/internal/plan"
)

// maxSize bounds a notification, in bytes. MNS takes 64 KB; what is left is for the number of the part and for what the SDK adds.
const maxSize = 60_000

// inParts returns a notification with a list, in as many parts as it takes. All of them have what the head has, and each item stands in one.
func inParts[T any](head Notification, items []T, with func(Data, []T) Data) []Notification {
	head.Data = with(head.Data, []T{})
	lists := split(items, maxSize-jsonSize(head))
	all := make([]Notification, 0, len(lists))
	for n, list := range lists {
		part := head
		part.Data = with(part.Data, list)
		if len(lists) > 1 {
			part.Data.Part, part.Data.Parts = n+1, len(lists)
		}
		if n > 0 {
			part.ID = plan.Digest(head.Data.Rollout, "", string(head.Data.Status), "part "+strconv.Itoa(n+1))
		}
		all = append(all, part)
	}
	return all
}

// split cuts a list between items, so that no part has more bytes than there is room for. There is always one part, even if it is empty.
func split[T any](items []T, room int) [][]T {
	parts := [][]T{{}}
	size := 0
	for _, item := range items {
		last := len(parts) - 1
		more := jsonSize(item) + 1
		if size += more; size > room && len(parts[last]) > 0 {
			parts, size, last = append(parts, nil), more, last+1
		}
		parts[last] = append(parts[last], item)
	}
	return parts
}

func (d Data) withInstances(list []Entry) Data {
	d.Instances = list
	return d
}

func (d Data) withRollouts(list []Progress) Data {
	d.Rollouts = list
	return d
}
