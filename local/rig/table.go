package rig

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"
)

// Rows reads the table that a variable of a source file is declared as: a map, or a slice of structs. Of a row it gives the cells: a
// literal's value, the name of a constant ("Denied" of fault.Denied), and "" for what is neither.
func Rows(tb testing.TB, file, variable string) [][]string {
	tb.Helper()
	source, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		tb.Fatal(err)
	}
	var rows [][]string
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != variable || len(spec.Values) == 0 {
			return true
		}
		if table, ok := spec.Values[0].(*ast.CompositeLit); ok {
			rows = rowsOf(table)
		}
		return false
	})
	if len(rows) == 0 {
		tb.Fatalf("%s: no table %q: is it not where it was, or has it another form?", file, variable)
	}
	return rows
}

func rowsOf(table *ast.CompositeLit) (rows [][]string) {
	for _, row := range table.Elts {
		cells := []ast.Expr{row}
		switch r := row.(type) {
		case *ast.KeyValueExpr:
			cells = []ast.Expr{r.Key, r.Value}
		case *ast.CompositeLit:
			cells = r.Elts
		}
		var texts []string
		for _, cell := range cells {
			texts = append(texts, textOf(cell))
		}
		rows = append(rows, texts)
	}
	return rows
}

func textOf(cell ast.Expr) string {
	switch c := cell.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(c.Value); err == nil {
			return text
		}
		return c.Value
	case *ast.Ident:
		return c.Name
	case *ast.SelectorExpr:
		return c.Sel.Name
	default:
		return ""
	}
}
