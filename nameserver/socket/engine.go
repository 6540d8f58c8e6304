package socket

import "github.com/zonecast/zonecast/nameserver"

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

// Flush tells the engine what was counted.
func (w *engineWorker) Flush() { w.scratch.Flush() }
