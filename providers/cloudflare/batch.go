package cloudflare

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// A part is one change and its steps.
type part struct {
	apiBatch
	i   int // of the change
	key key
}

func (b *apiBatch) size() int { return len(b.Deletes) + len(b.Patches) + len(b.Posts) }

// A unit is what goes into one batch together: all changes of an owner, because a CNAME, or a
// delegation, takes the place of everything else there.
type unit []part

func (u unit) size() int {
	n := 0
	for i := range u {
		n += u[i].size()
	}
	return n
}

// split takes a unit apart where its changes do not depend on each other.
func (u unit) split() []unit {
	for _, x := range u {
		if t := x.key.Type; t == zone.TypeCNAME || t == zone.TypeNS || t == zone.TypeDS {
			return []unit{u}
		}
	}
	out := make([]unit, len(u))
	for i := range u {
		out[i] = u[i : i+1]
	}
	return out
}

// units computes the steps of all changes. Nothing is sent.
func (w *writing) units() ([]unit, error) {
	at := map[zone.Name]int{}
	var units []unit
	for i, c := range w.changes.Sets {
		steps, err := w.steps(c)
		if err != nil {
			return nil, err
		}
		k := c.Key()
		n, ok := at[k.Owner]
		if !ok {
			n = len(units)
			at[k.Owner] = n
			units = append(units, nil)
		}
		units[n] = append(units[n], part{steps, i, k})
	}
	for _, u := range units {
		// A DS may stand only beside NS: posts in this order, deletes in the other.
		slices.SortStableFunc(u, func(a, b part) int { return cmp.Compare(rank(a.key.Type), rank(b.key.Type)) })
	}
	// What only deletes goes first: plans limit how many records a zone may hold.
	slices.SortStableFunc(units, func(a, b unit) int { return cmp.Compare(a.grows(), b.grows()) })
	return units, nil
}

// grows tells what a unit does to the number of records: -1 takes away, 1 adds.
func (u unit) grows() int {
	n := 0
	for i := range u {
		n += len(u[i].Posts) - len(u[i].Deletes)
	}
	return cmp.Compare(n, 0)
}

func rank(t zone.Type) int {
	switch t {
	case zone.TypeNS:
		return 0
	case zone.TypeDS:
		return 2
	}
	return 1
}

// body puts units into one batch.
func body(units []unit) apiBatch {
	var b apiBatch
	for _, u := range units {
		for i := range u {
			b.Deletes = append(b.Deletes, u[len(u)-1-i].Deletes...)
			b.Patches = append(b.Patches, u[i].Patches...)
			b.Posts = append(b.Posts, u[i].Posts...)
		}
	}
	return b
}

// A sender sends units in batches and marks in the receipt what became of them.
type sender struct {
	*writing
	refusals []refusal
	untried  int // changes that were left out after too many refusals
	left     int // calls that may still be spent on finding culprits
}

// A refusal is one change that the service refused, or several that go together.
type refusal struct {
	keys []key
	err  *provider.Error
}

// searches is how many calls finding culprits may cost in one Write.
const searches = 64

// send carries out all units. It stops at the first trouble that is not a refusal.
func (w *writing) send(ctx context.Context, units []unit) error {
	s := &sender{writing: w, left: searches}
	limit := batchOf(w.p.planOf(w.z))
	for len(units) > 0 {
		n, size := 0, 0
		for n < len(units) && (n == 0 || size+units[n].size() <= limit) {
			size += units[n].size()
			n++
		}
		var err error
		if size > limit {
			err = s.large(ctx, units[0], limit)
		} else {
			err = s.batch(ctx, units[:n])
		}
		if err != nil {
			return err
		}
		units = units[n:]
	}
	return s.verdict()
}

// post sends one batch.
func (s *sender) post(ctx context.Context, b apiBatch) error {
	if b.size() == 0 {
		return nil
	}
	r := httpkit.Request{Op: "write", Zone: s.origin.String(), Method: http.MethodPost, Path: zonePath(s.z.ID, "/dns_records/batch"), Body: b}
	_, _, err := call[json.RawMessage](ctx, s.p, r)
	return err
}

