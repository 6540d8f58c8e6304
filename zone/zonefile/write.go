package zonefile

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// Pseudo says what happens to types that name servers do not know: ALIAS, URLFWD, vendor types.
type Pseudo uint8

const (
	PseudoError   Pseudo = iota // they are an error
	PseudoComment               // they are written as comments
	PseudoAsIs                  // they are written like all others; Read takes them, as PowerDNS does ALIAS
)

// WriteOptions say how to write. The zero value refuses pseudo-types.
type WriteOptions struct {
	Pseudo Pseudo
	Header string // comment at the top, one or more lines without ";"; "" for none
}

// Write writes the zone. Equal zones give equal files.
func Write(w io.Writer, z *zone.Zone, opt WriteOptions) error {
	out := bufio.NewWriterSize(w, 1<<16)
	origin := z.Origin()
	for line := range strings.Lines(opt.Header) {
		fmt.Fprintf(out, "; %s\n", strings.TrimRight(line, "\r\n"))
	}
	fmt.Fprintf(out, "$ORIGIN %s", origin)
	if u := origin.Unicode(); u != origin.String() {
		fmt.Fprintf(out, " ; %s", u)
	}
	fmt.Fprintf(out, "\n$TTL %d\n", commonTTL(z))
	l := liner{origin: origin, pseudo: opt.Pseudo}
	soa, hasSOA := z.Set(origin, zone.TypeSOA)
	if hasSOA {
		if err := l.set(out, soa); err != nil {
			return err
		}
	}
	for set := range z.All() {
		if hasSOA && set.Type == zone.TypeSOA && set.Owner == origin {
			continue
		}
		if err := l.set(out, set); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("zone %s: %w", origin, err)
	}
	return nil
}

// commonTTL is the TTL that most RRsets have, the smallest of several; 3600 in an empty zone.
func commonTTL(z *zone.Zone) uint32 {
	count := map[uint32]int{}
	for set := range z.All() {
		count[set.TTL]++
	}
	best, n := uint32(3600), 0
	for ttl, c := range count {
		if c > n || c == n && ttl < best {
			best, n = ttl, c
		}
	}
	return best
}

// A liner makes lines.
type liner struct {
	origin zone.Name
	pseudo Pseudo
	last   zone.Name // owner that text is of
	text   string
	wide   string // its U-label form, "" when the same
	buf    []byte
	any    bool
}

func (l *liner) set(w io.Writer, set zone.RRset) error {
	prefix := ""
	if !set.Type.OnWire() {
		switch l.pseudo {
		case PseudoError:
			return fmt.Errorf("zone %s: %s cannot be written to a zone file: name servers do not know the type %s", l.origin, set.Key(), set.Type)
		case PseudoComment:
			prefix = "; "
		}
	}
	if !l.any || set.Owner != l.last {
		l.owner(set.Owner)
	}
	l.buf = l.buf[:0]
	for _, d := range set.Data {
		l.buf = append(l.buf, prefix...)
		if set.Type == zone.TypeSOA && prefix == "" {
			if soa, err := rdata.SOAOf(d); err == nil {
				l.soa(set.TTL, soa)
				continue
			}
		}
		l.buf = l.appendHead(l.buf, l.text, strconv.FormatUint(uint64(set.TTL), 10), set.Type)
		l.buf = rdata.AppendText(l.buf, set.Type, d, zone.Root)
		if l.wide != "" {
			l.buf = append(append(l.buf, " ; "...), l.wide...)
		}
		l.buf = append(l.buf, '\n')
	}
	_, err := w.Write(l.buf)
	return err
}

func (l *liner) owner(n zone.Name) {
	l.last, l.text, l.wide, l.any = n, n.Relative(l.origin), "", true
	if strings.Contains(l.text, "xn--") {
		if u := n.Unicode(); u != n.String() {
			l.wide = u
		}
	}
}

// appendHead writes owner, TTL, class and type in columns of eight. The owner takes as many as it
// needs, two at least; it moves the other columns of its own lines only.
func (l *liner) appendHead(b []byte, owner, ttl string, t zone.Type) []byte {
	b = appendColumn(b, owner, 16)
	b = appendColumn(b, ttl, 8)
	b = append(b, "IN      "...)
	return appendColumn(b, t.String(), 8)
}

func appendColumn(b []byte, s string, width int) []byte {
	b = append(b, s...)
	width = max(width, (len(s)/8+1)*8)
	for range width - len(s) {
		b = append(b, ' ')
	}
	return b
}

// soa writes the fields on lines of their own, so that a new serial is a change of one line.
func (l *liner) soa(ttl uint32, x rdata.SOA) {
	l.buf = l.appendHead(l.buf, l.text, strconv.FormatUint(uint64(ttl), 10), zone.TypeSOA)
	l.buf = fmt.Appendf(l.buf, "%s %s (\n", x.MName, x.RName)
	for i, f := range [...]struct {
		name string
		v    uint32
	}{{"serial", x.Serial}, {"refresh", x.Refresh}, {"retry", x.Retry}, {"expire", x.Expire}, {"minimum", x.Minimum}} {
		end := ""
		if i == 4 {
			end = " )"
		}
		l.buf = fmt.Appendf(l.buf, "%40s%-12s; %s\n", "", strconv.FormatUint(uint64(f.v), 10)+end, f.name)
	}
}
