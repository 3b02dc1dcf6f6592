package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"

	"rds-kernel-upgrade/local/stack"
)

// showState says where the document of the state and the archives of rollouts lie. It reads each of them there as somebody would who is told so, and
// keeps copies in a folder, unless that is empty.
func (c console) showState(ctx context.Context, s *stack.Stack, rollouts []string, folder string) error {
	document, err := s.Document()
	if err != nil {
		return err
	}
	archives, err := s.Archives()
	if err != nil {
		return err
	}
	c.say("The state is one document, now number %d, of %d bytes in OSS. Each rollout that has ended has an archive:\n", document.Number, document.Size)
	errs := []error{c.showObject(ctx, s, document.Key, folder)}
	for _, a := range archives {
		if slices.Contains(rollouts, a.Rollout.ID) {
			errs = append(errs, c.showObject(ctx, s, a.Key, folder))
		}
	}
	return errors.Join(errs...)
}

// showObject says where an object lies, after reading it there.
func (c console) showObject(ctx context.Context, s *stack.Stack, key, folder string) error {
	text, err := fetch(ctx, s.ObjectURL(key))
	if err != nil {
		return err
	}
	c.say("   oss://%s/%s\n      while the local cloud runs: curl -s %s | zcat -f\n", stack.StateBucket, key, s.ObjectURL(key))
	if folder == "" {
		return nil
	}
	file := filepath.Join(folder, path.Base(key))
	if err := errors.Join(os.MkdirAll(folder, 0o750), os.WriteFile(file, text, 0o600)); err != nil {
		return err
	}
	c.say("      a copy: %s\n", file)
	return nil
}

// fetch reads a JSON object of the bucket.
func fetch(ctx context.Context, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	object, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	text, err := stack.Unpack(object)
	if err == nil && (answer.StatusCode != http.StatusOK || !json.Valid(text)) {
		err = fmt.Errorf("%s answers %s, and not an object in JSON", url, answer.Status)
	}
	return text, err
}
