package conformance

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// SeedVar is the environment variable that gives random states another beginning, a number. What
// is random is the same in every run without it.
const SeedVar = "ZONECAST_SEED"

// seeded is a source of random numbers.
func (e *env) seeded() *rand.Rand {
	e.Helper()
	n := uint64(1034)
	if text := os.Getenv(SeedVar); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			e.Fatalf("%s is %q; write a whole number", SeedVar, text)
		}
	}
	return rand.New(rand.NewPCG(9499, n))
}

// A family is a kind of oddity that a state may have, named after the group that attacks it by
// itself: where the subject is documented not to do that, not even in one step, it does not occur.
type family string

// Families of oddities.
const (
	oddText  family = "odd TXT"
	longText family = "long TXT"
	oddOwner family = "odd names"
	unicode  family = "Unicode names"
	anyCase  family = "letter case"
	longName family = "long names"
	anything family = "wildcards"
	nothing  family = "names that say nothing"
)

// families are those that may occur.
func (e *env) families() map[family]bool {
	out := map[family]bool{
		oddText: true, longText: true, oddOwner: true, unicode: true, anyCase: true, longName: true, nothing: true,
		anything: e.caps.Wildcards,
	}
	for group := range e.s.Unsupported {
		group, _, _ = strings.Cut(group, "/")
		delete(out, family(group))
	}
	return out
}

// roundTrips goes through random states made of edges: each must be read back as it was written.
// Of one that is not, the smallest part that fails is looked for.
func roundTrips(e *env) {
	rnd := e.seeded()
	may := e.families()
	for i := range 12 {
		state := e.oddState(rnd, may)
		name := fmt.Sprintf("state %d", i+1)
		err := e.attempt(name, state)
		if err == nil || e.mayRefuse(name, err) {
			continue
		}
		small, why := e.smallest(state)
		if small == nil {
			e.Fatalf("%s of %d sets: %v\nEach set by itself is read back as it was written", name, len(state), err)
		}
		e.Fatalf("%s of %d sets fails, and so does by itself\n  %s\n%v", name, len(state), line(*small), why)
	}
}

// smallest finds a set of the state that fails by itself.
func (e *env) smallest(state []zone.RRset) (*zone.RRset, error) {
	for _, set := range state {
		if err := e.attempt("empty", nil); err != nil {
			return &set, err
		}
		if err := e.attempt("alone", []zone.RRset{set}); err != nil {
			return &set, err
		}
	}
	return nil, nil
}

// oddState is a state of up to 16 sets that could stand in one zone.
func (e *env) oddState(rnd *rand.Rand, may map[family]bool) []zone.RRset {
	byKey := map[zone.Key]zone.RRset{}
	for range 4 + rnd.IntN(12) {
		set := e.fit(e.oddSet(rnd, may))
		alone := false // a CNAME stands alone (RFC 2181, section 10.1)
		for k := range byKey {
			alone = alone || k.Owner == set.Owner && (k.Type == zone.TypeCNAME || set.Type == zone.TypeCNAME)
		}
		if !alone && e.caps.Holds(set.Type) {
			byKey[set.Key()] = set
		}
	}
	return slices.SortedFunc(maps.Values(byKey), func(a, b zone.RRset) int { return a.Key().Compare(b.Key()) })
}

