package zonefile

import (
	"path/filepath"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// OriginOf finds out which zone a file holds: the owner of its SOA, else its first $ORIGIN that
// is not the root, else the file's name: example.org.zone, db.example.org, example.org. ok is
// false when nothing tells.
func OriginOf(file string, data []byte) (origin zone.Name, ok bool) {
	byName, named := originOfName(file)
	current, known := byName, named
	var first zone.Name
	s := newScanner(textOf(data[:min(len(data), 1<<20)]))
	r := rooms.Get().(*room)
	s.room, s.toks, s.at, s.off = r, r.toks[:0], r.at[:0], r.off[:0]
	defer s.leave()
	owner := "@"
	for entries := 0; entries < 10000 && s.next(); entries++ {
		if s.fault != "" || len(s.toks) < 2 {
			continue
		}
		if !s.blank {
			owner = s.toks[0].Text
		}
		if !s.blank && strings.EqualFold(owner, "$ORIGIN") {
			n, err := zone.ParseNameIn(s.toks[1].Text, current)
			if err != nil || !known && !absolute(s.toks[1].Text) {
				continue
			}
			if current, known = n, true; first.IsRoot() {
				first = n
			}
			continue
		}
		for i, tok := range s.toks[1:min(len(s.toks), 5)] {
			if !strings.EqualFold(tok.Text, "SOA") || tok.Quoted || len(s.toks) < i+4 {
				continue
			}
			if n, err := zone.ParseNameIn(owner, current); err == nil && (known || absolute(owner)) {
				return n, true
			}
		}
		if s.blank && strings.EqualFold(s.toks[0].Text, "SOA") && known {
			return current, true
		}
	}
	if !first.IsRoot() {
		return first, true
	}
	return byName, named
}

func originOfName(file string) (zone.Name, bool) {
	base := filepath.Base(filepath.ToSlash(file))
	name := base
	for _, prefix := range []string{"db.", "pri.", "master.", "zone."} {
		name = strings.TrimPrefix(name, prefix)
	}
	for _, suffix := range []string{".zone", ".db", ".txt", ".hosts", ".bind", ".dns", "."} {
		name = strings.TrimSuffix(name, suffix)
	}
	if name == "" || name == base && !strings.Contains(name, ".") {
		return zone.Root, false
	}
	n, err := zone.ParseName(name)
	return n, err == nil && !n.IsRoot()
}
