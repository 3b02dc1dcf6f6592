package notice_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The reasons that package plan knows are those of the published schema.
func TestTheSchemaHasEveryReasonAndNoOther(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../schema/notification.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Defs struct {
			Instance struct {
				Properties struct {
					Reason struct{ Enum []string } `json:"reason"`
				} `json:"properties"`
			} `json:"instance"`
		} `json:"$defs"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	known := reasons(t)
	slices.Sort(schema.Defs.Instance.Properties.Reason.Enum)
	if diff := cmp.Diff(known, schema.Defs.Instance.Properties.Reason.Enum); len(known) == 0 || diff != "" {
		t.Errorf("the reasons (-plan +schema):\n%s", diff)
	}
}

// reasons returns the constants of type plan.Reason, as its file has them.
func reasons(t *testing.T) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../plan/reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			reason, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, reason)
		}
		return true
	})
	slices.Sort(all)
	return all
}
