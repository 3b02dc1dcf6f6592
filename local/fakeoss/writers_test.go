package fakeoss_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
)

func TestOfManyWritersOfOneNumberExactlyOneCreatesIt(t *testing.T) {
	t.Parallel()
	const writers, rounds = 64, 50
	c := start(t)
	for round := range rounds {
		key := fmt.Sprintf("state/%010d.json", round)
		requests := make([]*http.Request, writers)
		for w := range requests {
			requests[w] = c.request(t, "PUT", state+"/"+key, fmt.Sprintf("written by %d", w), forbid())
		}
		var created, refused atomic.Int64
		var winner atomic.Int64
		var group sync.WaitGroup
		begin := make(chan struct{})
		for w, r := range requests {
			group.Go(func() {
				<-begin
				answer := httptest.NewRecorder()
				c.ServeHTTP(answer, r)
				switch answer.Code {
				case http.StatusOK:
					created.Add(1)
					winner.Store(int64(w))
				case http.StatusConflict:
					refused.Add(1)
				}
			})
		}
		close(begin)
		group.Wait()
		if created.Load() != 1 || refused.Load() != writers-1 {
			t.Fatalf("round %d: %d created it, %d were refused", round, created.Load(), refused.Load())
		}
		if want := fmt.Sprintf("written by %d", winner.Load()); c.content(key) != want {
			t.Fatalf("round %d: it is %q, want %q", round, c.content(key), want)
		}
	}
	if got := len(c.Objects("")); got != rounds {
		t.Errorf("%d objects", got)
	}
}
