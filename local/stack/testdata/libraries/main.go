// Command libraries is the bare handler with every library of the function, and nothing else of it: what of the function's start-up
// they take to initialize.
package main

import (
	"context"

	_ "github.com/aliyun/alibaba-cloud-sdk-go/sdk"
	_ "github.com/aliyun/alibaba-cloud-sdk-go/services/rds"
	_ "github.com/aliyun/aliyun-mns-go-sdk"
	"github.com/aliyun/fc-runtime-go-sdk/fc"
	_ "github.com/cenkalti/backoff/v5"
	_ "go.yaml.in/yaml/v3"
	_ "golang.org/x/time/rate"
)

func main() {
	fc.Start(func(context.Context, []byte) (string, error) { return "", nil })
}
