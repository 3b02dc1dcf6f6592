package deploy_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/local/rig"
)

const dependencies = "../docs/dependencies.md"

// run gives what a command of Go's prints.
func run(t *testing.T, args ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = ".."
	text, err := command.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return text
}

// required gives the modules of go.mod, and whether each is there for another's sake.
func required(t *testing.T) map[string]bool {
	t.Helper()
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(run(t, "mod", "edit", "-json"), &mod); err != nil || len(mod.Require) == 0 {
		t.Fatalf("go.mod: %v, %v", mod, err)
	}
	all := map[string]bool{}
	for _, m := range mod.Require {
		all[m.Path] = m.Indirect
	}
	return all
}

// modulesOf gives the modules, this one left out, of which packages are needed to build others.
func modulesOf(t *testing.T, packages ...string) map[string]bool {
	t.Helper()
	const each = "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}"
	modules := map[string]bool{}
	for _, m := range strings.Fields(string(run(t, append([]string{"list", "-buildvcs=false", "-deps", "-tags=nethttpomithttp2", "-f=" + each}, packages...)...))) {
		modules[m] = true
	}
	return modules
}

// where is the part of the project that a module is in: the first of these.
func where(binary, local map[string]bool, module string) string {
	switch {
	case binary[module]:
		return "binary"
	case local[module]:
		return "local cloud"
	default:
		return "tests"
	}
}

