package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"os"

	"rds-kernel-upgrade/local/acs3"
	"rds-kernel-upgrade/local/stack"
	"rds-kernel-upgrade/local/sts"
)

// invoke sends one event through the front door, as InvokeFunction of FC 3.0, and prints the answer.
func invoke(ctx context.Context, c console, args []string) error {
	f := c.flags("invoke")
	address := f.String("fc", stack.FCAddress, "address of Function Compute")
	file := f.String("event", "testdata/events/direct-minimal.json", "file with the event")
	kind := f.String("type", "Sync", "invocation type: Sync or Async")
	if err := f.Parse(args); err != nil {
		return err
	}
	event, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	target := fmt.Sprintf("http://%s/2023-03-30/functions/%s/invocations", *address, stack.Function)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(event))
	if err != nil {
		return err
	}
	r.Header.Set("x-acs-action", "InvokeFunction")
	r.Header.Set("x-acs-version", "2023-03-30")
	r.Header.Set("x-fc-invocation-type", *kind)
	acs3.Sign(r, event, sts.Key{ID: stack.AccessKeyID, Secret: stack.Secret}, c.now(), rand.Text())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%w: is the local cloud running (make stack)?", err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	c.say("%s\nX-Fc-Request-Id: %s\n%s\n", answer.Status, answer.Header.Get("X-Fc-Request-Id"), body)
	if kind := answer.Header.Get("X-Fc-Error-Type"); kind != "" || answer.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the invocation failed: %s %s", answer.Status, kind)
	}
	return nil
}
