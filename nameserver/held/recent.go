package held

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
)

// How long updates are remembered. A signature is good for its fudge to both sides, five minutes as
// a rule (RFC 8945, section 10); a client that signs anew when it repeats does so sooner.
const (
	signatureFor = 10 * time.Minute
	contentFor   = 15 * time.Second
	remembered   = 20_000 // of each at most; the oldest go first
)

// recent remembers updates and their answers: by their signatures, and by what they say together
// with who sent them and their number. The zero recent is empty and ready.
type recent struct {
	mu                 sync.Mutex
	signature, content shelf
}

// An answer is one that was given, or that will be when done is closed.
type answer struct {
	done               chan struct{}
	rcode              wire.RCODE
	signature, content digest
}

type digest [sha256.Size]byte

// enter returns the answer to an update; first is set when whoever asks has to find it, and then to
// call answered.
func (r *recent) enter(m *wire.Message, from xfr.Sender, now time.Time) (first bool, a *answer) {
	a = &answer{done: make(chan struct{}), signature: signatureOf(m), content: contentOf(m, from)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signature.tidy(now)
	r.content.tidy(now)
	if known := r.signature.known[a.signature]; known != nil {
		return false, known
	}
	if known := r.content.known[a.content]; known != nil {
		return false, known
	}
	r.signature.put(a.signature, a, now.Add(signatureFor))
	r.content.put(a.content, a, now.Add(contentFor))
	return true, a
}

// answered tells those who wait. What did not work may be tried again.
func (r *recent) answered(a *answer) {
	if a.rcode == wire.ServFail {
		r.mu.Lock()
		delete(r.signature.known, a.signature)
		delete(r.content.known, a.content)
		r.mu.Unlock()
	}
	close(a.done)
}

// signatureOf identifies an update by its signature.
func signatureOf(m *wire.Message) (d digest) {
	h := sha256.New()
	if m.TSIG != nil {
		h.Write(m.TSIG.Key.AppendWire(nil))
		h.Write([]byte(m.TSIG.MAC))
	}
	h.Sum(d[:0])
	return d
}

// contentOf identifies an update by all but its signature.
func contentOf(m *wire.Message, from xfr.Sender) (d digest) {
	b, _ := from.Addr.MarshalBinary()
	key, _ := from.Session.Key()
	b = binary.BigEndian.AppendUint16(key.AppendWire(b), m.ID)
	b = m.Questions[0].Name.AppendWire(b)
	for _, list := range [][]wire.Record{m.Answers, m.Authority} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(list)))
		for _, r := range list {
			b = r.Owner.AppendWire(b)
			b = binary.BigEndian.AppendUint32(b, uint32(r.Type)<<16|uint32(r.Class))
			b = binary.BigEndian.AppendUint32(b, r.TTL)
			b = binary.BigEndian.AppendUint32(b, uint32(len(r.Data)))
			b = append(b, r.Data...)
		}
	}
	return sha256.Sum256(b)
}

// A shelf holds answers that are all kept for as long.
type shelf struct {
	known map[digest]*answer
	order []memory // oldest first
}

type memory struct {
	key   digest
	a     *answer
	until time.Time
}

func (s *shelf) put(key digest, a *answer, until time.Time) {
	if s.known == nil {
		s.known = map[digest]*answer{}
	}
	s.known[key] = a
	s.order = append(s.order, memory{key, a, until})
}

// tidy forgets what is too old, or too much.
func (s *shelf) tidy(now time.Time) {
	for len(s.order) > 0 && (len(s.order) >= remembered || now.After(s.order[0].until)) {
		if x := s.order[0]; s.known[x.key] == x.a { // it may have been tried again
			delete(s.known, x.key)
		}
		s.order[0] = memory{}
		s.order = s.order[1:]
	}
}
