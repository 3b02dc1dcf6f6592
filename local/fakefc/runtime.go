package fakefc

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// runtimeAPI is the address that a go1 child asks for invocations (version 2020-11-11). Each child has its own, so
// that a late answer of a dead one cannot be taken for the answer of its successor.
type runtimeAPI struct {
	listener net.Listener
	server   *http.Server
	serving  sync.WaitGroup
	work     chan *exchange
	asked    chan struct{} // closed when the child asks for the first time
	asking   chan struct{} // has an element when the child has asked again

	mu      sync.Mutex
	waiting int               // requests for the next invocation that are held
	replies map[string]*reply // to what was handed over, by request id
}

// exchange is one invocation as the child sees it.
type exchange struct {
	id      string
	event   []byte
	headers http.Header
	*reply
}

// reply is the place for the one answer that is taken.
type reply struct {
	answer   chan answer
	answered bool
}

func newReply() *reply { return &reply{answer: make(chan answer, 1)} }

// answer is what the child sent to response, or to error.
type answer struct {
	body   []byte
	failed bool
}

func (a answer) result() Result {
	r := Result{Body: a.body, End: Answered}
	if a.failed {
		r.ErrorType = UnhandledInvocationError
	}
	return r
}

func newRuntimeAPI(ctx context.Context) (*runtimeAPI, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &runtimeAPI{
		listener: listener, work: make(chan *exchange), asked: make(chan struct{}),
		asking: make(chan struct{}, 1), replies: map[string]*reply{},
	}
	const path = "/2020-11-11/runtime/invocation/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"next", a.next)
	mux.HandleFunc("POST "+path+"{id}/response", func(w http.ResponseWriter, r *http.Request) { a.take(w, r, false) })
	mux.HandleFunc("POST "+path+"{id}/error", func(w http.ResponseWriter, r *http.Request) { a.take(w, r, true) })
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	a.serving.Go(func() { _ = a.server.Serve(listener) })
	return a, nil
}

func (a *runtimeAPI) address() string { return a.listener.Addr().String() }

// close ends the API. Call it when the child is gone: then its connections are broken, and no handler stays.
func (a *runtimeAPI) close() {
	soon, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = a.server.Shutdown(soon)
	_ = a.server.Close()
	a.serving.Wait()
}

// next holds the request until there is an invocation: that is what keeps a child, which asks again at once and runs
// whatever it gets, to as many invocations as the server allows.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead { // the mux takes it for GET
		http.Error(w, "want GET", http.StatusMethodNotAllowed)
		return
	}
	a.ask(1)
	defer a.ask(-1)
	select {
	case x := <-a.work:
		a.mu.Lock()
		a.replies[x.id] = x.reply
		a.mu.Unlock()
		for name, values := range x.headers {
			w.Header()[name] = values
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(x.event)
	case <-r.Context().Done():
	}
}

func (a *runtimeAPI) ask(change int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting += change
	if change < 0 {
		return
	}
	select {
	case <-a.asked:
	default:
		close(a.asked)
	}
	select {
	case a.asking <- struct{}{}:
	default:
	}
}

// awaitAsking waits until the child asks for another invocation, but not for long.
func (a *runtimeAPI) awaitAsking(exited <-chan struct{}, grace time.Duration) {
	late := time.NewTimer(grace)
	defer late.Stop()
	for {
		a.mu.Lock()
		waiting := a.waiting
		a.mu.Unlock()
		if waiting > 0 {
			return
		}
		select {
		case <-a.asking:
		case <-exited:
			return
		case <-late.C:
			return
		}
	}
}

// take receives the child's answer: 200 for the first, 404 for an id that was never handed over, 400 for a second
// answer. The runtime logs anything but 200; no document tells the cloud's statuses for the other two.
func (a *runtimeAPI) take(w http.ResponseWriter, r *http.Request, failed bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the child is gone
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	reply := a.replies[r.PathValue("id")]
	switch {
	case reply == nil:
		http.Error(w, "no such request id", http.StatusNotFound)
	case reply.answered:
		http.Error(w, "this request id has its answer already", http.StatusBadRequest)
	default:
		reply.answered = true
		reply.answer <- answer{body: body, failed: failed}
	}
}
