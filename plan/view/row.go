package view

import (
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// What happens to an RRset, a value or a part of one.
const (
	same    = ' '
	added   = '+'
	removed = '-'
	changed = '~'
)

// A part is a piece of a value.
type part struct {
	kind byte
	text string
}

// A value is one record's RDATA, or one line of Extra, in parts.
type value []part

// A row is one changed RRset.
type row struct {
	mark   byte
	name   string // A-labels
	idn    string // the same with U-labels, where it has any
	typ    string
	ttl    value
	values []value
	stay   int // values that stay and are not shown
	extras []extraRow
}

// An extraRow is one changed key of Extra.
type extraRow struct {
	mark byte
	key  string
	text value
}

// rows prepares the changes of a plan.
func rows(p *plan.Plan) []row {
	out := make([]row, len(p.Changes.Sets))
	for i, c := range p.Changes.Sets {
		out[i] = rowOf(c)
	}
	return out
}

func rowOf(c zone.Change) row {
	k := c.Key()
	r := row{name: k.Owner.String(), typ: k.Type.String()}
	if u := k.Owner.Unicode(); u != r.name {
		r.idn = term.Clean(u)
	}
	switch {
	case c.Creates():
		r.mark = added
		r.ttl, r.values = plain(ttlText(*c.After)), whole(*c.After)
		r.extras = extraDiff(zone.Extra{}, c.After.Extra)
	case c.Deletes():
		r.mark = removed
		r.ttl, r.values = plain(ttlText(*c.Before)), whole(*c.Before)
	default:
		r.mark = changed
		r.ttl = plain(ttlText(*c.After))
		if c.Before.TTL != c.After.TTL {
			r.ttl = value{{removed, ttlText(*c.Before)}, {added, ttlText(*c.After)}}
		}
		r.values, r.stay = valueDiff(*c.Before, *c.After)
		r.extras = extraDiff(c.Before.Extra, c.After.Extra)
	}
	return r
}

func plain(s string) value { return value{{same, s}} }

func ttlText(r zone.RRset) string { return strconv.FormatUint(uint64(r.TTL), 10) }

func dataText(t zone.Type, d zone.Data) string { return term.Clean(rdata.Text(t, d)) }

// whole lists all records of an RRset.
func whole(r zone.RRset) []value {
	out := make([]value, len(r.Data))
	for i, d := range r.Data {
		out[i] = plain(dataText(r.Type, d))
	}
	return out
}

const (
	showSame = 3   // values that stay are shown up to this many
	pairMost = 400 // comparisons that are made to find which old value became which new one
)

// valueDiff compares the records of an RRset. A record that became another is one value with both.
func valueDiff(before, after zone.RRset) (out []value, stay int) {
	var gone, come, kept []zone.Data
	for _, d := range before.Data {
		if _, ok := slices.BinarySearch(after.Data, d); ok {
			kept = append(kept, d)
		} else {
			gone = append(gone, d)
		}
	}
	for _, d := range after.Data {
		if _, ok := slices.BinarySearch(before.Data, d); !ok {
			come = append(come, d)
		}
	}
	if len(kept) <= showSame {
		for _, d := range kept {
			out = append(out, plain(dataText(after.Type, d)))
		}
	} else {
		stay = len(kept)
	}
	for _, d := range gone {
		text := dataText(before.Type, d)
		if i := partner(after.Type, text, come, len(gone)); i >= 0 {
			out = append(out, wordDiff(text, dataText(after.Type, come[i])))
			come = slices.Delete(slices.Clone(come), i, i+1)
			continue
		}
		out = append(out, value{{removed, text}})
	}
	for _, d := range come {
		out = append(out, value{{added, dataText(after.Type, d)}})
	}
	return out, stay
}

// partner finds the new value that has most in common with an old one, -1 when none has enough.
func partner(t zone.Type, text string, come []zone.Data, gone int) int {
	if len(come)*gone > pairMost {
		return -1
	}
	best, most := -1, 0.5
	words := split(text)
	for i, d := range come {
		if s := similarity(words, split(dataText(t, d))); s >= most && (best < 0 || s > most) {
			best, most = i, s
		}
	}
	return best
}

// similarity is the share of words that two values have in common, at least 0.5 for two long words
// that begin or end alike.
func similarity(a, b []string) float64 {
	if len(a) == 1 && len(b) == 1 {
		if p, s := common(a[0], b[0]); p+s >= 12 && (p+s)*2 >= min(len(a[0]), len(b[0])) {
			return 0.5
		}
		return 0
	}
	n := 0
	for _, m := range lcs(a, b) {
		if a[m[0]] != " " {
			n++
		}
	}
	return float64(n) / float64((max(len(a), len(b))+1)/2)
}

// split cuts a value into words and the blanks between them.
func split(s string) []string {
	var out []string
	start := 0
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' || s[i] == ',' {
			if i > start {
				out = append(out, s[start:i])
			}
			out = append(out, s[i:i+1])
			start = i + 1
		}
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}

