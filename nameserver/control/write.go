package control

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zonecast/zonecast/nameserver/held"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// A done is what a write has come to.
type done struct {
	status int
	v      any
	etag   string
	entry  Entry // Before, After, Changes
}

// write carries out what changes something: it asks whether the client may, reads the body, finds a
// place, and tells of it. What has arrived whole is carried out also when the client has gone.
func (h *handler) write(c *call, action string, f func(ctx context.Context) (done, *api.Problem)) *api.Problem {
	e := Entry{At: time.Now(), Client: c.who.name, From: c.who.from, Action: action, Zone: c.origin}
	said := false
	tell := func(d done, p *api.Problem) {
		e.Before, e.After, e.Changes = d.entry.Before, d.entry.After, d.entry.Changes
		if p != nil {
			e.Err = p
		}
		if h.o.Log != nil {
			h.o.Log(e)
		}
		said = true
	}
	defer func() {
		if v := recover(); v != nil {
			if !said {
				tell(done{}, problem(api.Failed, "the name server has a fault: %v", v))
			}
			panic(v)
		}
	}()
	refuse := func(p *api.Problem) *api.Problem {
		p.Zone = c.origin
		tell(done{}, p)
		return p
	}
	if c.may.ReadOnly {
		return refuse(problem(api.Denied, "%s may look and not change anything", c.who.name))
	}
	body, p := h.readBody(c.w, c.r)
	if p != nil {
		return refuse(p)
	}
	c.body = body
	ctx, cancel := context.WithTimeout(held.WithActor(context.WithoutCancel(c.r.Context()), "control by "+c.who.name), h.o.Limits.Write)
	defer cancel()
	recall := func(r held.Receipt) (done, bool, *api.Problem) { return h.recall(ctx, c, r) }
	d, p := h.again.once(ctx, c, recall, func(ctx context.Context) (done, *api.Problem) {
		leave, p := room(ctx, h.writes)
		if p == nil {
			defer leave()
			var d done
			if d, p = f(ctx); p == nil {
				tell(d, nil)
				return d, nil
			}
		}
		return done{}, refuse(p)
	})
	if p != nil {
		return p
	}
	// Who waited long for the write still has time to take the answer.
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(h.o.Limits.Stall))
	if d.etag != "" {
		c.w.Header().Set("ETag", d.etag)
	}
	if d.status == http.StatusNoContent {
		c.w.WriteHeader(d.status)
		return nil
	}
	send(c.w, d.status, d.v)
	return nil
}

// written is the answer to a write of a zone.
func (h *handler) written(status int, info held.Info, before uint32, changes int) done {
	return done{
		status: status, v: api.Written{Zone: h.full(info), Before: before}, etag: api.ETag(info.Revision),
		entry: Entry{Before: before, After: info.Serial, Changes: changes},
	}
}

// base reads If-Match: the revision that the client has seen, or "*" for any.
func base(c *call, what string) (string, *api.Problem) {
	text := strings.TrimSpace(c.r.Header.Get("If-Match"))
	switch text {
	case "":
		p := problem(api.Missing, "say which revision is to be %s: If-Match with the ETag of the zone, or * for any", what)
		p.Status, p.Title = http.StatusPreconditionRequired, http.StatusText(http.StatusPreconditionRequired)
		return "", p
	case "*":
		return "*", nil
	}
	return strings.Trim(strings.TrimPrefix(text, "W/"), `"`), nil
}

