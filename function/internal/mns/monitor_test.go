package mns_test

import (
	"reflect"
	"strings"
	"testing"

	ali_mns "github.com/aliyun/aliyun-mns-go-sdk"
)

// The SDK's topic objects count their calls, and above 2,000 a second they sleep, for any time and whatever the context says. It would take
// 8,000 calls to see that; that no counter is kept after a call can be seen at once.
func TestNoRateMonitorOutlivesACall(t *testing.T) {
	t.Parallel()
	s := serve(t, reply(201, accepted))
	_, err := publish(t.Context(), s.client)
	must(t, err)
	if monitors := find(reflect.TypeFor[ali_mns.QPSMonitor](), reflect.ValueOf(s.client), map[uintptr]bool{}); monitors != 0 {
		t.Errorf("the client keeps %d rate monitors", monitors)
	}
	kept := struct{ topic ali_mns.AliMNSTopic }{ali_mns.NewMNSTopic("news", nil)}
	if find(reflect.TypeFor[ali_mns.QPSMonitor](), reflect.ValueOf(kept), map[uintptr]bool{}) != 1 {
		t.Error("the search does not find the monitor of a topic that is kept")
	}
}

// find counts the values of a type that can be reached from v through types of ours and of the SDK.
func find(wanted reflect.Type, v reflect.Value, seen map[uintptr]bool) int {
	count := 0
	switch v.Kind() {
	case reflect.Interface:
		return find(wanted, v.Elem(), seen)
	case reflect.Pointer:
		if v.IsNil() || seen[v.Pointer()] {
			return 0
		}
		seen[v.Pointer()] = true
		return find(wanted, v.Elem(), seen)
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			count += find(wanted, entries.Value(), seen)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			count += find(wanted, v.Index(i), seen)
		}
	case reflect.Struct:
		if v.Type() == wanted {
			return 1
		}
		for i := range v.NumField() {
			if path := v.Type().PkgPath(); path == "" || strings.Contains(path, "mns") {
				count += find(wanted, v.Field(i), seen)
			}
		}
	}
	return count
}
