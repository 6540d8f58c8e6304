package zonefile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// ErrWhole says that a file cannot be changed in place and has to be written whole, with Write.
// It is wrapped with the reason.
var ErrWhole = errors.New("the file cannot be changed in place")

// Rewrite returns old changed so that it says what want says. Comments, order and lines of records
// that stay are kept byte for byte; a changed record is changed where it stands, a new one goes below
// its owner's others or behind the name before it in canonical order, a deleted one takes its line
// along. Extra does not count, nor do pseudo-types unless opt writes them as they are.
//
// The result is read again and compared; when it would not say the same, when old has errors, or
// when a change concerns what $GENERATE or $INCLUDE made, the error wraps ErrWhole.
func Rewrite(old []byte, want *zone.Zone, read Options, opt WriteOptions) ([]byte, error) {
	whole := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrWhole, fmt.Sprintf(format, args...))
	}
	want, err := storable(want, opt)
	if err != nil {
		return nil, err
	}
	if !read.HasOrigin {
		read.Origin, read.HasOrigin = want.Origin(), true
	}
	r := rewriter{want: want, text: string(old)}
	p := newParser(old, read)
	p.whole = true
	p.keep = func(s *scanner, from int) { r.note(p, s, from) }
	p.file(r.text)
	records := slices.Clone(p.records) // finish sorts its own
	p.finish()
	res, err := p.result()
	if err != nil {
		return nil, whole("it has errors: %v", err)
	}
	if strings.HasPrefix(r.text, "\uFEFF") {
		return nil, whole("it begins with a byte order mark")
	}
	if err := r.plan(res.Zone, records); err != nil {
		return nil, err
	}
	out := []byte(r.render(records))
	again, err := Parse(out, read)
	if err != nil {
		return nil, whole("the outcome could not be read: %v", err)
	}
	if !again.Zone.Equal(want) {
		return nil, whole("the outcome would say something else")
	}
	return out, nil
}

// storable returns the zone as a file can hold it.
func storable(z *zone.Zone, opt WriteOptions) (*zone.Zone, error) {
	b := zone.NewBuilder(z.Origin())
	for set := range z.All() {
		if !set.Type.OnWire() {
			switch opt.Pseudo {
			case PseudoError:
				return nil, fmt.Errorf("zone %s: %s cannot be written to a zone file: name servers do not know the type %s", z.Origin(), set.Key(), set.Type)
			case PseudoComment:
				continue
			}
		}
		set.Extra = zone.Extra{}
		b.Add(set)
	}
	return b.Zone()
}

// A piece is one entry of the old file with the lines before it that hold no entry.
type piece struct {
	start, end int // of the entry's lines
	from, to   int // records that it gave
	single     bool
	blank      bool // owner left out
	origin     zone.Name
	owner      zone.Name
	ttl        int // index of the TTL's token, -1 when left out
	hasTTL     bool
	first      int // index of the first token of RDATA
	toks       []rdata.Token
	off        []int

	drop   bool
	data   zone.Data // new data when change
	newTTL uint32
	change bool
	after  []line // new records below it
}

// A line is a record to be inserted.
type line struct {
	owner zone.Name
	typ   zone.Type
	ttl   uint32
	data  zone.Data
}

type rewriter struct {
	want   *zone.Zone
	text   string
	pieces []piece
	top    []line // records for the end of the file when there is no place for them
}

// note keeps what an entry was, called by the parser behind each.
func (r *rewriter) note(p *parser, s *scanner, from int) {
	x := piece{start: s.start, end: s.end, from: from, to: len(p.records), origin: p.origin, owner: p.owner, blank: s.blank, ttl: -1, hasTTL: p.hasDefaultTTL}
	if s.fault == "" && x.to == x.from+1 && !(strings.HasPrefix(s.toks[0].Text, "$") && !s.blank) {
		x.single = true
		x.toks, x.off = slices.Clone(s.toks), slices.Clone(s.off)
		i := 0
		if !s.blank {
			i = 1
		}
		for ; i < len(s.toks); i++ {
			w := s.toks[i].Text
			if w[0] >= '0' && w[0] <= '9' && x.ttl < 0 {
				x.ttl = i
			} else if !isClass(w) {
				break
			}
		}
		x.first = i + 1
	}
	r.pieces = append(r.pieces, x)
}

