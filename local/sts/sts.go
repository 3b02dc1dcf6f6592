// Package sts keeps the access keys of the local cloud: the account's own long-term key and the temporary
// ones that the function receives with each invocation. The fakes ask one Keyring, as the services of
// the cloud ask one STS; each says "no" in its own words.
package sts

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Why a key is refused.
var (
	ErrUnknownKey     = errors.New("access key is not known")
	ErrMissingToken   = errors.New("temporary access key without its security token")
	ErrMalformedToken = errors.New("security token is not one that was issued")
	ErrMismatch       = errors.New("security token belongs to another access key")
	ErrExpired        = errors.New("security token has expired")
)

// Key is an access key. A long-term key has no Token and never expires.
type Key struct {
	ID, Secret, Token string
	Expires           time.Time
}

// Keyring knows every key of the account. It is safe for concurrent use.
type Keyring struct {
	now    func() time.Time
	mu     sync.Mutex
	keys   map[string]Key
	tokens map[string]string // token → key id
	issued int
}

// NewKeyring makes a keyring with the given keys.
func NewKeyring(now func() time.Time, keys ...Key) *Keyring {
	k := &Keyring{now: now, keys: map[string]Key{}, tokens: map[string]string{}}
	for _, key := range keys {
		k.add(key)
	}
	return k
}

func (k *Keyring) add(key Key) {
	k.keys[key.ID] = key
	if key.Token != "" {
		k.tokens[key.Token] = key.ID
	}
}

// Issue makes a temporary key that is valid for ttl. Each has an id, a secret and a token of its own, so
// that the use of an earlier invocation's credentials shows.
func (k *Keyring) Issue(ttl time.Duration) Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.issued++
	key := Key{
		ID:      fmt.Sprintf("STS.local-%06d", k.issued),
		Secret:  fmt.Sprintf("local-sts-secret-%06d", k.issued),
		Token:   fmt.Sprintf("CAIS-local+token/%06d==", k.issued),
		Expires: k.now().Add(ttl),
	}
	k.add(key)
	return key
}

// ExpireAll ends every temporary key that was issued so far.
func (k *Keyring) ExpireAll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, key := range k.keys {
		if key.Token != "" {
			key.Expires = k.now().Add(-time.Second)
			k.keys[id] = key
		}
	}
}

// Lookup gives the key with this id, after checking the token that came with it.
func (k *Keyring) Lookup(id, token string) (Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, known := k.keys[id]
	owner, issued := k.tokens[token]
	switch {
	case !known:
		return Key{}, ErrUnknownKey
	case key.Token != "" && token == "":
		return Key{}, ErrMissingToken
	case token != "" && !issued:
		return Key{}, ErrMalformedToken
	case token != "" && owner != id:
		return Key{}, ErrMismatch
	case key.Token != "" && !k.now().Before(key.Expires):
		return Key{}, ErrExpired
	}
	return key, nil
}
