package rds_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rds-kernel-upgrade/function/internal/rds"
)

// sources parses the package's files, tests left out.
func sources(t *testing.T) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.SkipObjectResolution|parser.ParseComments)
		must(t, err)
		files = append(files, file)
	}
	return files
}

// actionsOfTheSource returns the actions for which the source makes requests.
func actionsOfTheSource(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			if selector, ok := n.(*ast.SelectorExpr); ok {
				request, isCreate := strings.CutPrefix(selector.Sel.Name, "Create")
				if action, isRequest := strings.CutSuffix(request, "Request"); isCreate && isRequest {
					all = append(all, action)
				}
			}
			return true
		})
	}
	if !slices.Contains(all, "UpgradeDBInstanceKernelVersion") {
		t.Fatalf("the source makes requests for %v: are they made in another way?", all)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// method is an exported method of the client, as its source has it.
type method struct {
	parameters []string
	most       int // the length of its lists: "up to 50" in its comment
}

// methodsOfTheSource returns the exported methods of the client by name.
func methodsOfTheSource(t *testing.T) map[string]method {
	t.Helper()
	all := map[string]method{}
	for _, file := range sources(t) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.IsExported() && receiver(f) == "Client" {
				all[f.Name.Name] = methodOf(f)
			}
		}
	}
	var exported []string
	client := reflect.TypeFor[*rds.Client]()
	for n := range client.NumMethod() {
		exported = append(exported, client.Method(n).Name)
	}
	if diff := cmp.Diff(exported, slices.Sorted(maps.Keys(all))); diff != "" {
		t.Fatalf("methods (-client +source):\n%s", diff)
	}
	return all
}

func receiver(f *ast.FuncDecl) string {
	of := f.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	name, _ := of.(*ast.Ident)
	return name.Name
}

var upTo = regexp.MustCompile(`up to (\d+)`)

func methodOf(f *ast.FuncDecl) (m method) {
	for _, parameters := range f.Type.Params.List {
		for _, name := range parameters.Names {
			m.parameters = append(m.parameters, name.Name)
		}
	}
	if promise := upTo.FindStringSubmatch(f.Doc.Text()); promise != nil {
		m.most, _ = strconv.Atoi(promise[1])
	}
	return m
}

// rounds is how often each method is run: first with as little as may be, then with everything, and with each value that the facts name.
const rounds = 13

// sentBy runs a method with arguments that are made from their names and types, and returns the requests. A list has two pages.
func sentBy(t *testing.T, f facts, name string, m method) (requests []url.Values) {
	t.Helper()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.URL.Query())
		next := `"NextToken":"n",`
		if r.URL.Query().Get("NextToken") != "" {
			next = ""
		}
		reply(200, `{`+next+`"RequestId":"R-1"}`)(w, r)
	})
	call := reflect.ValueOf(s.client).MethodByName(name)
	for round := range rounds {
		a := arguments{t: t, facts: f, round: round, most: m.most}
		var in []reflect.Value
		for n, parameter := range m.parameters {
			in = append(in, a.value(parameter, call.Type().In(n)))
		}
		call.Call(in) // its error does not matter: some take it for one that the answer holds nothing
	}
	return requests
}

// arguments makes the arguments of one round.
type arguments struct {
	t      *testing.T
	facts  facts
	round  int
	most   int
	inside []reflect.Type // the structs around the value
	hours  int
}

// value makes a value of a type for a parameter, or for a field of a struct, of this name.
func (a *arguments) value(name string, of reflect.Type) reflect.Value {
	a.t.Helper()
	made := reflect.New(of).Elem()
	switch of.Kind() {
	case reflect.Interface:
		if of == reflect.TypeFor[context.Context]() {
			made.Set(reflect.ValueOf(a.t.Context()))
		}
	case reflect.String:
		made.SetString(a.text(name))
	case reflect.Bool:
		made.SetBool(a.round%2 == 1)
	case reflect.Int, reflect.Int64:
		made.SetInt(int64(a.round))
	case reflect.Pointer:
		made.Set(reflect.New(of.Elem()))
		made.Elem().Set(a.value(name, of.Elem()))
	case reflect.Slice:
		made = a.list(name, made)
	case reflect.Map:
		made = a.pairs(name, made)
	case reflect.Struct:
		a.fields(made)
	case reflect.Func: // it does nothing
		made.Set(reflect.MakeFunc(of, func([]reflect.Value) (results []reflect.Value) {
			for n := range of.NumOut() {
				results = append(results, reflect.Zero(of.Out(n)))
			}
			return results
		}))
	default:
		a.t.Fatalf("%s is a %s: what shall it be?", name, of)
	}
	return made
}

// list makes a list that is as long as the method takes it.
func (a *arguments) list(name string, made reflect.Value) reflect.Value {
	a.t.Helper()
	if a.most == 0 && len(a.inside) == 0 {
		a.t.Fatalf("how many %s does it take? Say \"up to\" in its comment", name)
	}
	for n := range max(a.most, 1) {
		item := a.value(name, made.Type().Elem())
		if item.Kind() == reflect.String {
			item.SetString(fmt.Sprintf("%s-%d", item.String(), n))
		}
		made = reflect.Append(made, item)
	}
	return made
}

// pairs makes a map of texts, of up to five.
func (a *arguments) pairs(name string, made reflect.Value) reflect.Value {
	a.t.Helper()
	made.Set(reflect.MakeMap(made.Type()))
	for n := range min(5, a.round) {
		made.SetMapIndex(reflect.ValueOf(fmt.Sprintf("key-%d", n)), a.value(name, made.Type().Elem()))
	}
	return made
}

// fields fills a struct. In the first round only the fields without which there is no call; a struct inside of its own kind is empty.
func (a *arguments) fields(made reflect.Value) {
	a.t.Helper()
	if made.Type() == reflect.TypeFor[time.Time]() {
		a.hours++
		made.Set(reflect.ValueOf(time.Date(2026, 12, 1, a.hours, 0, 0, 0, time.UTC)))
		return
	}
	if slices.Contains(a.inside, made.Type()) {
		return
	}
	a.inside = append(a.inside, made.Type())
	for n := range made.NumField() {
		field := made.Type().Field(n)
		needed := a.round > 0 || strings.HasSuffix(field.Name, "ID")
		if field.IsExported() && needed {
			made.Field(n).Set(a.value(field.Name, field.Type))
		}
	}
	a.inside = a.inside[:len(a.inside)-1]
}

// text returns a value for what has this name: of those that the facts name for it wherever they name any, one after another.
func (a *arguments) text(name string) string {
	a.t.Helper()
	name = strings.TrimPrefix(strings.ToLower(name), "dbinstance")
	switch {
	case strings.HasPrefix(name, "region"):
		return region
	case strings.HasSuffix(name, "id"), strings.HasSuffix(name, "ids"):
		return "rm-1"
	}
	var named []string
	for _, action := range a.facts.Actions {
		for parameter, p := range action.Parameters {
			if strings.ToLower(parameter) != name || p.Values == nil {
				continue
			}
			if named == nil {
				named = slices.Clone(p.Values)
			}
			named = slices.DeleteFunc(named, func(value string) bool { return !slices.Contains(p.Values, value) })
		}
	}
	if len(named) == 0 {
		return "x"
	}
	if len(named) >= rounds {
		a.t.Fatalf("%s has %d values, and there are %d rounds", name, len(named), rounds)
	}
	slices.Sort(named)
	return named[a.round%len(named)]
}
