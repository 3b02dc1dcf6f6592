package acs3_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/alibabacloud-go/tea/tea"

	"rds-kernel-upgrade/local/fakerds"
	"rds-kernel-upgrade/local/sts"
)

// fromSDK calls the fake with the client that all newer SDKs of the cloud are made of.
func fromSDK(t *testing.T, server *fakerds.Server, key sts.Key, action string, query map[string]any, body map[string]any) (map[string]any, error) {
	t.Helper()
	listener := httptest.NewServer(server)
	defer listener.Close()
	config := &openapi.Config{
		AccessKeyId: dara.String(key.ID), AccessKeySecret: dara.String(key.Secret),
		Endpoint: dara.String(strings.TrimPrefix(listener.URL, "http://")), Protocol: dara.String("HTTP"),
	}
	if key.Token != "" {
		config.SecurityToken, config.Type = dara.String(key.Token), dara.String("sts")
	}
	client, err := openapi.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	request := &openapi.OpenApiRequest{Query: map[string]*string{}}
	for name, value := range query {
		request.Query[name] = dara.String(value.(string))
	}
	if body != nil {
		request.Body = body
	}
	return client.CallApi(&openapi.Params{
		Action: dara.String(action), Version: dara.String("2014-08-15"), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
		Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"),
		ReqBodyType: dara.String("formData"), BodyType: dara.String("json"),
	}, request, &dara.RuntimeOptions{})
}

func TestRequestsOfTheNewerSDKAreVerified(t *testing.T) {
	keys := sts.NewKeyring(time.Now, sts.Key{ID: "LTAI-local", Secret: "local-secret"})
	server := fakerds.New(fakerds.Options{Now: time.Now, Keys: keys})
	server.Add(fakerds.Instance{DBInstanceID: "rm-1", CurrentKernelVersion: "rds_20231231", LatestKernelVersion: "rds_20260228"})
	long, temporary := sts.Key{ID: "LTAI-local", Secret: "local-secret"}, keys.Issue(time.Hour)
	tag := map[string]any{
		"RegionId": "cn-hangzhou", "ResourceType": "INSTANCE", "ResourceId.1": "rm-1", "Tag.1.Key": "env", "Tag.1.Value": "a b*~+/é",
	}
	cases := []struct {
		name        string
		key         sts.Key
		action      string
		query, body map[string]any
		want        string
	}{
		{"temporary key, parameters in the query", temporary, "UpgradeDBInstanceKernelVersion", map[string]any{"DBInstanceId": "rm-1"}, nil, "TargetMinorVersion"},
		{"long-term key, no parameters", long, "DescribeRegions", nil, nil, "Regions"},
		{"values that need escapes, in the query", long, "TagResources", tag, nil, "RequestId"},
		{"values that need escapes, in a form", temporary, "TagResources", nil, tag, "RequestId"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			answer, err := fromSDK(t, server, tc.key, tc.action, tc.query, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if got := answer["body"].(map[string]any)[tc.want]; got == nil || got == "" {
				t.Errorf("no %s in %v", tc.want, answer)
			}
			if i, _ := server.Instance("rm-1"); tc.action == "TagResources" && i.Tags["env"] != "a b*~+/é" {
				t.Errorf("tags %v", i.Tags)
			}
		})
	}
	for _, call := range server.Calls() {
		if call.Signer != "ACS3-HMAC-SHA256" {
			t.Errorf("signed by %s", call.Signer)
		}
	}
}

func TestNewerSDKUnderstandsTheRefusals(t *testing.T) {
	keys := sts.NewKeyring(time.Now)
	server := fakerds.New(fakerds.Options{Now: time.Now, Keys: keys})
	temporary := keys.Issue(time.Hour)
	wrong := sts.Key{ID: temporary.ID, Secret: "wrong", Token: temporary.Token}
	cases := []struct {
		name string
		key  sts.Key
		code string
	}{
		{"of a wrong secret", wrong, "SignatureDoesNotMatch"},
		{"of an unknown instance", temporary, "InvalidDBInstanceName.NotFound"},
		{"of an unknown key", sts.Key{ID: "LTAI-nobody", Secret: "x"}, "InvalidAccessKeyId.NotFound"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := fromSDK(t, server, tc.key, "DescribeDBInstanceAttribute", map[string]any{"DBInstanceId": "rm-none"}, nil)
			var refused *tea.SDKError
			if !errors.As(err, &refused) || tea.StringValue(refused.Code) != tc.code {
				t.Errorf("got %v", err)
			}
		})
	}
}
