package xfr

import (
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// A Notice is a NOTIFY that came in: a primary says that it has a new version of a zone.
type Notice struct {
	Origin zone.Name
	Serial uint32 // a hint, where HasSerial says that there is one
	// HasSerial reports whether the primary told its serial. Like everything in a NOTIFY it may be
	// made up unless the message was signed; it is never more than a reason to ask.
	HasSerial bool
	From      Sender
}

func (d *Desk) notified(r *request, send func([]byte) error) error {
	q := r.m.Questions[0]
	if q.Class != wire.ClassIN || q.Type != zone.TypeSOA {
		return r.refuse(wire.NotImp, send) // RFC 1996, section 3.9, knows of no other type
	}
	if d.Notified == nil {
		return r.refuse(wire.Refused, send)
	}
	n := Notice{Origin: q.Name, From: Sender{r.peer, r.session}}
	for _, a := range r.m.Answers {
		if a.Type == zone.TypeSOA && a.Owner == q.Name && len(a.Data) >= 22 {
			n.Serial, n.HasSerial = serialAt(a.Data), true
		}
	}
	return r.refuse(d.Notified(n), send)
}