// refused returns the error when the service took nothing of a batch because of what is in it.
func refused(err error) *provider.Error {
	e, ok := errors.AsType[*provider.Error](err)
	if ok && (e.Kind == provider.Rejected || e.Kind == provider.Conflict) && httpkit.Outcome(err) == provider.NotDone {
		return e
	}
	return nil
}

// batch sends units as one batch. The service takes all of it or nothing, and does not say which
// record it refuses: a batch that is refused is halved until the culprit is alone.
func (s *sender) batch(ctx context.Context, units []unit) error {
	err := s.post(ctx, body(units))
	why := refused(err)
	if why == nil {
		s.mark(units, httpkit.Outcome(err))
		return err
	}
	if len(units) == 1 {
		units = units[0].split()
	}
	if len(units) == 1 {
		s.refusals = append(s.refusals, refusal{units[0].keys(), why})
		return nil
	}
	half := len(units) / 2
	for _, list := range [][]unit{units[:half], units[half:]} {
		if s.left == 0 {
			for _, u := range list {
				s.untried += len(u)
			}
			continue
		}
		s.left--
		if err := s.batch(ctx, list); err != nil {
			return err
		}
	}
	return nil
}

// large sends a unit that is too large for one batch. When that breaks off in the middle, only a
// read can tell how far it got.
func (s *sender) large(ctx context.Context, u unit, limit int) error {
	all := body([]unit{u})
	sent := false
	for all.size() > 0 {
		err := s.post(ctx, all.cut(limit))
		if err != nil {
			outcome := httpkit.Outcome(err)
			if sent {
				outcome = provider.Unknown
			}
			s.mark([]unit{u}, outcome)
			if why := refused(err); why != nil && !sent {
				s.refusals = append(s.refusals, refusal{u.keys(), why})
				return nil
			}
			return err
		}
		sent = true
	}
	s.mark([]unit{u}, provider.Done)
	return nil
}

// cut takes up to n steps off the front, in the order in which they are carried out.
func (b *apiBatch) cut(n int) apiBatch {
	var out apiBatch
	k := min(n, len(b.Deletes))
	out.Deletes, b.Deletes = b.Deletes[:k], b.Deletes[k:]
	n -= k
	k = min(n, len(b.Patches))
	out.Patches, b.Patches = b.Patches[:k], b.Patches[k:]
	n -= k
	k = min(n, len(b.Posts))
	out.Posts, b.Posts = b.Posts[:k], b.Posts[k:]
	return out
}

func (s *sender) mark(units []unit, o provider.Outcome) {
	for _, u := range units {
		for _, x := range u {
			s.r.Sets[x.i] = o
		}
	}
}

func (u unit) keys() []key {
	out := make([]key, len(u))
	for i, x := range u {
		out[i] = x.key
	}
	return out
}

// named is how many culprits a message names.
const named = 5

// verdict says what was refused; nil when nothing was.
func (s *sender) verdict() error {
	if len(s.refusals) == 0 {
		return nil
	}
	out := &provider.Error{Op: "write", Zone: s.origin.String(), Kind: provider.Conflict, Status: s.refusals[0].err.Status}
	var lines []string
	n := 0
	for i, x := range s.refusals {
		n += len(x.keys)
		if x.err.Kind == provider.Rejected {
			out.Kind = provider.Rejected
		}
		if i < named {
			lines = append(lines, fmt.Sprintf("%s: %v", list(x.keys), x.err.Err))
		}
	}
	if more := len(s.refusals) - named; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	done := s.r.Count(provider.Done)
	text := fmt.Sprintf("%d of %d changes refused, %d carried out: %s", n, len(s.changes.Sets), done, strings.Join(lines, "; "))
	if s.untried > 0 {
		text += fmt.Sprintf("; %d were not tried any more", s.untried)
	}
	out.Err = errors.New(text)
	if out.Advice = planAgain; out.Kind == provider.Rejected {
		out.Advice = "mend what was refused, or exclude it from this target"
	}
	return out
}

func list(keys []key) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k.String()
	}
	return strings.Join(parts, ", ")
}
