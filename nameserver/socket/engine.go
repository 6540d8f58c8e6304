package socket

import (
	"context"
	"time"

	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/xfr"
)

// Engine makes an Answerer of package nameserver's engine, and of the desk for transfers, NOTIFY,
// updates and all that is signed with TSIG; a nil desk leaves these to the engine.
func Engine(e *nameserver.Engine, desk *xfr.Desk) Answerer {
	if desk == nil {
		return engine{e}
	}
	return engineAndDesk{engine{e}, desk}
}

type engine struct{ engine *nameserver.Engine }

func (e engine) Worker() Worker {
	return &engineWorker{engine: e.engine, scratch: e.engine.NewScratch()}
}

type engineWorker struct {
	engine  *nameserver.Engine
	scratch *nameserver.Scratch
	at      int64 // the time, when somebody has told it
}

// At tells the time for the next call.
func (w *engineWorker) At(now int64) { w.at = now }

func (w *engineWorker) Answer(dst, query []byte, from *Client) []byte {
	w.scratch.Now, w.at = w.at, 0
	return w.answer(dst, query, from)
}

func (w *engineWorker) answer(dst, query []byte, from *Client) []byte {
	return w.engine.Answer(w.scratch, query, nameserver.Client{
		Addr:      from.Addr,
		Stream:    from.Transport.Stream(),
		Encrypted: from.Transport.Encrypted(),
		Keepalive: from.KeepAlive,
	}, dst)
}

// AnswerBatch looks at the clock at most once, and lets all look-ups wait for memory together.
func (w *engineWorker) AnswerBatch(batch []Packet) {
	if w.scratch.Now, w.at = w.at, 0; w.scratch.Now == 0 {
		w.scratch.Now = time.Now().UnixNano()
	}
	if len(batch) > 1 {
		for i := range batch {
			w.engine.Foresee(w.scratch, batch[i].Query, batch[i].From.Addr.Addr())
		}
	}
	for i := range batch {
		p := &batch[i]
		p.Answer = w.answer(p.Dst, p.Query, &p.From)
	}
}

// Flush tells the engine what was counted.
func (w *engineWorker) Flush() { w.scratch.Flush() }

type engineAndDesk struct {
	engine
	desk *xfr.Desk
}

func (e engineAndDesk) Long(query []byte, _ *Client) bool { return e.desk.Takes(query) }

func (e engineAndDesk) Stream(ctx context.Context, query []byte, from Client, send func([]byte) error) error {
	peer := xfr.Peer{Addr: from.Addr, TLS: from.TLS}
	if from.Transport.Stream() {
		return e.desk.Stream(ctx, query, peer, send)
	}
	if answer := e.desk.Datagram(ctx, query, peer); answer != nil {
		return send(answer)
	}
	return nil
}
