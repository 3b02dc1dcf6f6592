// Command bare is the least that fc-runtime-go-sdk can run: what the function's start-up is measured against.
package main

import (
	"context"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
)

func main() {
	fc.Start(func(context.Context, []byte) (string, error) { return "", nil })
}
