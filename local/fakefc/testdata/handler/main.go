// Command handler is the go1 function of the tests: a program on the real runtime SDK that does what its event says.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

type command struct {
	Do   string `json:"do"`
	Ms   int    `json:"ms"`
	N    int    `json:"n"`
	File string `json:"file"`
	Text string `json:"text"`
}

type ownError struct{ text string }

func (e *ownError) Error() string { return e.text }

var served, running, most atomic.Int64 // most: invocations side by side

func main() {
	fmt.Println("the process starts")
	switch os.Getenv("HANDLER_START") {
	case "exit":
		os.Exit(7)
	case "hang":
		fmt.Println("runtime API at " + os.Getenv("FC_RUNTIME_API") + ";")
		time.Sleep(time.Hour) // without cgo, select {} ends as a deadlock
	case "ignore-term":
		signal.Ignore(syscall.SIGTERM)
	}
	fc.Start(handle)
}

func handle(ctx context.Context, event []byte) (any, error) {
	served.Add(1)
	defer running.Add(-1)
	for now, seen := running.Add(1), most.Load(); now > seen && !most.CompareAndSwap(seen, now); {
		seen = most.Load()
	}
	c, err := parse(event)
	if err != nil {
		return string(event), nil // what is no command comes back
	}
	fc, _ := fccontext.FromContext(ctx)
	switch c.Do {
	case "context":
		return seen(ctx, fc, event), nil
	case "error":
		return nil, errors.New(c.Text)
	case "wrapped":
		return nil, fmt.Errorf("wrapped: %w", errors.New(c.Text))
	case "own":
		return nil, &ownError{c.Text}
	case "panic":
		panic(c.Text)
	case "exit":
		fmt.Println("goodbye")
		os.Exit(c.N)
	case "log":
		fmt.Println(strings.Repeat(c.Text, c.N))
	case "fail-until":
		if fc.RetryCount < c.N {
			return nil, errors.New("not yet")
		}
	case "wait":
		for !exists(c.File) {
			time.Sleep(time.Millisecond)
		}
	case "background":
		go background(c.File)
	case "descendant":
		child := exec.Command("sleep", "1000")
		if err := child.Start(); err != nil {
			return nil, err
		}
		return child.Process.Pid, nil
	}
	time.Sleep(time.Duration(c.Ms) * time.Millisecond)
	return map[string]int64{"served": served.Load(), "most": most.Load(), "pid": int64(os.Getpid())}, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func parse(event []byte) (c command, err error) {
	d := json.NewDecoder(bytes.NewReader(event))
	d.DisallowUnknownFields()
	return c, d.Decode(&c)
}

// background writes for ever, also when the invocation is long over.
func background(path string) {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	for {
		fmt.Fprintln(file, "here")
		time.Sleep(time.Millisecond)
	}
}

func seen(ctx context.Context, fc *fccontext.FcContext, event []byte) map[string]any {
	deadline, _ := ctx.Deadline()
	dir, _ := os.Getwd()
	return map[string]any{
		"event": string(event), "context": fc, "deadline": deadline.UnixMilli(), "env": os.Environ(), "dir": dir,
	}
}
