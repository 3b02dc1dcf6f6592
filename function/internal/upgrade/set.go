package upgrade

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"slices"
)

// place is an instance's place in the order in which rollouts take instances: the hash of its id, so that the order is always the
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

// Set is a set of instances that fits into a message: about four bytes for each of ten thousand, by their places. Two ids may have one place,
// once in four thousand million, so what is in a set is looked at before it is believed.
type Set []uint32

// Add puts an instance in.
func (s *Set) Add(id string) {
	at, found := slices.BinarySearch(*s, place(id))
	if !found {
		*s = slices.Insert(*s, at, place(id))
	}
}

// Has tells whether an instance is in.
func (s Set) Has(id string) bool {
	_, found := slices.BinarySearch(s, place(id))
	return found
}

// MarshalText writes the distances between neighbours.
func (s Set) MarshalText() ([]byte, error) {
	var raw []byte
	last := uint32(0)
	for _, at := range s {
		raw = binary.AppendUvarint(raw, uint64(at-last))
		last = at
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText reads what MarshalText writes.
func (s *Set) UnmarshalText(text []byte) error {
	raw, err := base64.StdEncoding.AppendDecode(nil, text)
	last := uint64(0)
	for *s = nil; err == nil && len(raw) > 0; {
		distance, n := binary.Uvarint(raw)
		if last += distance; n <= 0 || distance > 1<<32-1 || last > 1<<32-1 || distance == 0 && len(*s) > 0 {
			return fmt.Errorf("%d bytes that are no set of instances", len(raw))
		}
		*s, raw = append(*s, uint32(last)), raw[n:]
	}
	return err
}