// present finds the zone that a write is about, at the revision that the client has seen.
func (h *handler) present(c *call, base string) (*zone.Zone, held.Info, *api.Problem) {
	z, info, err := h.o.Backend.Zone(c.origin)
	if err != nil {
		return nil, info, problemOf(err, c.origin)
	}
	if info.Kind != held.Primary {
		from := "the name server makes it itself"
		switch info.Kind {
		case held.File:
			from = "it is read from a file; edit that"
		case held.Secondary:
			from = "it is transferred from its primary; edit it there"
		}
		return nil, info, problemOf(fmt.Errorf("zone %s: %w: %s", c.origin, held.ErrReadOnly, from), c.origin)
	}
	if base != "*" && base != info.Revision {
		return nil, info, problemOf(fmt.Errorf("zone %s: %w: it has serial %d now", c.origin, held.ErrMoved, info.Serial), c.origin)
	}
	return z, info, nil
}

// put makes a zone, or replaces the records of one.
func (h *handler) put(c *call) *api.Problem {
	if c.r.Header.Get("If-Match") != "" {
		return h.write(c, "replace", func(ctx context.Context) (done, *api.Problem) { return h.replace(ctx, c) })
	}
	return h.write(c, "create", func(ctx context.Context) (done, *api.Problem) {
		if _, info, err := h.o.Backend.Zone(c.origin); err == nil {
			return done{}, problemOf(fmt.Errorf("zone %s: %w, as a %s zone", c.origin, held.ErrExists, info.Kind), c.origin)
		}
		z, p := c.zone()
		if p != nil {
			return done{}, p
		}
		info, err := h.o.Backend.Create(withReceipt(ctx, c, http.StatusCreated, 0, z.Len()), z)
		if err != nil {
			return done{}, problemOf(err, c.origin)
		}
		return h.written(http.StatusCreated, info, 0, info.Sets), nil
	})
}

// zone is the zone of the body.
func (c *call) zone() (*zone.Zone, *api.Problem) {
	sets, p := decodeSets(c.r.Header.Get("Content-Type"), c.body, c.origin, false)
	if p != nil {
		return nil, p
	}
	z, err := zone.Of(c.origin, sets...)
	if err != nil {
		return nil, problem(api.Invalid, "%v", err)
	}
	if _, ok := z.Set(c.origin, zone.TypeSOA); !ok {
		return nil, problem(api.Invalid, "zone %s has no SOA record", c.origin)
	}
	return z, nil
}

func (h *handler) replace(ctx context.Context, c *call) (done, *api.Problem) {
	rev, p := base(c, "replaced")
	if p != nil {
		return done{}, p
	}
	next, p := c.zone()
	if p != nil {
		return done{}, p
	}
	return h.make(ctx, c, rev, func(have *zone.Zone) []zone.Change { return slices.Collect(zone.Diff(have, next)) })
}

// change makes RRsets what the body says, all or none.
func (h *handler) change(c *call) *api.Problem {
	return h.write(c, "change", func(ctx context.Context) (done, *api.Problem) {
		rev, p := base(c, "changed")
		if p != nil {
			return done{}, p
		}
		sets, p := decodeSets(c.r.Header.Get("Content-Type"), c.body, c.origin, true)
		if p != nil {
			return done{}, p
		}
		return h.make(ctx, c, rev, func(have *zone.Zone) []zone.Change { return changesOf(have, sets) })
	})
}

// changesOf turns what sets are to be into what has to change for it.
func changesOf(z *zone.Zone, sets []zone.RRset) []zone.Change {
	out := make([]zone.Change, 0, len(sets))
	for i := range sets {
		have, ok := z.Set(sets[i].Owner, sets[i].Type)
		var c zone.Change
		if ok {
			c.Before = &have
		}
		if len(sets[i].Data) > 0 {
			c.After = &sets[i]
		}
		if c.Before == nil && c.After == nil || ok && c.After != nil && have.Equal(sets[i]) {
			continue
		}
		out = append(out, c)
	}
	return out
}

