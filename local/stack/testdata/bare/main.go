// Command bare is the least that fc-runtime-go-sdk can run: what the function's start-up is measured against.
package main

import (
	"context"
	"os"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
)

func main() {
	if len(os.Args) > 1 {
		return // asked for a first document, as the function is, it makes none
	}
	fc.Start(func(context.Context, []byte) (string, error) { return "", nil })
}
