package conformance_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
)

// with is subject with one fault of the provider and one of the service.
func with(b broken, edit func(*conformance.Memory, *conformance.Subject)) conformance.Subject {
	var m *conformance.Memory
	var once sync.Once
	s := subject(func(mem *conformance.Memory) provider.Provider {
		once.Do(func() { m = mem })
		x := b
		x.Memory = mem
		return x
	})
	s.Open(nil)
	if edit != nil {
		edit(m, &s)
	}
	return s
}

type writeFunc = func(context.Context, *conformance.Memory, *provider.Snapshot, provider.ChangeSet) (*provider.Receipt, error)

// after writes and then does something that it does not tell of.
func after(f func(m *conformance.Memory, origin zone.Name)) writeFunc {
	return func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
		r, err := m.Write(ctx, base, c)
		f(m, base.Info.Origin)
		return r, err
	}
}

// atMost carries out the first n changes and says that all are done.
func atMost(n int) writeFunc {
	return func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
		r, err := m.Write(ctx, base, provider.ChangeSet{Sets: c.Sets[:min(n, len(c.Sets))]})
		if err != nil {
			return provider.NewReceipt(c, provider.NotDone), err
		}
		whole := provider.NewReceipt(c, provider.Done)
		whole.Revision = r.Revision
		return whole, nil
	}
}

// reading changes what is read.
func reading(f func(*provider.Snapshot)) func(*provider.Snapshot) *provider.Snapshot {
	return func(s *provider.Snapshot) *provider.Snapshot {
		n := *s
		f(&n)
		return &n
	}
}