// make has changes carried out that are computed from the revision rev. With "*" that is the present one,
// and a new one when the zone has another meanwhile: each time somebody else got on.
func (h *handler) make(ctx context.Context, c *call, rev string, changes func(have *zone.Zone) []zone.Change) (done, *api.Problem) {
	for {
		have, from, p := h.present(c, rev)
		if p != nil {
			return done{}, p
		}
		list := changes(have)
		if len(list) == 0 {
			return h.written(http.StatusOK, from, from.Serial, 0), nil
		}
		info, err := h.o.Backend.Change(withReceipt(ctx, c, http.StatusOK, from.Serial, len(list)), c.origin, from.Revision, list)
		switch {
		case err == nil:
			return h.written(http.StatusOK, info, from.Serial, len(list)), nil
		case rev != "*" || !errors.Is(err, held.ErrMoved) || ctx.Err() != nil:
			return done{}, problemOf(err, c.origin)
		}
	}
}

func (h *handler) delete(c *call) *api.Problem {
	return h.write(c, "delete", func(ctx context.Context) (done, *api.Problem) {
		rev, p := base(c, "deleted")
		if p != nil {
			return done{}, p
		}
		_, info, p := h.present(c, rev)
		if p != nil {
			return done{}, p
		}
		if rev == "*" {
			rev = "" // whatever it has become since
		}
		if err := h.o.Backend.Delete(withReceipt(ctx, c, http.StatusNoContent, info.Serial, info.Sets), c.origin, rev); err != nil {
			return done{}, problemOf(err, c.origin)
		}
		return done{status: http.StatusNoContent, entry: Entry{Before: info.Serial, Changes: info.Sets}}, nil
	})
}

func (h *handler) restore(c *call) *api.Problem {
	return h.write(c, "restore", func(ctx context.Context) (done, *api.Problem) {
		if h.o.Restore == nil {
			return done{}, problem(api.Unsupported, "this name server keeps no versions")
		}
		var in api.Restore
		if err := decodeJSON(c.body, &in); err != nil {
			return done{}, problem(api.Malformed, "%v", err)
		}
		rev := "*"
		if c.r.Header.Get("If-Match") != "" {
			rev, _ = base(c, "replaced")
		}
		_, before, p := h.present(c, rev)
		if p != nil {
			return done{}, p
		}
		if rev == "*" {
			rev = "" // whatever it has become since
		}
		info, err := h.o.Restore(withReceipt(ctx, c, http.StatusOK, before.Serial, 0), c.origin, rev, in.Serial)
		if err != nil {
			return done{}, problemOf(err, c.origin)
		}
		return h.written(http.StatusOK, info, before.Serial, 0), nil
	})
}

// reload is for who may change all zones: it concerns them all.
func (h *handler) reload(c *call) *api.Problem {
	return h.write(c, "reload", func(ctx context.Context) (done, *api.Problem) {
		switch {
		case len(c.may.Zones) > 0:
			return done{}, problem(api.Denied, "%s may use some zones; a reload concerns them all", c.who.name)
		case h.o.Reload == nil:
			return done{}, problem(api.Unsupported, "this name server has nothing to read again")
		}
		r, err := h.o.Reload(ctx)
		if err != nil {
			return done{}, problemOf(err, zone.Root)
		}
		return done{status: http.StatusOK, v: r, entry: Entry{Changes: r.Changed}}, nil
	})
}

// action has something done about a zone that leaves its records to whoever does it.
func (h *handler) action(name, needs string, f func(zone.Name) error) func(*call) *api.Problem {
	return func(c *call) *api.Problem {
		return h.write(c, name, func(context.Context) (done, *api.Problem) {
			if f == nil {
				return done{}, problem(api.Unsupported, "%s needs %s, and this name server has none", name, needs)
			}
			_, info, err := h.o.Backend.Zone(c.origin)
			if err == nil || name == "accept" || name == "refresh" || name == "retransfer" { // a secondary zone may not be there yet
				err = f(c.origin)
			}
			if err != nil {
				return done{}, problemOf(err, c.origin)
			}
			return done{status: http.StatusNoContent, entry: Entry{Before: info.Serial, After: info.Serial}}, nil
		})
	}
}
