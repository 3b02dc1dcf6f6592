package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// ZoneFolder holds the time zones in the package. Whether the image of the go1 runtime has a time zone database is not documented.
const ZoneFolder = "zoneinfo"

// Zones gives the time zones that a policy names in its windows, each once and in the order of their names. It checks nothing else
// of the policy. A zone that is left out means UTC, which needs no file.
func Zones(policy []byte) ([]string, error) {
	var document map[string]any
	if err := yaml.Unmarshal(policy, &document); err != nil {
		return nil, fmt.Errorf("pack: the policy: %w", err)
	}
	names := map[string]bool{}
	gather(document["windows"], names)
	return slices.Sorted(maps.Keys(names)), nil
}

// gather collects the values of every key "zone", at whatever depth.
func gather(value any, names map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		if zone, _ := v["zone"].(string); zone != "" {
			names[zone] = true
		}
		for _, child := range v {
			gather(child, names)
		}
	case []any:
		for _, child := range v {
			gather(child, names)
		}
	}
}

// ZoneFiles gives the files of these zones, each from the first database that has it.
func ZoneFiles(zones []string, databases ...fs.FS) ([]File, error) {
	var files []File
	var errs []error
	for _, zone := range zones {
		data, err := readZone(zone, databases)
		if err != nil {
			errs = append(errs, fmt.Errorf("pack: time zone %q: %w", zone, err))
			continue
		}
		files = append(files, File{Name: path.Join(ZoneFolder, zone), Data: data})
	}
	return files, errors.Join(errs...)
}

func readZone(zone string, databases []fs.FS) ([]byte, error) {
	if !fs.ValidPath(zone) || zone == "." || strings.Contains(zone, `\`) {
		return nil, errors.New("want a name of the IANA time zone database, such as Asia/Shanghai")
	}
	for _, database := range databases {
		data, err := fs.ReadFile(database, zone)
		if errors.Is(err, fs.ErrNotExist) || isFolder(database, zone) {
			continue
		}
		if err == nil {
			_, err = time.LoadLocationFromTZData(zone, data) // a database has other files, too
		}
		return data, err
	}
	return nil, errors.New("the IANA time zone database has no such zone: want a name such as Asia/Shanghai or Europe/Berlin, in the database's own spelling")
}

// isFolder is for "Asia", which is in every database.
func isFolder(database fs.FS, name string) bool {
	info, err := fs.Stat(database, name)
	return err == nil && info.IsDir()
}
