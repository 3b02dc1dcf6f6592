package fakerds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// record is an instance and the upgrades that were accepted for it, oldest first.
type record struct {
	Instance
	jobs  []*job
	place int // in the order of the fleet
}

type fleetFile struct {
	Instances []Instance    `json:"instances"`
	Versions  []MiniVersion `json:"versions"`
}

// Load adds the instances and versions of a fleet file:
//
//	{"instances":[{"DBInstanceId":"rm-1", …, "upgrade":{"takes":"3s","silent":true}}], "versions":[{"MinorVersion":"rds_20260228", …}]}
//
// Names are those of the API, and in "upgrade" those of Upgrade: takes, status, silent, fails, reason, refuse, nextWindow, scheduled.
// Unknown names, wrong values and an id that stands there twice are errors; then nothing is added.
func (s *Server) Load(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	var file fleetFile
	if err := strict(text, &file); err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	seen := map[string]bool{}
	for _, i := range file.Instances {
		if err := i.validate(); err != nil {
			return fmt.Errorf("fleet: %w", err)
		}
		if seen[i.DBInstanceID] {
			return fmt.Errorf("fleet: %s stands there twice", i.DBInstanceID)
		}
		seen[i.DBInstanceID] = true
	}
	s.AddVersion(file.Versions...)
	s.Add(file.Instances...)
	return nil
}

// strict decodes one JSON value that has no unknown names and nothing behind it.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// Add puts instances into the fleet, in place of those with the same id. A primary and its replicas are
// linked when one of them names the other. An instance whose LatestKernelVersion is not among the
// versions brings its current and latest version along. Add panics on what Load would refuse.
func (s *Server) Add(instances ...Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range instances {
		if err := i.validate(); err != nil {
			panic("fakerds: " + err.Error())
		}
		i = i.withDefaults(s.options)
		s.fleet.put(i)
		s.bringVersions(i)
		s.scheduleInConsole(s.fleet.byID[i.DBInstanceID])
	}
	for _, i := range instances {
		s.link(i)
	}
}

// link makes a primary and its replicas know each other, whichever of them names the other.
func (s *Server) link(i Instance) {
	primary := s.fleet.byID[i.MasterInstanceID]
	if primary != nil && !slices.Contains(primary.ReadOnlyDBInstanceIDs, i.DBInstanceID) {
		primary.ReadOnlyDBInstanceIDs = append(primary.ReadOnlyDBInstanceIDs, i.DBInstanceID)
	}
	for _, id := range i.ReadOnlyDBInstanceIDs {
		if replica := s.fleet.byID[id]; replica != nil && replica.MasterInstanceID == "" {
			replica.MasterInstanceID, replica.DBInstanceType = i.DBInstanceID, "Readonly"
		}
	}
}

// Remove takes instances out of the fleet.
func (s *Server) Remove(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.fleet.remove(id)
	}
}

// Instance gives an instance as it is now.
func (s *Server) Instance(id string) (Instance, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.fleet.byID[id]
	if found == nil {
		return Instance{}, false
	}
	s.settle(found, s.options.Now())
	return found.clone(), true
}

// Instances gives the whole fleet as it is now, in the order in which it was added.
func (s *Server) Instances() []Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Instance, 0, len(s.fleet.all))
	for _, r := range s.fleet.all {
		s.settle(r, s.options.Now())
		all = append(all, r.clone())
	}
	return all
}

// Update changes an instance behind the API's back, and tells whether there is one. The id stays. The change must
// not call the Server.
func (s *Server) Update(id string, change func(*Instance)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.fleet.byID[id]
	if found == nil {
		return false
	}
	s.settle(found, s.options.Now())
	s.fleet.change(found, change)
	return true
}

// lookup finds the instance that a request is about. One in another region than the request's is not found.
func (s *Server) lookup(q query, id string) *record {
	found := s.fleet.byID[id]
	if found == nil || !found.in(q.endpoint()) {
		return nil
	}
	s.settle(found, q.now)
	return found
}

// in tells whether an instance is of a region; each is of "".
func (i Instance) in(region string) bool { return region == "" || region == i.RegionID }
