package acs3

import (
	"net/http"
	"sync"
	"time"
)

// Nonces remembers which nonces were used within MaxSkew, the window in which a nonce must be unique. It is safe for
// concurrent use, and serves both styles of signature.
type Nonces struct {
	now   func() time.Time
	mu    sync.Mutex
	used  map[nonce]bool
	queue []use // in the order of use, so that what has expired is in front
}

type nonce struct{ accessKeyID, value string }

type use struct {
	nonce nonce
	until time.Time
}

// NewNonces starts with none used.
func NewNonces(now func() time.Time) *Nonces {
	return &Nonces{now: now, used: map[nonce]bool{}}
}

// Used tells whether this key has used the nonce within MaxSkew, and remembers that it has now.
func (n *Nonces) Used(accessKeyID, value string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	n.forget(now)
	this := nonce{accessKeyID, value}
	if n.used[this] {
		return true
	}
	n.used[this] = true
	n.queue = append(n.queue, use{this, now.Add(MaxSkew)})
	return false
}

func (n *Nonces) forget(now time.Time) {
	for len(n.queue) > 0 && !now.Before(n.queue[0].until) {
		delete(n.used, n.queue[0].nonce)
		n.queue = n.queue[1:]
	}
}

// NonceUsed is the refusal of a nonce that Used knows.
func NonceUsed() *Refusal {
	return &Refusal{http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already."}
}
