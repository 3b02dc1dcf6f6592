package plan

import "hash/fnv"

// place returns an instance's place in the order in which rollouts take instances: the hash of its id, so that the order is always the
// same and favours no name.
func place(id string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	// FNV's last byte hardly reaches the upper bits: ids that differ in it only would stay neighbours.
	x := h.Sum32()
	x = (x ^ x>>16) * 0x85ebca6b
	x = (x ^ x>>13) * 0xc2b2ae35
	return x ^ x>>16
}
