package faults_test

import (
	"testing"

	"rds-kernel-upgrade/local/faults"
)

// FuzzParse holds that a fault that is read is written in a form that is read as the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"*=latency:50ms", "A=throttle:3", "A=5xx", "=:", "A=B=C:1", "A=hang:9223372036854775808", "A=latency:-1s", "\x00=empty200"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fault, err := faults.Parse(text)
		if err != nil {
			if fault != (faults.Fault{}) {
				t.Errorf("%q gives %+v besides %v", text, fault, err)
			}
			return
		}
		if again, err := faults.Parse(fault.String()); err != nil || again != fault {
			t.Errorf("%q is %+v, but %q is %+v, %v", text, fault, fault, again, err)
		}
	})
}
