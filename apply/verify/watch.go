package verify

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Between two rounds of questions a server is left alone, longer each time.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// giveUp is how many questions in a row a server may leave unanswered before the rest of a round
// is put off: a dead server is not asked for a whole zone.
const giveUp = 8

// watch asks a server in rounds for everything that it has not yet answered as planned, until
// nothing is left or ctx ends.
func (r *run) watch(ctx context.Context, s *server) {
	for i := range r.checks {
		s.pending[i] = "not asked yet"
	}
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		r.round(ctx, s)
		if len(s.pending) == 0 {
			s.visible, s.trouble = time.Since(r.began), ""
			return
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// round asks once for each pending check.
func (r *run) round(ctx context.Context, s *server) {
	var g errgroup.Group
	g.SetLimit(r.o.InFlight)
	var mu sync.Mutex
	silent := 0
	todo := make([]int, 0, len(s.pending))
	for i := range r.checks { // in order, so that two runs look alike
		if _, ok := s.pending[i]; ok {
			todo = append(todo, i)
		}
	}
	for _, i := range todo {
		mu.Lock()
		stop := silent >= giveUp || ctx.Err() != nil
		mu.Unlock()
		if stop {
			break
		}
		g.Go(func() error {
			verdict, text, err := r.look(ctx, s.addr, &r.checks[i])
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				silent++
				if ctx.Err() == nil {
					s.trouble = reason(err)
					s.pending[i] = s.trouble
				}
				return nil
			}
			silent, s.trouble = 0, ""
			switch verdict {
			case notYet:
				s.pending[i] = text
				return nil
			case hidden:
				s.hidden[i] = text
			}
			delete(s.pending, i)
			r.settled(i)
			return nil
		})
	}
	_ = g.Wait() // the functions keep their errors in s
}

// reason is an exchange's trouble without what the reader knows already.
func reason(err error) string {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return e.Cause()
	}
	return err.Error()
}

// look asks for one RRset and judges the answer. Where a deleted RRset is still answered, that
// may be a wildcard's doing: then the wildcards above the name are asked for, literally.
func (r *run) look(ctx context.Context, addr string, c *check) (verdict, string, error) {
	m, err := r.put(ctx, addr, wire.Query(c.key.Owner, c.key.Type))
	if err != nil {
		return notYet, "", err
	}
	v, text := c.judge(m, r.origin)
	if v != notYet || !c.covered {
		return v, text, nil
	}
	got := collect(m.Answers, c.key)
	if got == nil {
		return v, text, nil
	}
	wild, err := r.wildcard(ctx, addr, c.key)
	if err != nil {
		return notYet, "", err
	}
	if wild != nil && wild.SameData(*got) && wild.TTL == got.TTL {
		return asPlanned, "", nil
	}
	return v, text, nil
}

// wildcard asks for the closest wildcard of a type above a name; nil when there is none.
func (r *run) wildcard(ctx context.Context, addr string, k zone.Key) (*zone.RRset, error) {
	for above := k.Owner; above.Below(r.origin); {
		above = above.Parent()
		star, err := above.Child("*")
		if err != nil { // too long to exist
			continue
		}
		at := zone.Key{Owner: star, Type: k.Type}
		m, err := r.put(ctx, addr, wire.Query(at.Owner, at.Type))
		if err != nil {
			return nil, err
		}
		if set := collect(m.Answers, at); set != nil {
			return set, nil
		}
	}
	return nil, nil
}
