package deploy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	ali_mns "github.com/aliyun/aliyun-mns-go-sdk"

	"rds-kernel-upgrade/local/rig"
)

const (
	rdsSDK = "github.com/aliyun/alibaba-cloud-sdk-go/services/rds"
	mnsSDK = "github.com/aliyun/aliyun-mns-go-sdk"
)

// source is one file of the function, tests left out.
type source struct {
	*ast.File
	path string
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir("../function", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		all = append(all, source{file, filepath.ToSlash(path)})
		return err
	})
	if err != nil || len(all) < 10 {
		t.Fatalf("%d files of the function were read: %v", len(all), err)
	}
	return all
}

// imports tells whether a file imports a package, and by which name it calls it.
func (s source) imports(pkg string) (name string, ok bool) {
	for _, i := range s.Imports {
		if i.Path.Value != strconv.Quote(pkg) {
			continue
		}
		if i.Name != nil {
			return i.Name.Name, true
		}
		return path.Base(pkg), true
	}
	return "", false
}

// calls visits every x.name(…) of a file.
func (s source) calls(visit func(x ast.Expr, name string)) {
	ast.Inspect(s.File, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
				visit(selector.X, selector.Sel.Name)
			}
		}
		return true
	})
}

// raw tells whether a node is a request that the MNS SDK's client sends as it is: x.Send(ali_mns.GET, …).
func raw(n ast.Node, sdk string) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return false
	}
	method, isMethod := call.Fun.(*ast.SelectorExpr)
	verb, isVerb := call.Args[0].(*ast.SelectorExpr)
	if !isMethod || !isVerb || method.Sel.Name != "Send" {
		return false
	}
	pkg, isPkg := verb.X.(*ast.Ident)
	return isPkg && pkg.Name == sdk
}

// rawActions gives the actions of the functions of a file that send such requests. Each has to say which action it is, as its
// errors do: in a text that begins with it.
func (s source) rawActions(t *testing.T, sdk string) (actions []string) {
	t.Helper()
	for _, d := range s.Decls {
		var named []string
		sends := false
		ast.Inspect(d, func(n ast.Node) bool {
			sends = sends || raw(n, sdk)
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				value, _ := strconv.Unquote(text.Value)
				if action, _, _ := strings.Cut(value, " "); slices.Contains(mnsMethods(), action) {
					named = append(named, "mns:"+action)
				}
			}
			return true
		})
		if sends && len(named) != 1 {
			t.Errorf("%s: a function sends a raw request to MNS and names the actions %v: want one", s.path, named)
		}
		if sends {
			actions = append(actions, named...)
		}
	}
	return actions
}

// actionsOfTheCode gives the RAM actions that the code can call. For RDS they are the requests that it makes, for MNS the
// methods of the SDK's topics and queues that it uses, and what it sends past them.
func actionsOfTheCode(t *testing.T) []string {
	t.Helper()
	var actions []string
	for _, s := range sources(t) {
		if sdk, ok := s.imports(rdsSDK); ok {
			s.calls(func(x ast.Expr, name string) {
				request, isCreate := strings.CutPrefix(name, "Create")
				action, isRequest := strings.CutSuffix(request, "Request")
				if pkg, ok := x.(*ast.Ident); ok && pkg.Name == sdk && isCreate && isRequest {
					actions = append(actions, "rds:"+action)
				}
			})
		}
		if sdk, ok := s.imports(mnsSDK); ok {
			actions = append(actions, s.rawActions(t, sdk)...)
			s.calls(func(_ ast.Expr, name string) {
				if slices.Contains(mnsMethods(), name) {
					actions = append(actions, "mns:"+name)
				}
			})
		}
	}
	slices.Sort(actions)
	return slices.Compact(actions)
}

// mnsMethods are the methods of the SDK's topics and queues that send a request.
func mnsMethods() []string {
	var names []string
	for _, t := range []reflect.Type{reflect.TypeFor[ali_mns.AliMNSTopic](), reflect.TypeFor[ali_mns.AliMNSQueue]()} {
		for m := range t.NumMethod() {
			if name := t.Method(m).Name; name != "Name" && name != "QPSMonitor" {
				names = append(names, name)
			}
		}
	}
	return names
}

// variablesOfTheCode reads the table in function/config.go: name and whether it is required.
func variablesOfTheCode(t *testing.T) map[string]bool {
	t.Helper()
	variables := map[string]bool{}
	for _, row := range rig.Rows(t, "../function/config.go", "variables") {
		variables[row[0]] = row[1] == "true"
	}
	if !variables["RESULT_TOPIC"] {
		t.Fatalf("function/config.go: read %v: the table of variables is not where it was", variables)
	}
	return variables
}

func TestOnlyTheAdaptersSpeakToTheCloud(t *testing.T) {
	t.Parallel()
	homes := map[string]string{rdsSDK: "../function/internal/rds/", mnsSDK: "../function/internal/mns/"}
	for _, s := range sources(t) {
		for _, i := range s.Imports {
			pkg, _ := strconv.Unquote(i.Path.Value)
			service := strings.HasPrefix(pkg, "github.com/aliyun/alibaba-cloud-sdk-go/services/") || strings.HasPrefix(pkg, "github.com/alibabacloud-go/")
			home := homes[pkg]
			if (service || home != "") && (home == "" || !strings.HasPrefix(s.path, home)) {
				t.Errorf("%s imports %s: its actions are not looked for there", s.path, pkg)
			}
		}
	}
}
