package socket

import (
	"bytes"

	"golang.org/x/net/http2"
)

// Flow control of HTTP/2 (RFC 9113, section 5.2): answers wait until clients take them.

// send sends an answer's body, as far as the client takes it; the rest waits.
func (h *h2) send(q *h2Request, b []byte) error {
	if len(h.unsent) == 0 && int64(len(b)) <= min(h.window, q.window, h2Frame) {
		h.window -= int64(len(b))
		return h.framer.WriteData(q.id, true, b)
	}
	if h.size += len(b); h.size > h2Unsent || len(h.unsent) > h.web.server.o.Limits.Requests {
		return h2Error(http2.ErrCodeEnhanceYourCalm) // the client asks and does not read
	}
	h.unsent = append(h.unsent, h2Answer{q.id, q.window, bytes.Clone(b)})
	return h.resume()
}

// resume sends what the client takes by now.
func (h *h2) resume() error {
	kept := h.unsent[:0]
	for i := range h.unsent {
		a := h.unsent[i]
		for len(a.data) > 0 {
			n := min(int64(len(a.data)), h.window, a.window, h2Frame)
			if n <= 0 {
				break
			}
			if err := h.framer.WriteData(a.id, n == int64(len(a.data)), a.data[:n]); err != nil {
				return err
			}
			a.data, a.window = a.data[n:], a.window-n
			h.window, h.size = h.window-n, h.size-int(n)
		}
		if len(a.data) > 0 {
			kept = append(kept, a)
		}
	}
	clear(h.unsent[len(kept):])
	h.unsent = kept
	return nil
}

const h2MaxWindow = 1<<31 - 1

func (h *h2) windowUpdate(id uint32, by int64) error {
	if id == 0 {
		if h.window += by; h.window > h2MaxWindow {
			return h2Error(http2.ErrCodeFlowControl)
		}
		return h.resume()
	}
	if q := h.open[id]; q != nil {
		if q.window += by; q.window > h2MaxWindow {
			return h.reset(id, http2.ErrCodeFlowControl)
		}
	}
	for i := range h.unsent {
		if a := &h.unsent[i]; a.id == id {
			if a.window += by; a.window > h2MaxWindow {
				return h.reset(id, http2.ErrCodeFlowControl)
			}
		}
	}
	return h.resume()
}