const lcsMost = 1000 // words; longer values are shown as replaced

// lcs returns the index pairs of a longest common subsequence.
func lcs(a, b []string) [][2]int {
	if len(a)*len(b) > lcsMost*lcsMost {
		return nil
	}
	w := len(b) + 1
	table := make([]int32, (len(a)+1)*w)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				table[i*w+j] = table[(i+1)*w+j+1] + 1
			} else {
				table[i*w+j] = max(table[(i+1)*w+j], table[i*w+j+1])
			}
		}
	}
	var out [][2]int
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			out = append(out, [2]int{i, j})
			i, j = i+1, j+1
		case table[(i+1)*w+j] >= table[i*w+j+1]:
			i++
		default:
			j++
		}
	}
	return out
}

// wordDiff shows what became of a value: equal words once, others as removed and added.
func wordDiff(before, after string) value {
	a, b := split(before), split(after)
	var out value
	add := func(kind byte, text string) {
		if text == "" {
			return
		}
		if n := len(out); n > 0 && out[n-1].kind == kind {
			out[n-1].text += text
			return
		}
		out = append(out, part{kind, text})
	}
	i, j := 0, 0
	replace := func(toI, toJ int) {
		old, fresh := strings.Join(a[i:toI], ""), strings.Join(b[j:toJ], "")
		head, tail := common(old, fresh)
		if head+tail < 12 || old == "" || fresh == "" {
			head, tail = blanks(old, fresh)
		}
		add(same, old[:head])
		add(removed, old[head:len(old)-tail])
		add(added, fresh[head:len(fresh)-tail])
		add(same, old[len(old)-tail:])
		i, j = toI, toJ
	}
	for _, m := range lcs(a, b) {
		if a[m[0]] == " " && (m[0] > i && m[1] > j) {
			continue // keep runs of replaced words together
		}
		replace(m[0], m[1])
		add(same, a[m[0]])
		i, j = m[0]+1, m[1]+1
	}
	replace(len(a), len(b))
	return out
}

// blanks counts the blanks that two texts both begin and end with.
func blanks(a, b string) (prefix, suffix int) {
	if strings.HasPrefix(a, " ") && strings.HasPrefix(b, " ") {
		prefix = 1
	}
	if len(a) > prefix && len(b) > prefix && strings.HasSuffix(a, " ") && strings.HasSuffix(b, " ") {
		suffix = 1
	}
	return prefix, suffix
}

// common counts the octets that two texts begin and end alike with. It does not cut into runes.
func common(a, b string) (prefix, suffix int) {
	for prefix < len(a) && prefix < len(b) && a[prefix] == b[prefix] {
		prefix++
	}
	for prefix > 0 && prefix < len(a) && a[prefix]&0xC0 == 0x80 {
		prefix--
	}
	for suffix < len(a)-prefix && suffix < len(b)-prefix && a[len(a)-1-suffix] == b[len(b)-1-suffix] {
		suffix++
	}
	for suffix > 0 && a[len(a)-suffix]&0xC0 == 0x80 {
		suffix--
	}
	return prefix, suffix
}

// extraDiff compares Extra key by key.
func extraDiff(before, after zone.Extra) []extraRow {
	var out []extraRow
	for k, v := range before.All() {
		switch now, ok := after.Value(k); {
		case !ok:
			out = append(out, extraRow{removed, k, plain(term.Clean(v))})
		case now != v:
			out = append(out, extraRow{changed, k, wordDiff(term.Clean(v), term.Clean(now))})
		}
	}
	for k, v := range after.All() {
		if _, ok := before.Value(k); !ok {
			out = append(out, extraRow{added, k, plain(term.Clean(v))})
		}
	}
	slices.SortStableFunc(out, func(a, b extraRow) int { return strings.Compare(a.key, b.key) })
	return out
}
