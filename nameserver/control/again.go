package control

import (
	"container/list"
	"context"
	"crypto/sha256"
	"sync"

	"github.com/zonecast/zonecast/providers/zonecast/api"
)

// A memory remembers what writes with an Idempotency-Key have come to, so that one whose answer was
// lost can be sent again. It forgets the oldest, and all when the process ends: then a revision that
// is no longer the newest tells the client that it has to look.
type memory struct {
	most int

	mu    sync.Mutex
	byKey map[string]*list.Element // of *remembered
	order list.List                // oldest first
}

type remembered struct {
	key     string
	request [sha256.Size]byte
	ended   chan struct{} // closed when d and p are set
	d       done
	p       *api.Problem
}

func newMemory(most int) *memory { return &memory{most: most, byKey: map[string]*list.Element{}} }

const maxKey = 200

// once does f unless a request with the same key is known; then it waits for the outcome of that.
func (m *memory) once(ctx context.Context, c *call, f func() (done, *api.Problem)) (done, *api.Problem) {
	key := c.r.Header.Get("Idempotency-Key")
	if key == "" {
		return f()
	}
	if len(key) > maxKey {
		return done{}, problem(api.Malformed, "an Idempotency-Key has at most %d octets", maxKey)
	}
	e, known := m.begin(c.who.key+" "+key, digest(c))
	switch {
	case e == nil:
		return done{}, problem(api.Malformed, "another request had this Idempotency-Key; nothing was done")
	case known:
		select {
		case <-e.ended:
			return e.d, e.p
		case <-ctx.Done():
			return done{}, problem(api.Failed, "the same request is still under way")
		}
	}
	e.p = problem(api.Failed, "the name server had a fault while it carried this out") // unless f returns
	defer close(e.ended)
	e.d, e.p = f()
	if e.p != nil {
		// Nothing was done: who sends it again may have better luck.
		m.forget(e)
	}
	return e.d, e.p
}

// begin returns what is known of a key, else a new entry; nil when it is known for another request.
func (m *memory) begin(key string, request [sha256.Size]byte) (e *remembered, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := m.byKey[key]; at != nil {
		e := at.Value.(*remembered)
		if e.request != request {
			return nil, true
		}
		return e, true
	}
	e = &remembered{key: key, request: request, ended: make(chan struct{})}
	m.byKey[key] = m.order.PushBack(e)
	if m.order.Len() > m.most {
		m.drop(m.order.Front())
	}
	return e, false
}

func (m *memory) forget(e *remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := m.byKey[e.key]; at != nil && at.Value == e {
		m.drop(at)
	}
}

func (m *memory) drop(at *list.Element) {
	m.order.Remove(at)
	delete(m.byKey, at.Value.(*remembered).key)
}

// digest tells requests apart.
func digest(c *call) [sha256.Size]byte {
	h := sha256.New()
	for _, text := range []string{c.r.Method, c.r.URL.EscapedPath(), c.r.Header.Get("If-Match"), c.r.Header.Get("Content-Type")} {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	h.Write(c.body)
	return [sha256.Size]byte(h.Sum(nil))
}
