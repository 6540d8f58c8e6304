// Package registry keeps what registers itself from init under a name, and under other names that
// mean the same, as drivers do for database/sql. It knows nothing of what it keeps.
//
//	var drivers registry.Registry[Driver]
//	drivers.Add("provider: driver", d.Name, d.Classes, d)
//	d, ok := drivers.Lookup("octodns_powerdns.PowerDnsProvider")
package registry

import (
	"maps"
	"slices"
	"sync"
)

// A Registry is ready to use as its zero value and safe for concurrent use.
type Registry[D any] struct {
	mu    sync.RWMutex
	named map[string]D
	other map[string]string // other name to name
}

// Add makes d known. It panics when a name is empty or taken: two that claim the same name are a
// mistake of whoever built the binary. what begins the message.
func (r *Registry[D]) Add(what, name string, others []string, d D) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.named == nil {
		r.named, r.other = map[string]D{}, map[string]string{}
	}
	if _, dup := r.named[name]; dup || name == "" {
		panic(what + " " + name + " is registered twice or without a name")
	}
	r.named[name] = d
	for _, o := range others {
		if have, dup := r.other[o]; dup {
			panic(what + " " + name + " claims " + o + ", which is " + have + "'s")
		}
		r.other[o] = name
	}
}

// Lookup finds by name or by one of the other names.
func (r *Registry[D]) Lookup(name string) (D, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if n, ok := r.other[name]; ok {
		name = n
	}
	d, ok := r.named[name]
	return d, ok
}

// All returns everything, sorted by name.
func (r *Registry[D]) All() []D {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]D, 0, len(r.named))
	for _, name := range slices.Sorted(maps.Keys(r.named)) {
		out = append(out, r.named[name])
	}
	return out
}