// TestEveryDependencyHasALine: who adds one says what for, and who removes one takes its line away.
func TestEveryDependencyHasALine(t *testing.T) {
	t.Parallel()
	binary, local := modulesOf(t, "./function"), modulesOf(t, "./local")
	want := map[string]map[string]string{"direct": {}, "indirect": {}}
	for module, indirect := range required(t) {
		switch {
		case !indirect:
			want["direct"][module] = where(binary, local, module)
		case binary[module]:
			want["indirect"][module] = "binary"
		}
	}
	got := map[string]map[string]string{"direct": {}, "indirect": {}}
	for kind, rows := range got {
		for _, row := range rig.Table(t, dependencies, kind) {
			if rows[row[0]] = row[2]; len(row) != 5 || slices.Contains(row, "") {
				t.Errorf("docs/dependencies.md: the line of %s is %q: want 5 cells, none of them empty", row[0], row)
			}
			if size := strings.TrimSuffix(row[3], " kB"); (row[2] == "binary") != (size != "–") {
				t.Errorf("docs/dependencies.md: %s is in %s, and costs %s", row[0], row[2], row[3])
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/dependencies.md (-go.mod +table):\n%s", diff)
	}
}

// TestTheVersionsThatAreNotOursToChoose holds the four modules that are prescribed.
func TestTheVersionsThatAreNotOursToChoose(t *testing.T) {
	t.Parallel()
	mod := string(read(t, "../go.mod"))
	for _, pinned := range []string{
		"github.com/aliyun/alibaba-cloud-sdk-go v1.63.107", "github.com/aliyun/aliyun-mns-go-sdk v1.0.11", "github.com/aliyun/fc-runtime-go-sdk v0.3.1",
		"github.com/aliyun/alibabacloud-oss-go-sdk-v2 v1.2.1",
	} {
		if !strings.Contains(mod, "\t"+pinned+"\n") {
			t.Errorf("go.mod: want %s", pinned)
		}
	}
	if strings.Contains(mod, "replace ") || strings.Contains(mod, "replace(") {
		t.Error("go.mod replaces a module: what is deployed would not be what its checksum says")
	}
}

// unchecked are the names by which the check of a server's certificate is turned off or weakened: in crypto/tls, and in the SDKs.
var unchecked = []string{
	"InsecureSkipVerify", "VerifyPeerCertificate", "VerifyConnection", "RootCAs", "MinVersion", "MaxVersion", "CipherSuites",
	"SetHTTPSInsecure", "HTTPSInsecure", "WithHTTPSInsecure", "IgnoreSSL", "DialTLS", "DialTLSContext",
}

// TestNothingInTheFunctionTouchesTheCheckOfCertificates: Go's own defaults hold (TLS 1.2 at least, the system's roots, the host's name).
func TestNothingInTheFunctionTouchesTheCheckOfCertificates(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		for _, problem := range s.tls() {
			t.Error(problem)
		}
	}
}

// tls says what in a file could touch it. A TLSClientConfig may be taken away, and is not made.
func (s source) tls() (problems []string) {
	for _, i := range s.Imports {
		if pkg, _ := strconv.Unquote(i.Path.Value); pkg == "crypto/tls" || pkg == "unsafe" || pkg == "plugin" {
			problems = append(problems, s.path+" imports "+pkg)
		}
	}
	ast.Inspect(s.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			if slices.Contains(unchecked, n.Name) {
				problems = append(problems, s.path+" says "+n.Name)
			}
		case *ast.BasicLit:
			if text, _ := strconv.Unquote(n.Value); n.Kind == token.STRING && slices.Contains(unchecked, text) {
				problems = append(problems, s.path+" says "+n.Value)
			}
		case *ast.AssignStmt:
			if config, ok := n.Lhs[0].(*ast.SelectorExpr); ok && config.Sel.Name == "TLSClientConfig" {
				if value, isName := n.Rhs[0].(*ast.Ident); !isName || value.Name != "nil" {
					problems = append(problems, s.path+" sets TLSClientConfig")
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "TLSClientConfig" {
				problems = append(problems, s.path+" sets TLSClientConfig")
			}
		}
		return true
	})
	return problems
}

// TestTheCheckOfTheSourceSeesWhatItIsFor: each of these must be found.
func TestTheCheckOfTheSourceSeesWhatItIsFor(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{
		"a configuration that checks nothing": `func f() { _ = &tls.Config{InsecureSkipVerify: true} }`,
		"one that is made and set":            `func f(t *http.Transport) { t.TLSClientConfig = config() }`,
		"one in a new transport":              `func f() { _ = &http.Transport{TLSClientConfig: c} }`,
		"the SDK's switch":                    `func f() { request.SetHTTPSInsecure(true) }`,
		"a field by its name":                 `func f() { v.FieldByName("InsecureSkipVerify").SetBool(true) }`,
		"an older version":                    `func f() { c.MinVersion = 0x0301 }`,
		"another import":                      "import \"crypto/tls\"\nvar _ = tls.VersionTLS10",
	}
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		if problems := parsed(t, "package p\n"+wrong[name]).tls(); len(problems) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
	if problems := parsed(t, "package p\nfunc f(t *http.Transport) { t.TLSClientConfig = nil }").tls(); problems != nil {
		t.Errorf("a configuration that is taken away: %v", problems)
	}
}

func parsed(t *testing.T, text string) source {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{file, "p.go"}
}

// TestSecurityNamesTestsThatAreThere: what SECURITY.md claims is shown by the tests and scenarios that it names.
func TestSecurityNamesTestsThatAreThere(t *testing.T) {
	t.Parallel()
	var tests strings.Builder
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		_, err = tests.Write(read(t, path))
		return err
	})
	text := string(read(t, "../SECURITY.md"))
	names := regexp.MustCompile("`Test[A-Za-z0-9]+`").FindAllString(text, -1)
	if err != nil || len(names) < 20 {
		t.Fatalf("%d tests are named, %v", len(names), err)
	}
	for _, name := range names {
		if !strings.Contains(tests.String(), "\nfunc "+strings.Trim(name, "`")+"(t *testing.T)") {
			t.Errorf("SECURITY.md: there is no %s", name)
		}
	}
	for _, name := range regexp.MustCompile("the scenario `([a-z-]+)`").FindAllStringSubmatch(text, -1) {
		read(t, filepath.Join("../testdata/scenarios", name[1], "1-event.json"))
	}
}
