package socket

import (
	"time"

	"github.com/zonecast/zonecast/nameserver"
)

// Engine makes an Answerer of package nameserver's engine.
func Engine(e *nameserver.Engine) Answerer { return engine{e} }

type engine struct{ *nameserver.Engine }

func (e engine) Worker() Worker { return &engineWorker{e.Engine, e.NewScratch()} }

type engineWorker struct {
	engine  *nameserver.Engine
	scratch *nameserver.Scratch
}

func (w *engineWorker) Answer(dst, query []byte, from *Client) []byte {
	return w.engine.Answer(w.scratch, query, nameserver.Client{
		Addr:      from.Addr,
		Stream:    from.Transport.Stream(),
		Encrypted: from.Transport.Encrypted(),
		Keepalive: from.KeepAlive,
	}, dst)
}

// AnswerBatch has the clock read once, and all look-ups under way before the first answer is made.
func (w *engineWorker) AnswerBatch(batch []Packet) {
	w.scratch.Now = time.Now().UnixNano()
	for len(batch) > 0 {
		some := batch[:min(len(batch), nameserver.Batch)]
		batch = batch[len(some):]
		for i := range some {
			w.engine.Foresee(w.scratch, some[i].Query, some[i].From.Addr.Addr())
		}
		for i := range some {
			p := &some[i]
			p.Answer = w.Answer(p.Dst, p.Query, &p.From)
		}
	}
	w.scratch.Now = 0
}

// Flush tells the engine what was counted.
func (w *engineWorker) Flush() { w.scratch.Flush() }