// plan marks the pieces that change and finds places for new records.
func (r *rewriter) plan(have *zone.Zone, records []record) error {
	changed := map[zone.Key]zone.Change{}
	for c := range zone.Diff(have, r.want) {
		changed[c.Key()] = c
	}
	todo := map[zone.Key][]zone.Data{} // data that no line holds yet
	for k, c := range changed {
		if c.After != nil {
			todo[k] = slices.Clone(c.After.Data)
		}
	}
	byKey := map[zone.Key][]*piece{}
	for i := range r.pieces {
		x := &r.pieces[i]
		for j := x.from; j < x.to; j++ {
			k := zone.Key{Owner: records[j].owner, Type: records[j].typ}
			if _, ok := changed[k]; !ok {
				continue
			}
			if !x.single {
				return fmt.Errorf("%w: %s comes from $GENERATE or $INCLUDE", ErrWhole, k)
			}
			byKey[k] = append(byKey[k], x)
		}
	}
	for k, list := range byKey {
		r.planSet(list, records, changed[k].After, todo, k)
	}
	var fresh []line
	for k, c := range changed {
		for _, d := range todo[k] {
			fresh = append(fresh, line{k.Owner, k.Type, c.After.TTL, d})
		}
	}
	slices.SortFunc(fresh, func(a, b line) int {
		if c := (zone.Key{Owner: a.owner, Type: a.typ}).Compare(zone.Key{Owner: b.owner, Type: b.typ}); c != 0 {
			return c
		}
		return strings.Compare(string(a.data), string(b.data))
	})
	r.insert(fresh, records)
	return nil
}

// planSet goes through the lines of one RRset that changed: those whose data stays are kept, the
// others take over new data, and what is left over is dropped.
func (r *rewriter) planSet(list []*piece, records []record, after *zone.RRset, todo map[zone.Key][]zone.Data, k zone.Key) {
	var free []*piece
	for _, x := range list {
		rec := records[x.from]
		i := slices.Index(todo[k], rec.data)
		if i < 0 {
			free = append(free, x)
			continue
		}
		todo[k] = slices.Delete(todo[k], i, i+1)
		x.data, x.newTTL = rec.data, after.TTL
		x.change = rec.ttl != after.TTL
	}
	for _, x := range free {
		if len(todo[k]) == 0 {
			x.drop = true
			continue
		}
		x.data, x.newTTL, x.change = todo[k][0], after.TTL, true
		todo[k] = todo[k][1:]
	}
}

// insert hangs new records below the last line of their owner, or of the greatest name before.
func (r *rewriter) insert(fresh []line, records []record) {
	if len(fresh) == 0 {
		return
	}
	type anchor struct {
		owner zone.Name
		piece int
	}
	var anchors []anchor
	for i := range r.pieces {
		if x := &r.pieces[i]; x.single {
			anchors = append(anchors, anchor{records[x.from].owner, i})
		}
	}
	slices.SortStableFunc(anchors, func(a, b anchor) int { return a.owner.Compare(b.owner) })
	for _, l := range fresh {
		i, _ := slices.BinarySearchFunc(anchors, l.owner, func(a anchor, n zone.Name) int {
			if a.owner.Compare(n) <= 0 {
				return -1
			}
			return 1
		})
		if i == 0 {
			r.top = append(r.top, l)
			continue
		}
		x := &r.pieces[anchors[i-1].piece]
		x.after = append(x.after, l)
	}
}

