package pack_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/pack"
)

func files() []pack.File {
	random := rand.New(rand.NewPCG(1, 2)) // a binary does not compress to nothing
	binary := make([]byte, 300_000)
	for i := range binary {
		binary[i] = byte(random.UintN(16))
	}
	return []pack.File{{Name: pack.Handler, Data: binary}, {Name: "policy.yaml", Data: []byte("mode: apply\n")}}
}

func write(t *testing.T, files ...pack.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pack.Write(&b, files...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	f := files()
	first := write(t, f...)
	if !bytes.Equal(first, write(t, f...)) {
		t.Error("two runs differ")
	}
	if !bytes.Equal(first, write(t, f[1], f[0])) {
		t.Error("the order of the files matters")
	}
	f[1].Data = []byte("mode: plan\n")
	if bytes.Equal(first, write(t, f...)) {
		t.Error("another policy gives the same package")
	}
}

func TestThePackageUnpacksToWhatFunctionComputeStarts(t *testing.T) {
	t.Parallel()
	in := files()
	type entry struct {
		Name string
		Mode fs.FileMode
		Time time.Time
		Data string
	}
	epoch := time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)
	want := []entry{
		{"main", 0o755, epoch, string(in[0].Data)},
		{"policy.yaml", 0o644, epoch, string(in[1].Data)},
	}
	text := write(t, in[1], in[0])
	archive, err := zip.NewReader(bytes.NewReader(text), int64(len(text)))
	if err != nil {
		t.Fatal(err)
	}
	var got []entry
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, entry{f.Name, f.Mode(), f.Modified.UTC(), string(data)})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the package (-want +got):\n%s", diff)
	}
	if len(text) > 200_000 {
		t.Errorf("the package has %d bytes: it is not compressed", len(text))
	}
}

func TestAPackageThatCannotWorkIsRefused(t *testing.T) {
	t.Parallel()
	main, policy := files()[0], files()[1]
	cases := map[string]struct {
		files []pack.File
		want  string
	}{
		"no file at all":                 {nil, `no "main"`},
		"no handler":                     {[]pack.File{policy}, `no "main"`},
		"a handler in a folder":          {[]pack.File{{Name: "target/main", Data: main.Data}}, `"target/main": want the name of a file at the package's root`},
		"a name from Windows":            {[]pack.File{main, {Name: `a\b`, Data: policy.Data}}, `want the name of a file`},
		"a name that leaves the package": {[]pack.File{main, {Name: "..", Data: policy.Data}}, `"..": want the name of a file`},
		"the root itself":                {[]pack.File{main, {Name: ".", Data: policy.Data}}, `".": want the name of a file`},
		"the folder of the zones itself": {[]pack.File{main, {Name: "zoneinfo", Data: policy.Data}, {Name: "zoneinfo/", Data: policy.Data}}, `"zoneinfo/": want the name of a file`},
		"a way out of the zones' folder": {[]pack.File{main, {Name: "zoneinfo/../main", Data: policy.Data}}, `"zoneinfo/../main": want the name of a file`},
		"an empty zone":                  {[]pack.File{main, {Name: "zoneinfo/UTC"}}, `"zoneinfo/UTC": empty`},
		"no name":                        {[]pack.File{main, {Data: policy.Data}}, `"": want the name of a file`},
		"a name twice":                   {[]pack.File{main, policy, main}, `"main": there twice`},
		"an empty binary":                {[]pack.File{{Name: "main"}, policy}, `"main": empty: build it first`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			err := pack.Write(&b, c.files...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v: want %q", err, c.want)
			}
			if b.Len() > 0 {
				t.Errorf("%d bytes were written all the same", b.Len())
			}
		})
	}
}

// full is a disk with room for n bytes.
type full struct{ n int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestADiskThatFillsUpIsAnError(t *testing.T) {
	t.Parallel()
	f := files()
	size := len(write(t, f...))
	for _, n := range []int{0, size / 2, size - 1} {
		if err := pack.Write(&full{n}, f...); !errors.Is(err, errFull) {
			t.Errorf("with room for %d of %d bytes: error %v", n, size, err)
		}
	}
}
