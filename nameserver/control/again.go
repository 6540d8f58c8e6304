package control

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/providers/zonecast/api"
)

// A memory remembers what writes with an Idempotency-Key have come to, so that one whose answer was
// lost can be sent again. It forgets the oldest, and all when the process ends; what has changed a zone
// is then known to the store, which has it from the same step as the change.
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

// once does f unless a request with the same key is known; then it waits for the outcome of that. What
// recall knows of it is from before the process began.
func (m *memory) once(ctx context.Context, c *call, recall func(held.Receipt) (d done, ok bool, p *api.Problem), f func(context.Context) (done, *api.Problem)) (done, *api.Problem) {
	key := c.r.Header.Get("Idempotency-Key")
	if key == "" {
		return f(ctx)
	}
	if len(key) > maxKey {
		return done{}, problem(api.Malformed, "an Idempotency-Key has at most %d octets", maxKey)
	}
	r := held.Receipt{Key: sha256.Sum256([]byte(c.who.key + " " + key)), Request: digest(c)}
	e, known := m.begin(c.who.key+" "+key, r.Request)
	switch {
	case e == nil:
		return done{}, otherRequest()
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
	var before bool
	if e.d, before, e.p = recall(r); !before && e.p == nil {
		e.d, e.p = f(context.WithValue(ctx, receiptKey{}, r))
	}
	if e.p != nil {
		// Nothing was done: who sends it again may have better luck.
		m.forget(e)
	}
	return e.d, e.p
}

func otherRequest() *api.Problem {
	return problem(api.Malformed, "another request had this Idempotency-Key; nothing was done")
}

type receiptKey struct{}

// A kept answer is what the store has of one. What is told besides is as it is when it is told.
type kept struct {
	Status   int    `json:"status"`
	Zone     string `json:"zone"`
	Serial   uint32 `json:"serial,omitempty"`
	Revision string `json:"revision,omitempty"`
	Sets     int    `json:"sets,omitempty"`
	Signed   bool   `json:"signed,omitempty"`
	Before   uint32 `json:"before"`
	Changes  int    `json:"changes"`
}

// withReceipt has what comes out of an edit kept with it, if the request has a key.
func withReceipt(ctx context.Context, c *call, status int, before uint32, changes int) context.Context {
	r, ok := ctx.Value(receiptKey{}).(held.Receipt)
	if !ok {
		return ctx
	}
	r.Data = func(i held.Info) []byte {
		b, err := json.Marshal(kept{status, c.origin.String(), i.Serial, i.Revision, i.Sets, i.Signed, before, changes})
		if err != nil {
			return []byte{} // numbers and texts can be written
		}
		return b
	}
	return held.WithReceipt(ctx, r)
}

// recall returns the answer that a request had before this process began.
func (h *handler) recall(ctx context.Context, c *call, r held.Receipt) (d done, ok bool, p *api.Problem) {
	if h.o.Recall == nil {
		return done{}, false, nil
	}
	request, data, ok, err := h.o.Recall(ctx, r.Key)
	switch {
	case err != nil:
		return done{}, false, problem(api.Failed, "whether this was done before cannot be seen: %v; nothing was done", err)
	case !ok:
		return done{}, false, nil
	case request != r.Request:
		return done{}, false, otherRequest()
	}
	var k kept
	if err := json.Unmarshal(data, &k); err != nil {
		return done{}, false, problem(api.Failed, "this was done before, and what it has come to cannot be read: %v", err)
	}
	if k.Status == http.StatusNoContent {
		return done{status: k.Status, entry: Entry{Before: k.Before, Changes: k.Changes}}, true, nil
	}
	return h.written(k.Status, held.Info{
		Origin: c.origin, Kind: held.Primary, Serial: k.Serial, Revision: k.Revision, Sets: k.Sets, Signed: k.Signed,
	}, k.Before, k.Changes), true, nil
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