// TestEveryGroupCatches has, for each group that looks at more than values, what it must catch.
func TestEveryGroupCatches(t *testing.T) {
	t.Parallel()
	lying := func(o provider.Outcome) func(*remote) {
		return func(r *remote) {
			r.lie = func(c provider.ChangeSet, err error) (*provider.Receipt, error) {
				return provider.NewReceipt(c, o), err
			}
		}
	}
	overHTTP := func(b broken, edit func(*remote)) conformance.Subject {
		return with(b, func(m *conformance.Memory, s *conformance.Subject) {
			s.Via = via(func() provider.Provider { x := b; x.Memory = m; return x }, edit)
		})
	}
	for _, c := range []struct {
		name, group string
		s           conformance.Subject
	}{
		{"makes duplicates that it does not read", "stated count", func() conformance.Subject {
			writes := 0
			return with(broken{write: after(func(*conformance.Memory, zone.Name) { writes++ })}, func(_ *conformance.Memory, s *conformance.Subject) {
				stated := s.Stated
				s.Stated = func(t conformance.T, ref provider.ZoneRef) conformance.Count {
					c := stated(t, ref)
					c.Records += writes
					return c
				}
			})
		}()},
		{"drops what it cannot express", "foreign things", with(broken{read: reading(func(s *provider.Snapshot) { s.Foreign = nil })}, nil)},
		{"deletes what it cannot express", "foreign things", with(broken{write: after(func(m *conformance.Memory, origin zone.Name) { m.PutForeign(origin) })}, nil)},
		{"shows foreign things as its own", "foreign things", with(broken{read: reading(func(s *provider.Snapshot) {
			for _, f := range s.Foreign {
				set := zone.RRset{Owner: f.Key.Owner, Type: f.Key.Type, TTL: 60, Data: []zone.Data{"\x0a\x00\x00\x01"}}
				s.Sets = must(s.Sets.With([]zone.Change{{After: &set}}))
			}
			s.Foreign = nil
		})}, nil)},
		{"writes in the place of foreign things", "foreign things", with(broken{write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			if len(c.Sets) == 1 && c.Sets[0].Creates() {
				m.PutForeign(base.Info.Origin)
				return blind(ctx, m, base, c)
			}
			return m.Write(ctx, base, c)
		}}, nil)},
		{"deletes other types at the name", "many changes in several plans", with(broken{write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			r, err := m.Write(ctx, base, c)
			if err == nil && len(c.Sets) == 1 {
				snap := must(m.Read(ctx, base.Info.ZoneRef))
				var more []zone.Change
				for set := range snap.Sets.At(c.Sets[0].Key().Owner) {
					if set.Type == zone.TypeAAAA && c.Sets[0].Key().Type != zone.TypeAAAA {
						more = append(more, zone.Change{Before: &set})
					}
				}
				m.Put(must(snap.Sets.With(more)))
			}
			return r, err
		}}, nil)},
		{"carries out twenty changes", "every type in one plan", with(broken{write: atMost(20)}, nil)},
		{"carries out a batch", "borders of batches", with(broken{write: atMost(50), caps: func(c *provider.Capabilities) { c.Batch = 50 }}, nil)},
		{"ignores settings", "refused settings", with(broken{write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			return m.Write(ctx, base, provider.ChangeSet{Sets: c.Sets})
		}}, nil)},
		{"ignores switches", "switches", with(broken{write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			if _, err := m.Write(ctx, base, provider.ChangeSet{Sets: c.Sets}); err != nil {
				return provider.NewReceipt(c, provider.NotDone), err
			}
			return provider.NewReceipt(c, provider.Done), nil
		}}, nil)},
		{"cuts texts at a zero octet", "round trips of edges", with(broken{write: edited(func(s zone.RRset) (zone.RRset, bool) {
			if s.Type != zone.TypeTXT {
				return s, true
			}
			out := s
			out.Data = nil
			for _, d := range s.Data {
				for i := range d {
					if i > 0 && d[i] == 0 {
						d = zone.Data(append([]byte{byte(i - 1)}, d[1:i]...))
						break
					}
				}
				out.Data = append(out.Data, d)
			}
			return out.Clean(), true
		})}, nil)},
		{"loses the last of a full page", "borders of pages", with(broken{read: reading(func(s *provider.Snapshot) {
			if s.Sets.Len() <= 100 {
				return
			}
			i := 0
			for set := range s.Sets.All() {
				if i++; i == 100 {
					s.Sets = must(s.Sets.With([]zone.Change{{Before: &set}}))
					return
				}
			}
		})}, nil)},
		{"lets expired credentials write", "expired credentials", with(broken{}, func(m *conformance.Memory, s *conformance.Subject) {
			s.Expired = func(conformance.T) provider.Provider { return m }
		})},
		{"calls missing rights a rejection", "narrow credentials", with(broken{}, func(m *conformance.Memory, s *conformance.Subject) {
			s.Narrow = func(conformance.T) provider.Provider { return narrow{m, provider.Rejected} }
		})},
		{"writes with narrow credentials", "narrow credentials", with(broken{}, func(m *conformance.Memory, s *conformance.Subject) {
			s.Narrow = func(conformance.T) provider.Provider {
				return broken{Memory: m, write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
					_, _ = m.Write(ctx, base, c)
					return nil, &provider.Error{Kind: provider.Denied}
				}}
			}
		})},
		{"calls what exists a rejection", "created twice", with(broken{write: func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
			r, err := m.Write(ctx, base, c)
			if provider.KindOf(err) == provider.Conflict {
				err = &provider.Error{Kind: provider.Rejected, Err: errors.New("identical record exists")}
			}
			return r, err
		}}, nil)},
		{"does not read again before the write", "changed at the last moment", overHTTP(broken{write: blind}, nil)},
		{"declares no window", "stale snapshot", with(broken{caps: func(c *provider.Capabilities) { c.Compare = provider.NoCompare }}, nil)},
		{"says not done of what failed", "faults of single calls", overHTTP(broken{}, lying(provider.NotDone))},
		{"says done of what failed", "faults of single calls", overHTTP(broken{}, lying(provider.Done))},
		{"takes an empty answer for an empty zone", "faults of single calls", overHTTP(broken{}, func(r *remote) { r.trusting = true })},
		{"tells no kinds of errors", "trouble that lasts", overHTTP(broken{}, func(r *remote) {
			r.lie = func(c provider.ChangeSet, err error) (*provider.Receipt, error) {
				return provider.NewReceipt(c, provider.NotDone), errors.New(err.Error())
			}
		})},
		{"keeps to itself how long to wait", "throttled for long", overHTTP(broken{}, func(r *remote) {
			r.lie = func(c provider.ChangeSet, _ error) (*provider.Receipt, error) {
				return provider.NewReceipt(c, provider.NotDone), &provider.Error{Kind: provider.Throttled}
			}
		})},
		{"forgets the batches before", "fault in the middle of a write", overHTTP(broken{caps: func(c *provider.Capabilities) { c.Atomic = false }}, func(r *remote) {
			r.batch = 5
			lying(provider.NotDone)(r)
		})},
		{"is busy with one caller", "one account, many callers", with(broken{write: func() writeFunc {
			var busy sync.Mutex
			return func(ctx context.Context, m *conformance.Memory, base *provider.Snapshot, c provider.ChangeSet) (*provider.Receipt, error) {
				if !busy.TryLock() {
					return nil, errors.New("busy")
				}
				defer busy.Unlock()
				select { // long enough for the others to come
				case <-ctx.Done():
				case <-time.After(5 * time.Millisecond):
				}
				return m.Write(ctx, base, c)
			}
		}()}, nil)},
		{"asks for each change", "10,000 sets in few calls", with(broken{}, func(_ *conformance.Memory, s *conformance.Subject) {
			calls := s.Calls
			n := 0
			s.Calls = func() (int, int) { all, polls := calls(); n += 2000; return all + n, polls }
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			caught(t, c.group, c.s)
		})
	}
}