// render writes the new text. It follows owner and TTL as a reader of the new text will, and
// writes them out where leaving them out would now mean something else.
func (r *rewriter) render(records []record) string {
	var b strings.Builder
	var owner zone.Name
	var lastTTL uint32
	hasOwner, hasLast := false, false
	pos := 0
	end := "\n"
	if strings.Contains(r.text, "\r\n") {
		end = "\r\n"
	}
	emit := func(l line, origin zone.Name) {
		lead := liner{origin: r.want.Origin()}
		if s := b.String(); s != "" && !strings.HasSuffix(s, "\n") {
			b.WriteString(end)
		}
		name := l.owner.String()
		if l.owner.In(origin) {
			name = l.owner.Relative(origin)
		}
		head := lead.appendHead(nil, name, strconv.FormatUint(uint64(l.ttl), 10), l.typ)
		b.Write(rdata.AppendText(head, l.typ, l.data, zone.Root))
		b.WriteString(end)
		owner, hasOwner, lastTTL, hasLast = l.owner, true, l.ttl, true
	}
	origin := zone.Root
	for i := range r.pieces {
		x := &r.pieces[i]
		b.WriteString(r.text[pos:x.start])
		pos = x.end
		origin = x.origin
		switch {
		case x.drop:
		case !x.single:
			b.WriteString(r.text[x.start:x.end])
			if x.to > x.from { // $GENERATE sets the owner, $INCLUDE gives it back
				owner, hasOwner = x.owner, true
				hasLast = false
			}
		default:
			rec := records[x.from]
			e := edit{text: r.text, at: x.start}
			needTTL := rec.ttl
			if x.change {
				needTTL = x.newTTL
			}
			if x.blank && (!hasOwner || owner != rec.owner) {
				e.put(x.start, x.start, rec.owner.String())
			}
			switch {
			case x.ttl >= 0:
				if needTTL != rec.ttl {
					e.put(x.off[x.ttl], x.off[x.ttl]+len(x.toks[x.ttl].Text), strconv.FormatUint(uint64(needTTL), 10))
				}
				lastTTL, hasLast = needTTL, true
			case needTTL != rec.ttl || !x.hasTTL && (!hasLast && !(rec.typ == zone.TypeSOA) || hasLast && lastTTL != needTTL):
				typeOff := x.off[x.first-1]
				e.put(typeOff, typeOff, strconv.FormatUint(uint64(needTTL), 10)+" ")
				lastTTL, hasLast = needTTL, true
			case !x.hasTTL:
				lastTTL, hasLast = needTTL, true
			}
			if x.change && x.data != rec.data {
				r.editData(&e, x, rec, end)
			}
			b.WriteString(e.finish(x.end))
			owner, hasOwner = rec.owner, true
		}
		for _, l := range x.after {
			emit(l, x.origin)
		}
	}
	b.WriteString(r.text[pos:])
	if origin.IsRoot() {
		origin = r.want.Origin()
	}
	for _, l := range r.top {
		emit(l, origin)
	}
	return b.String()
}

// editData replaces the RDATA of an entry: field by field where both have the same number of
// fields, so that layout and comments of a SOA over several lines stay; else as a whole.
func (r *rewriter) editData(e *edit, x *piece, rec record, lineEnd string) {
	text := rdata.Text(rec.typ, x.data)
	toks := x.toks[x.first:]
	if next, err := rdata.Split(text); err == nil && len(next) == len(toks) && len(toks) > 0 && toks[0].Text != `\#` {
		old, oldErr := rdata.Split(rdata.Text(rec.typ, rec.data))
		for i, tok := range next {
			if oldErr == nil && len(old) == len(next) && old[i] == tok {
				continue
			}
			e.put(x.off[x.first+i], tokenEnd(x.off[x.first+i], toks[i]), written(tok))
		}
		return
	}
	from, to := x.off[x.first-1]+len(x.toks[x.first-1].Text), x.end
	if len(toks) > 0 {
		last := tokenEnd(x.off[len(x.off)-1], toks[len(toks)-1])
		if !strings.ContainsAny(r.text[from:last], "\n();") && !strings.ContainsAny(r.text[last:x.end], "()") {
			e.put(x.off[x.first], last, text)
			return
		}
	}
	if opened := strings.ContainsAny(r.text[x.start:from], "("); opened {
		text += " )" // the type stands within the parenthesis
	}
	e.put(from, to, " "+text+lineEnd)
}

func tokenEnd(off int, tok rdata.Token) int {
	if tok.Quoted {
		return off + len(tok.Text) + 2
	}
	return off + len(tok.Text)
}

func written(tok rdata.Token) string {
	if tok.Quoted {
		return `"` + tok.Text + `"`
	}
	return tok.Text
}

// An edit copies text with replacements, which come in order.
type edit struct {
	text string
	at   int
	out  strings.Builder
}

func (e *edit) put(from, to int, s string) {
	e.out.WriteString(e.text[e.at:from])
	e.out.WriteString(s)
	e.at = to
}

func (e *edit) finish(end int) string {
	if e.at < end {
		e.out.WriteString(e.text[e.at:end])
	}
	return e.out.String()
}
