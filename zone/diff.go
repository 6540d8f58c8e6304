package zone

import "iter"

// Diff yields what turns a into b, in canonical order. It takes O(len(a)+len(b)) steps, and
// where both zones hold equal chunks it only compares memory. Extra counts; the origin does not.
func Diff(a, b *Zone) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		x, y := cursor{chunks: a.chunks}, cursor{chunks: b.chunks}
		for {
			if x.atStart() && y.atStart() {
				n := 0
				for n < len(x.chunks) && n < len(y.chunks) && sameChunk(x.chunks[n], y.chunks[n]) {
					n++
				}
				x.chunks, y.chunks = x.chunks[n:], y.chunks[n:]
			}
			okX, okY := x.load(), y.load()
			var c Change
			switch {
			case !okX && !okY:
				return
			case !okY || okX && x.e.compareKey(y.e) < 0:
				before := x.e.view()
				c.Before = &before
				x.step()
			case !okX || x.e.compareKey(y.e) > 0:
				after := y.e.view()
				c.After = &after
				y.step()
			default:
				same := x.e.rest == y.e.rest
				if !same {
					before, after := x.e.view(), y.e.view()
					c.Before, c.After = &before, &after
				}
				x.step()
				y.step()
				if same {
					continue
				}
			}
			if !yield(c) {
				return
			}
		}
	}
}

// A cursor walks the entries of a list of chunks.
type cursor struct {
	chunks []*chunk
	rest   string // of chunks[0], when inside
	inside bool
	loaded bool
	e      entry
}

// atStart reports whether the next entry is the first of a chunk.
func (c *cursor) atStart() bool { return !c.loaded && !c.inside && len(c.chunks) > 0 }

// load makes e the current entry; false at the end.
func (c *cursor) load() bool {
	if c.loaded {
		return true
	}
	if !c.inside {
		if len(c.chunks) == 0 {
			return false
		}
		c.rest, c.inside = c.chunks[0].data, true
	}
	c.e, c.rest = cutEntry(c.rest)
	c.loaded = true
	return true
}

// step leaves the current entry.
func (c *cursor) step() {
	c.loaded = false
	if c.rest == "" {
		c.chunks, c.inside = c.chunks[1:], false
	}
}
