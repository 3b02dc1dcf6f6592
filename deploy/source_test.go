package deploy_test

import (
	"cmp"
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
	ossSDK = "github.com/aliyun/alibabacloud-oss-go-sdk-v2"
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

// actionsOfTheCode returns the RAM actions that the code can call. For RDS they are the requests that it makes, for MNS the methods of the
// SDK's topics and queues that it uses, and for OSS what the store of the document asks its adapter for.
func actionsOfTheCode(t *testing.T) []string {
	t.Helper()
	actions := ossActions(t)
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
			s.calls(func(_ ast.Expr, name string) {
				if slices.Contains(mnsMethods(), name) {
					actions = append(actions, "mns:"+name)
				}
				if name == "Send" {
					t.Errorf("%s: %s.Send sends a request whose action is not found here", s.path, sdk)
				}
			})
		}
	}
	slices.Sort(actions)
	return slices.Compact(actions)
}

// ossAdapter is where the requests to OSS are made. Each of them has its API's action in the field of this name.
const (
	ossAdapter  = "../function/internal/oss/"
	actionField = "action"
)

// ossRights are the RAM actions of those APIs of OSS that have another one than "oss:" and the API's name.
var ossRights = map[string]string{"ListObjectsV2": "oss:ListObjects"}

// ossActions returns the RAM actions behind the methods of the interface state.Objects. A method of the adapter that is not in the interface
// is not for the function.
func ossActions(t *testing.T) (actions []string) {
	t.Helper()
	functions := map[string]*ast.FuncDecl{}
	var methods []string
	for _, s := range sources(t) {
		for _, d := range s.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(s.path, ossAdapter) {
				functions[f.Name.Name] = f
			}
		}
		if s.path == "../function/internal/state/store.go" {
			methods = s.methodsOf("Objects")
		}
	}
	for n := 0; n < len(methods); n++ { // the list grows by what each of them calls in the adapter
		f := functions[methods[n]]
		if f == nil {
			t.Errorf("%s has no %s, which state.Objects asks for", ossAdapter, methods[n])
			continue
		}
		ast.Inspect(f, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.SelectorExpr:
				if name := node.Sel.Name; functions[name] != nil && !slices.Contains(methods, name) {
					methods = append(methods, name)
				}
			case *ast.KeyValueExpr:
				if action, ok := actionOf(node); ok {
					actions = append(actions, cmp.Or(ossRights[action], "oss:"+action))
				}
			}
			return true
		})
	}
	return actions
}

// actionOf returns the action in a field of a request.
func actionOf(field *ast.KeyValueExpr) (string, bool) {
	key, isName := field.Key.(*ast.Ident)
	value, isLiteral := field.Value.(*ast.BasicLit)
	if !isName || key.Name != actionField || !isLiteral {
		return "", false
	}
	action, err := strconv.Unquote(value.Value)
	return action, err == nil
}

// methodsOf returns the names of the methods of an interface.
func (s source) methodsOf(name string) (methods []string) {
	ast.Inspect(s.File, func(n ast.Node) bool {
		declared, isType := n.(*ast.TypeSpec)
		if !isType || declared.Name.Name != name {
			return true
		}
		if i, ok := declared.Type.(*ast.InterfaceType); ok {
			for _, method := range i.Methods.List {
				methods = append(methods, method.Names[0].Name)
			}
		}
		return false
	})
	return methods
}

// TestTheBucketIsReachedThroughTheStoreOnly: a client of OSS that is used directly could call more than state.Objects has, and a request
// that is made elsewhere in the adapter would not be found.
func TestTheBucketIsReachedThroughTheStoreOnly(t *testing.T) {
	t.Parallel()
	sent := 0
	for _, s := range sources(t) {
		inside := strings.HasPrefix(s.path, ossAdapter)
		s.calls(func(_ ast.Expr, name string) {
			if name == "RoundTrip" && inside {
				sent++
			}
		})
		if adapter, ok := s.imports("rds-kernel-upgrade/function/internal/oss"); ok {
			ast.Inspect(s.File, func(n ast.Node) bool {
				if used, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := used.X.(*ast.Ident); ok && pkg.Name == adapter && used.Sel.Name != "New" {
						t.Errorf("%s uses %s.%s: want New alone, as a state.Objects", s.path, adapter, used.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if sent != 1 {
		t.Errorf("the adapter sends requests at %d places: want one, which gets the action", sent)
	}
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

// constantsOf returns the texts of a file's constants.
func constantsOf(t *testing.T, file string) (texts []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		ast.Inspect(group, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				value, _ := strconv.Unquote(literal.Value)
				texts = append(texts, value)
			}
			return true
		})
	}
	return texts
}

// variablesOfTheCode reads the table in function/config.go: name and whether it is required.
func variablesOfTheCode(t *testing.T) map[string]bool {
	t.Helper()
	variables := map[string]bool{}
	for _, row := range rig.Rows(t, "../function/config.go", "variables") {
		variables[row[0]] = row[1] == "true"
	}
	if !variables["RESULT_TOPIC"] || !variables["STATE_BUCKET"] {
		t.Fatalf("function/config.go: read %v: the table of variables is not where it was", variables)
	}
	return variables
}

// TestTheDefaultPrefixIsTheOneThatTheRightsAreFor: s.yaml does not set STATE_PREFIX.
func TestTheDefaultPrefixIsTheOneThatTheRightsAreFor(t *testing.T) {
	t.Parallel()
	found := false
	for _, s := range sources(t) {
		ast.Inspect(s.File, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			found = found || ok && path.Dir(s.path) == "../function" && literal.Value == strconv.Quote(statePrefix)
			return true
		})
	}
	if !found {
		t.Errorf("no file of function/ has the text %q: it is the default of STATE_PREFIX", statePrefix)
	}
}

func TestOnlyTheAdaptersSpeakToTheCloud(t *testing.T) {
	t.Parallel()
	homes := map[string]string{rdsSDK: "../function/internal/rds/", mnsSDK: "../function/internal/mns/", ossSDK: ossAdapter}
	for _, s := range sources(t) {
		for _, i := range s.Imports {
			pkg, _ := strconv.Unquote(i.Path.Value)
			service := strings.HasPrefix(pkg, "github.com/aliyun/alibaba-cloud-sdk-go/services/") || strings.HasPrefix(pkg, "github.com/alibabacloud-go/")
			home := homes[pkg]
			if strings.HasPrefix(pkg, ossSDK+"/") { // its packages for credentials and retries
				home = homes[ossSDK]
			}
			if (service || home != "") && (home == "" || !strings.HasPrefix(s.path, home)) {
				t.Errorf("%s imports %s: its actions are not looked for there", s.path, pkg)
			}
		}
	}
}
