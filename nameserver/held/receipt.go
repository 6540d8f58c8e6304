package held

import (
	"context"
	"crypto/sha256"

	"github.com/zonecast/zonecast/nameserver/journal"
)

// A Receipt has what an edit has come to written to disk with it, in one step: who repeats a request
// whose answer was lost, in a crash too, can be given it. Edits that change nothing write nothing.
type Receipt struct {
	Key     [sha256.Size]byte // of the request and who has sent it
	Request [sha256.Size]byte // tells requests apart that have the same key
	// Data is what Recall gives back. i is the version that comes out, the zero Info of a deletion.
	Data func(i Info) []byte
}

type receiptKey struct{}

// WithReceipt returns a context whose edit has a receipt.
func WithReceipt(ctx context.Context, r Receipt) context.Context {
	return context.WithValue(ctx, receiptKey{}, &r)
}

// receiptOf is the receipt of an edit; nil: it has none.
func receiptOf(ctx context.Context) *Receipt {
	r, _ := ctx.Value(receiptKey{}).(*Receipt)
	return r
}

// answer is what is written of a receipt; nil of none.
func (s *Zones) answer(r *Receipt, i Info) *journal.Answer {
	if r == nil {
		return nil
	}
	return &journal.Answer{Key: r.Key, Request: r.Request, At: s.time(), Data: r.Data(i)}
}

// undone takes an answer back.
func undone(a *journal.Answer) *journal.Answer {
	if a == nil {
		return nil
	}
	return &journal.Answer{Key: a.Key}
}

// answers is a list of one answer, or none.
func answers(a *journal.Answer) []journal.Answer {
	if a == nil {
		return nil
	}
	return []journal.Answer{*a}
}

// Recall returns what the edit with the receipt of a key has come to; ok is false when none is known.
func (s *Zones) Recall(ctx context.Context, key [sha256.Size]byte) (request [sha256.Size]byte, data []byte, ok bool, err error) {
	a, ok, err := s.DB.Answer(ctx, key, s.time())
	return a.Request, a.Data, ok, err
}
