// Package deploy_test holds the files of the deployment against each other, against the function's source, and against
// what the cloud accepts. It deploys nothing. What fc3's own schema lets pass is refused here: it knows no unknown keys and
// checks no trigger, and `s deploy` ignores what it finds.
package deploy_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// operator is the environment of somebody who deploys: the six variables that all files of the deployment share.
var operator = map[string]string{
	"FC_REGION":                "cn-hangzhou",
	"ALIBABA_CLOUD_ACCOUNT_ID": "1234567890123456",
	"REQUEST_TOPIC":            "the-requests",
	"RESULT_TOPIC":             "the-results",
	"FAILURE_QUEUE":            "the-failures",
	"STATE_BUCKET":             "the-state",
}

// inTemplate is what each of them is called in the ROS template.
var inTemplate = map[string]string{
	"${ALIYUN::Region}":   "${FC_REGION}",
	"${ALIYUN::TenantId}": "${ALIBABA_CLOUD_ACCOUNT_ID}",
	"${RequestTopic}":     "${REQUEST_TOPIC}",
	"${ResultTopic}":      "${RESULT_TOPIC}",
	"${FailureQueue}":     "${FAILURE_QUEUE}",
	"${StateBucket}":      "${STATE_BUCKET}",
}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand replaces the ${…} of a text by what lookup gives for them, and tells which are unknown.
func expand(text string, lookup func(name string) (string, bool)) (string, error) {
	var unknown []string
	text = placeholder.ReplaceAllStringFunc(text, func(p string) string {
		value, ok := lookup(p[2 : len(p)-1])
		if !ok {
			unknown = append(unknown, p)
		}
		return value
	})
	if len(unknown) > 0 {
		return "", fmt.Errorf("%s is not one of the operator's variables", strings.Join(unknown, " and "))
	}
	return text, nil
}

// asOperator expands the placeholders of a policy: the bare names of the variables, for envsubst.
func asOperator(t *testing.T, text string) string {
	t.Helper()
	text, err := expand(text, func(name string) (string, bool) {
		value, ok := operator[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
