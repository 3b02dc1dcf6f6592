package fakemns

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// maxPage is the largest page of a list, and the size of one that is not asked for.
const maxPage = 1000

func (q *request) withMeta() bool { return strings.EqualFold(q.header("x-mns-with-meta"), "true") }

// page cuts one page out of a list, as its headers ask, in the order of the names. The marker of the next page is
// the first name that did not fit.
func page[T any](q *request, all map[string]T) (names []string, next string, err error) {
	size := maxPage
	if sent := q.header("x-mns-ret-number"); sent != "" {
		if size, err = strconv.Atoi(sent); err != nil || size < 1 || size > maxPage {
			return nil, "", outOfRange("x-mns-ret-number", 1, maxPage, "")
		}
	}
	marker, prefix := q.header("x-mns-marker"), q.header("x-mns-prefix")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if name < marker || !strings.HasPrefix(name, prefix) {
			continue
		}
		if len(names) == size {
			return names, name, nil
		}
		names = append(names, name)
	}
	return names, "", nil
}