func (e *env) oddSet(rnd *rand.Rand, may map[family]bool) zone.RRset {
	ttls := e.ttls()
	set := zone.RRset{Owner: e.oddName(rnd, may), TTL: ttls[rnd.IntN(len(ttls))]}
	host := func() string {
		return []string{"mx.example.net.", "mail", "a.b.c.example.com.", "xn--bcher-kva.example."}[rnd.IntN(4)]
	}
	switch rnd.IntN(8) {
	case 0:
		set.Type, set.Data = zone.TypeCNAME, []zone.Data{e.data(zone.TypeCNAME, host())}
	case 1:
		set.Type = zone.TypeMX
		if may[nothing] && rnd.IntN(3) == 0 {
			set.Data = []zone.Data{e.data(zone.TypeMX, "0 .")}
			break
		}
		for range 1 + rnd.IntN(3) {
			set.Data = append(set.Data, e.data(zone.TypeMX, fmt.Sprint(rnd.IntN(1<<16))+" "+host()))
		}
	case 2:
		set.Type = zone.TypeAAAA
		for range 1 + rnd.IntN(3) {
			set.Data = append(set.Data, zone.Data("\x20\x01\x0d\xb8"+string(octets(rnd, 12))))
		}
	case 3:
		set.Type = zone.TypeCAA
		set.Data = []zone.Data{e.data(zone.TypeCAA, []string{
			`0 issue "ca.example.net"`, `128 issue ";"`, `0 iodef "mailto:a@example.net"`, `0 issuewild "ca.example.net; account=1"`,
		}[rnd.IntN(4)])}
	case 4:
		set.Type = zone.TypeA
		for range 1 + rnd.IntN(6) {
			set.Data = append(set.Data, zone.Data("\x0a"+string(octets(rnd, 3))))
		}
	default:
		set.Type = zone.TypeTXT
		for range 1 + rnd.IntN(3) {
			set.Data = append(set.Data, e.oddTXTData(rnd, may))
		}
	}
	return set.Clean()
}

func octets(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.IntN(256))
	}
	return b
}

// oddTXTData is a text of pieces that are often treated wrongly, cut where borders are kept.
func (e *env) oddTXTData(rnd *rand.Rand, may map[family]bool) zone.Data {
	pieces := []string{"a", "v=spf1 -all", "k=1", "x y", "Z", "-", "=", "~"}
	if may[oddText] {
		pieces = append(pieces, `"`, `\`, `\\`, `\"`, ";", `\;`, " ", "  ", "\t", "\n", "ü", "🙂", "\x00", "\xff", "\x7f", "%22", "+", "&amp;", "<", `\065`, "'", ",", "(", "{", "$")
	}
	var b strings.Builder
	for range 1 + rnd.IntN(6) {
		piece := pieces[rnd.IntN(len(pieces))]
		if may[longText] && rnd.IntN(8) == 0 {
			piece = strings.Repeat(piece, 1+260/len(piece))
		}
		b.WriteString(piece)
	}
	text := b.String()
	if !e.caps.TXTChunks {
		return txtData(chunked(text, 255)...)
	}
	return txtData(chunked(text, 1+rnd.IntN(255))...)
}

// oddName is an owner name.
func (e *env) oddName(rnd *rand.Rand, may map[family]bool) zone.Name {
	label := func() string {
		kinds := []func() string{
			func() string { return string("abcxyz_-0"[rnd.IntN(9)]) + string("abcxyz09"[rnd.IntN(8)]) },
			func() string { return "_" + strconv.Itoa(rnd.IntN(9)) },
		}
		if may[anyCase] {
			kinds = append(kinds, func() string { return []string{"WWW", "wWw", "www"}[rnd.IntN(3)] })
		}
		if may[unicode] {
			kinds = append(kinds, func() string {
				return []string{"münchen", "пример", "日本語", "☃", "xn--bcher-kva"}[rnd.IntN(5)]
			})
		}
		if may[longName] {
			kinds = append(kinds, func() string { return strings.Repeat("l", 60+rnd.IntN(4)) })
		}
		if may[oddOwner] {
			kinds = append(kinds, func() string {
				var b strings.Builder
				for _, c := range octets(rnd, 1+rnd.IntN(4)) {
					fmt.Fprintf(&b, `\%03d`, c)
				}
				return b.String()
			})
		}
		return kinds[rnd.IntN(len(kinds))]()
	}
	labels := []string{label()}
	for range rnd.IntN(3) {
		labels = append(labels, label())
	}
	if may[anything] && rnd.IntN(5) == 0 {
		labels[0] = "*"
	}
	return e.name(cmp.Or(strings.Join(labels, "."), "a"))
}
