package nameserver_test

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // NSEC3 knows no other hash
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"hash"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/zonecast/zonecast/internal/dnstest"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

var patchOrigin = zone.MustName("p.example.")

// patchNames are all names that the zones of these tests may have, and some that they cannot.
var patchNames = func() []zone.Name {
	names := []zone.Name{patchOrigin}
	for from, depth := 0, 0; depth < 3; depth++ {
		to := len(names)
		for _, above := range names[from:to] {
			for _, label := range []string{"a", "b", "*", "ns"} {
				n, err := above.Child(label)
				if err != nil {
					panic(err)
				}
				names = append(names, n)
			}
		}
		from = to
	}
	return names
}()

var (
	naptr = zone.Type(35)
	rrsig = zone.TypeRRSIG

	patchTypes = []zone.Type{
		zone.TypeA, zone.TypeAAAA, zone.TypeNS, zone.TypeNS, zone.TypeCNAME, zone.TypeDNAME, zone.TypeMX, zone.TypeTXT, zone.TypeDS,
		zone.TypeSRV, zone.TypeHTTPS, zone.TypeSVCB, naptr, zone.TypePTR, rrsig, zone.TypeSOA,
	}
)

// keptAtApex are types without which a zone is none, or another way signed.
var keptAtApex = []zone.Type{zone.TypeSOA, zone.TypeDNSKEY, zone.TypeNSEC, zone.TypeNSEC3PARAM}

// signedTypes are more of those that make a difference in a signed zone.
func signedTypes(denial zone.Type) []zone.Type {
	return append([]zone.Type{denial, denial, denial, denial, rrsig, rrsig}, patchTypes...)
}

// patchData is RDATA with names in the zone, mostly.
func patchData(t *rapid.T, owner zone.Name, typ zone.Type) zone.Data {
	target := rapid.SampledFrom(patchNames[:21]).Draw(t, "target")
	if rapid.IntRange(0, 9).Draw(t, "elsewhere") == 0 {
		target = zone.MustName("a.elsewhere.")
	}
	flat := string(target.AppendWire(nil))
	n := string(rune(rapid.IntRange(0, 2).Draw(t, "n")))
	switch typ {
	case zone.TypeA:
		return zone.Data("\xc0\x00\x02" + n)
	case zone.TypeAAAA:
		return zone.Data("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" + n)
	case zone.TypeMX:
		return zone.Data("\x00" + n + flat)
	case zone.TypeSRV:
		return zone.Data("\x00\x01\x00\x01\x00" + n + flat)
	case zone.TypeHTTPS, zone.TypeSVCB:
		if rapid.Bool().Draw(t, "itself") {
			flat = "\x00"
		}
		return zone.Data("\x00" + n + flat)
	case naptr:
		flag := rapid.SampledFrom([]string{"\x01S", "\x01s", "\x01A", "\x01U", "\x00"}).Draw(t, "flag")
		return zone.Data("\x00\x01\x00" + n + flag + "\x03SIP\x00" + flat)
	case zone.TypeTXT:
		return zone.Data("\x01" + n)
	case zone.TypeNSEC3:
		return zone.Data("\x01\x00\x00\x00\x00\x14" + strings.Repeat(n, 20) + "\x00\x01\x40")
	case zone.TypeNSEC:
		return zone.Data(flat + "\x00\x01\x40")
	case zone.TypeDS:
		return zone.Data("\x30\x39\x0d\x02" + strings.Repeat(n, 32))
	case rrsig:
		covers := rapid.SampledFrom([]string{"\x00\x01", "\x00\x10", "\x00\x2f", "\x00\x32"}).Draw(t, "covers")
		return zone.Data(covers + "\x0d\x02\x00\x00\x01\x2c\x00\x00\x00\x01\x00\x00\x00\x01\x00\x01" + string(patchOrigin.AppendWire(nil)) + strings.Repeat(n, 8))
	}
	return zone.Data(flat)
}

// hashedOwner is where the NSEC3 record of a name stands.
func hashedOwner(n zone.Name) zone.Name {
	h := sha1.Sum(n.AppendWire(nil)) //nolint:gosec // NSEC3 knows no other
	owner, err := patchOrigin.Child(base32.HexEncoding.EncodeToString(h[:]))
	if err != nil {
		panic(err)
	}
	return owner
}

// A failer is a test, a fuzz target or one of rapid.
type failer interface {
	Helper()
	Fatal(args ...any)
}

// patchedZone is one to begin with.
func patchedZone(t failer, apex ...zone.RRset) *zone.Zone {
	t.Helper()
	sets := append([]zone.RRset{patchSOA(t, 1)}, apex...)
	for i := range 150 { // so that the table has room for more, and few names lead to others
		owner, err := patchOrigin.Child(fmt.Sprintf("filler%d", i))
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, zone.RRset{Owner: owner, Type: zone.TypeTXT, TTL: 60, Data: []zone.Data{"\x00"}})
	}
	z, err := zone.Of(patchOrigin, sets...)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func patchSOA(t failer, serial uint32) zone.RRset {
	t.Helper()
	soa, err := rdata.Parse(zone.TypeSOA, fmt.Sprintf("ns a.b %d 7200 900 1209600 %d", serial, 60+serial%3), patchOrigin)
	if err != nil {
		t.Fatal(err)
	}
	return zone.RRset{Owner: patchOrigin, Type: zone.TypeSOA, TTL: 300, Data: []zone.Data{soa}}
}

// edited is a version that comes after z.
func edited(t *rapid.T, z *zone.Zone, serial uint32, types []zone.Type) *zone.Zone {
	changes := map[zone.Key]zone.Change{}
	put := func(k zone.Key, after *zone.RRset) {
		c := zone.Change{After: after}
		if before, ok := z.Set(k.Owner, k.Type); ok {
			c.Before = &before
		}
		delete(changes, k)
		if c.Before != nil || c.After != nil {
			changes[k] = c
		}
	}
	for range rapid.IntRange(1, 4).Draw(t, "edits") {
		owner := rapid.SampledFrom(patchNames[:rapid.SampledFrom([]int{7, 21, len(patchNames)}).Draw(t, "of")]).Draw(t, "owner")
		typ := rapid.SampledFrom(types).Draw(t, "type")
		k := zone.Key{Owner: owner, Type: typ}
		switch {
		case typ == zone.TypeSOA, owner == patchOrigin && (typ == zone.TypeCNAME || typ == rrsig):
			continue
		case rapid.IntRange(0, 3).Draw(t, "gone") == 0: // all that is there
			for set := range z.At(owner) {
				if owner != patchOrigin || !slices.Contains(keptAtApex, set.Type) {
					put(set.Key(), nil)
				}
			}
			continue
		}
		if slices.Contains(types, zone.TypeNSEC3) && rapid.IntRange(0, 2).Draw(t, "with its record") > 0 {
			chain := zone.RRset{Owner: hashedOwner(owner), Type: zone.TypeNSEC3, TTL: 300, Data: []zone.Data{patchData(t, owner, zone.TypeNSEC3)}}
			if after := &chain; rapid.IntRange(0, 3).Draw(t, "without") > 0 {
				put(chain.Key(), after)
			} else {
				put(chain.Key(), nil)
			}
		}
		if typ == zone.TypeNSEC3 && rapid.IntRange(0, 20).Draw(t, "odd") > 0 || typ == rrsig && rapid.Bool().Draw(t, "of the chain") {
			owner = hashedOwner(owner)
			k.Owner = owner
		}
		set := zone.RRset{Owner: owner, Type: typ, TTL: 300, Data: []zone.Data{patchData(t, owner, typ)}}
		if typ != zone.TypeCNAME && typ != zone.TypeDNAME && rapid.Bool().Draw(t, "second") {
			set.Data = append(set.Data, patchData(t, owner, typ))
		}
		set = set.Clean()
		put(k, &set)
	}
	if rapid.IntRange(0, 7).Draw(t, "same serial") > 0 {
		soa := patchSOA(t, serial)
		put(soa.Key(), &soa)
	}
	var list []zone.Change
	for _, c := range changes {
		list = append(list, c)
	}
	z, err := z.With(list)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// A questioner asks everything that can be asked.
type questioner struct {
	queries [][]byte
	clients []nameserver.Client
	e       nameserver.Engine
	s       *nameserver.Scratch
	room    []byte
}

func newQuestioner(tb testing.TB) *questioner {
	tb.Helper()
	x := &questioner{room: make([]byte, 0, 65535)}
	x.e.Steer = pickByClient
	x.s = x.e.NewScratch()
	names := append([]zone.Name{}, patchNames...)
	for i, n := range patchNames { // names that are never there
		if i%4 == 0 {
			absent, err := n.Child("x")
			if err != nil {
				tb.Fatal(err)
			}
			names = append(names, absent)
		}
	}
	for _, n := range patchNames[:7] {
		names = append(names, hashedOwner(n))
	}
	types := append([]zone.Type{wire.TypeANY, 99, zone.TypeNSEC}, patchTypes[1:]...)
	for i, n := range names {
		for j, typ := range types {
			c := nameserver.Client{Addr: netip.MustParseAddrPort("192.0.2.7:53"), Stream: (i+j)%3 == 0}
			var opts []func(*dns.Msg)
			switch (i + j) % 4 {
			case 1:
				opts = append(opts, withEDNS)
			case 2:
				opts = append(opts, dnssec)
			case 3:
				opts = append(opts, func(m *dns.Msg) { m.SetEdns0(512, true) })
			}
			x.queries = append(x.queries, query(tb, n.String(), uint16(typ), opts...))
			x.clients = append(x.clients, c)
		}
	}
	return x
}

// ask yields the answers that a zone gives to one question in so many.
func (x *questioner) ask(c *nameserver.Compiled, one share, yield func(i int, answer []byte)) {
	x.e.Zones.Put(c)
	for i := one.first; i < len(x.queries); i += one.of {
		yield(i, x.e.Answer(x.s, x.queries[i], x.clients[i], x.room))
	}
}

// A share of all questions: asking all of them each time would take too long.
type share struct{ first, of int }

// sum is a digest of answers.
func (x *questioner) sum(c *nameserver.Compiled, one share) (d [sha256.Size]byte) {
	h := sha256.New()
	x.ask(c, one, func(_ int, answer []byte) { digest(h, answer) })
	h.Sum(d[:0])
	return d
}

func digest(h hash.Hash, b []byte) {
	var l [4]byte
	binary.BigEndian.PutUint32(l[:], uint32(len(b)))
	h.Write(l[:])
	h.Write(b)
}

// TestPatchedAnswersTheSame changes zones again and again: patched, they answer everything octet for
// octet as if they had been compiled whole, and versions before answer what they did.
func TestPatchedAnswersTheSame(t *testing.T) {
	t.Parallel()
	steps, patches := 0, 0
	ways := map[string]int{}
	rapid.Check(t, patchedAnswers(t, func(c *nameserver.Compiled) {
		if steps++; c.Patches() > 0 {
			patches++
			ways[c.Denial()]++
		}
	}))
	if steps > 300 && (steps > 3*patches || len(ways) < 3) { // few say nothing
		t.Errorf("of %d versions only %d were patched, by ways of denial: %v", steps, patches, ways)
	}
}

// FuzzRecompile is TestPatchedAnswersTheSame with whatever the fuzzer finds.
func FuzzRecompile(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(patchedAnswers(f, func(*nameserver.Compiled) {})))
}

// patchedAnswers changes one zone and compares; it calls seen with each version.
func patchedAnswers(t testing.TB, seen func(*nameserver.Compiled)) func(*rapid.T) {
	a, b := newQuestioner(t), newQuestioner(t)
	return func(r *rapid.T) {
		o := nameserver.CompileOptions{NoReady: rapid.IntRange(0, 4).Draw(r, "nothing ready") == 0}
		if rapid.IntRange(0, 2).Draw(r, "steered") == 0 {
			o.Policy = func(set zone.RRset) (uint32, bool) { return 7, set.Type == zone.TypeA && set.Owner.Label(0) == "a" }
		}
		types := patchTypes
		var apex []zone.RRset
		if way := rapid.IntRange(0, 3).Draw(r, "signed"); way > 1 {
			denial := zone.RRset{Owner: patchOrigin, Type: zone.TypeNSEC, TTL: 300, Data: []zone.Data{patchData(r, patchOrigin, zone.TypeNSEC)}}
			types = signedTypes(zone.TypeNSEC)
			if way == 3 {
				types = signedTypes(zone.TypeNSEC3)
				denial.Type, denial.Data = zone.TypeNSEC3PARAM, []zone.Data{"\x01\x00\x00\x00\x00"}
			}
			apex = []zone.RRset{{Owner: patchOrigin, Type: zone.TypeDNSKEY, TTL: 300, Data: []zone.Data{"\x01\x01\x03\x0dkey"}}, denial}
		}
		z := patchedZone(r, apex...)
		for range rapid.IntRange(0, 5).Draw(r, "edits before") {
			z = edited(r, z, 1, types)
		}
		c, err := nameserver.Compile(z, nameserver.Always(o))
		if err != nil {
			r.Fatal(err)
		}
		type version struct {
			c   *nameserver.Compiled
			z   *zone.Zone
			one share
			sum [sha256.Size]byte
		}
		var versions []version
		last := rapid.IntRange(0, 11).Draw(r, "versions")
		for step := range last + 1 {
			one := share{step % 7, 7}
			if step == last {
				one = share{step % 2, 2}
			}
			was := c
			if step > 1 && rapid.IntRange(0, 3).Draw(r, "back") == 0 { // what was there comes again
				z = versions[rapid.IntRange(0, step-1).Draw(r, "to")].z
			}
			z = edited(r, z, uint32(2+step), types)
			if c, err = nameserver.Recompile(was, z, nameserver.Always(o)); err != nil {
				r.Fatal(err)
			}
			fresh, err := nameserver.Compile(z, o)
			if err != nil {
				r.Fatal(err)
			}
			seen(c)
			if c.Names() != fresh.Names() || c.Sets() != fresh.Sets() || !c.Equal(fresh) || !fresh.Equal(c) {
				r.Fatalf("patched: %d names, %d sets; compiled: %d, %d; equal %t, %t", c.Names(), c.Sets(), fresh.Names(), fresh.Sets(), c.Equal(fresh), fresh.Equal(c))
			}
			want := make([][]byte, len(a.queries))
			a.ask(fresh, one, func(i int, answer []byte) { want[i] = bytes.Clone(answer) })
			h := sha256.New()
			b.ask(c, one, func(i int, got []byte) {
				digest(h, got)
				if !bytes.Equal(got, want[i]) {
					var q, x, y dns.Msg
					r.Fatalf("%v %v %v\npatched %v\n% x\n%s\ncompiled %v\n% x\n%s", q.Unpack(a.queries[i]), q.Question, a.clients[i].Stream, x.Unpack(got), got, x.String(), y.Unpack(want[i]), want[i], y.String())
				}
			})
			versions = append(versions, version{c, z, one, [sha256.Size]byte(h.Sum(nil))})
		}
		for i, v := range versions {
			if b.sum(v.c, v.one) != v.sum {
				r.Fatalf("version %d of %d does not answer any more what it did", i, len(versions))
			}
		}
	}
}

// TestPatchesArePatches says that they are made where they should be.
func TestPatchesArePatches(t *testing.T) {
	t.Parallel()
	z := many(t, 5000)
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	first := c
	for i := range 100 {
		if z, err = z.With(step(z, i, 5000)); err != nil {
			t.Fatal(err)
		}
		was := c
		if c, err = nameserver.Recompile(was, z, nameserver.CompileOptions{}); err != nil {
			t.Fatal(err)
		}
		if c.Patches() != i+1 {
			t.Fatalf("version %d is patch %d", i, c.Patches())
		}
		if i%10 != 0 {
			continue
		}
		if again, err := nameserver.Recompile(was, z, nameserver.CompileOptions{}); err != nil || again.Patches() != 0 || !again.Equal(c) {
			t.Fatalf("what is not the newest was patched, or came out otherwise: %v", err)
		}
	}
	if again, err := nameserver.Recompile(c, z, nameserver.CompileOptions{}); err != nil || again != c {
		t.Errorf("without a change: %p, %v; want the same", again, err)
	}
	if first.Names() != 5001 || first.Equal(c) {
		t.Errorf("the first version has changed: %d names", first.Names())
	}
}

// step are changes that a zone of so many names gets by a small update: the serial, and the address of
// one name.
func step(z *zone.Zone, i, names int) []zone.Change {
	soa, _ := z.Set(z.Origin(), zone.TypeSOA)
	next := soa
	b := []byte(soa.Data[0])
	binary.BigEndian.PutUint32(b[len(b)-20:], binary.BigEndian.Uint32(b[len(b)-20:])+1)
	next.Data = []zone.Data{zone.Data(b)}
	owner, _ := z.Origin().Child(fmt.Sprintf("n%07d", (i*7919)%names))
	c := zone.Change{}
	if before, ok := z.Set(owner, zone.TypeA); ok {
		c.Before = &before
	}
	if c.Before == nil || i%5 != 0 {
		c.After = &zone.RRset{Owner: owner, Type: zone.TypeA, TTL: 300, Data: []zone.Data{zone.Data([]byte{172, byte(i >> 16), byte(i >> 8), byte(i)})}}
	}
	return []zone.Change{{Before: &soa, After: &next}, c}
}

// TestPatchedMemory is bounded however often a zone changes.
func TestPatchedMemory(t *testing.T) {
	t.Parallel()
	z := many(t, 1000)
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	bound, whole := 2*c.Size()+256<<10, 0
	for i := range 10_000 {
		if z, err = z.With(step(z, i, 1000)); err != nil {
			t.Fatal(err)
		}
		if c, err = nameserver.Recompile(c, z, nameserver.CompileOptions{}); err != nil {
			t.Fatal(err)
		}
		if c.Patches() == 0 {
			whole++
		}
		if c.Size() > bound {
			t.Fatalf("after %d changes: %d octets, want %d at most", i, c.Size(), bound)
		}
	}
	if whole > 200 {
		t.Errorf("10,000 changes: compiled whole %d times", whole)
	}
}

// TestPatchedWhileAsked has threads ask old versions and new ones while the zone is patched.
func TestPatchedWhileAsked(t *testing.T) {
	t.Parallel()
	z := many(t, 2000)
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := &nameserver.Engine{}
	e.Zones.Put(c)
	old := &nameserver.Engine{}
	old.Zones.Put(c)
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 2 {
		busy.Go(func() {
			s, so := e.NewScratch(), old.NewScratch()
			room := make([]byte, 0, 4096)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				n := i * 31 % 2000
				q := query(t, fmt.Sprintf("n%07d.bench.example.", n), dns.TypeA)
				if out := e.Answer(s, q, client, room); len(out) < 12 || out[3]&0xF != 0 && out[3]&0xF != 3 {
					t.Errorf("n%07d: % x", n, out)
					return
				}
				out := old.Answer(so, q, client, room)
				if want := []byte{10, 0, byte(n >> 8), byte(n)}; !bytes.HasSuffix(out, want) {
					t.Errorf("n%07d: the old version says % x, want an end of % x", n, out, want)
					return
				}
				e.Answer(s, query(t, "bench.example.", dns.TypeNS), client, room)
				old.Answer(so, query(t, "x.bench.example.", dns.TypeA), client, room)
			}
		})
	}
	for i := range 300 {
		if z, err = z.With(step(z, i, 2000)); err != nil {
			t.Fatal(err)
		}
		if c, err = nameserver.Recompile(c, z, nameserver.CompileOptions{}); err != nil {
			t.Fatal(err)
		}
		e.Zones.Put(c)
	}
	close(stop)
	busy.Wait()
}

// BenchmarkRecompile changes one address, and the serial, in a zone of a million names.
func BenchmarkRecompile(b *testing.B) {
	z := many(b, 1_000_000)
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("whole", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := nameserver.Compile(z, nameserver.CompileOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	i := 0
	b.Run("patched", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			if z, err = z.With(step(z, i, 1_000_000)); err != nil {
				b.Fatal(err)
			}
			i++
			b.StartTimer()
			if c, err = nameserver.Recompile(c, z, nameserver.CompileOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		if c.Patches() == 0 {
			b.Error("the last version is no patch")
		}
	})
}

// TestPatchedNameComesBack has a name go and come, with all versions asked at the end.
func TestPatchedNameComesBack(t *testing.T) {
	t.Parallel()
	z := many(t, 5000)
	c, err := nameserver.Compile(z, nameserver.CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k := zone.Key{Owner: zone.MustName("n0000007.bench.example."), Type: zone.TypeA}
	versions := []*nameserver.Compiled{c}
	for i := range 6 {
		change := zone.Change{}
		if before, ok := z.Set(k.Owner, k.Type); ok {
			change.Before = &before
		} else {
			change.After = &zone.RRset{Owner: k.Owner, Type: k.Type, TTL: 300, Data: []zone.Data{zone.Data([]byte{172, 16, 0, byte(i + 1)})}}
		}
		if z, err = z.With([]zone.Change{change}); err != nil {
			t.Fatal(err)
		}
		if c, err = nameserver.Recompile(c, z, nameserver.CompileOptions{}); err != nil || c.Patches() != i+1 {
			t.Fatalf("version %d is patch %d, %v", i+1, c.Patches(), err)
		}
		versions = append(versions, c)
	}
	for i, c := range versions {
		e := &nameserver.Engine{}
		e.Zones.Put(c)
		want := "NOERROR aa\nan n0000007.bench.example. 300 a 10.0.0.7"
		switch {
		case i%2 == 1:
			want = "NXDOMAIN aa\nau bench.example. 256 soa ns.bench.example. hm.bench.example. 256 256 256 256 256"
		case i > 0:
			want = fmt.Sprintf("NOERROR aa\nan n0000007.bench.example. 300 a 172.16.0.%d", i)
		}
		if got := dnstest.Show(ask(t, e, query(t, k.Owner.String(), dns.TypeA))); got != want {
			t.Errorf("version %d: %s\nwant %s", i, got, want)
		}
	}
}

// TestPatchedChainKeepsOwners has a record of an NSEC3 chain change in the step in which another one
// comes, and once more: the name that it matches must be denied by the newest.
func TestPatchedChainKeepsOwners(t *testing.T) {
	t.Parallel()
	a, b := zone.MustName("a.p.example."), zone.MustName("b.p.example.")
	chain := func(n zone.Name, next string) zone.RRset {
		return zone.RRset{Owner: hashedOwner(n), Type: zone.TypeNSEC3, TTL: 300, Data: []zone.Data{zone.Data("\x01\x00\x00\x00\x00\x14" + strings.Repeat(next, 20) + "\x00\x01\x40")}}
	}
	address := func(n zone.Name) zone.RRset {
		return zone.RRset{Owner: n, Type: zone.TypeA, TTL: 300, Data: []zone.Data{"\xc0\x00\x02\x01"}}
	}
	z := patchedZone(t,
		zone.RRset{Owner: patchOrigin, Type: zone.TypeDNSKEY, TTL: 300, Data: []zone.Data{"\x01\x01\x03\x0dkey"}},
		zone.RRset{Owner: patchOrigin, Type: zone.TypeNSEC3PARAM, TTL: 300, Data: []zone.Data{"\x01\x00\x00\x00\x00"}},
		address(a), chain(a, "1"), chain(patchOrigin, "1"))
	c, err := nameserver.Compile(z, nameserver.Always(nameserver.CompileOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	versions := []*zone.Zone{z} // held on to: a version whose zone is gone is not patched
	for i, sets := range [][]zone.RRset{{chain(a, "2"), address(b), chain(b, "1")}, {chain(a, "3")}} {
		var list []zone.Change
		for _, set := range sets {
			list = append(list, zone.Change{After: &set})
			if old, ok := z.Set(set.Owner, set.Type); ok {
				list[len(list)-1].Before = &old
			}
		}
		if z, err = z.With(list); err != nil {
			t.Fatal(err)
		}
		versions = append(versions, z)
		if c, err = nameserver.Recompile(c, z, nameserver.Always(nameserver.CompileOptions{})); err != nil {
			t.Fatal(err)
		}
		if c.Patches() != i+1 {
			t.Fatalf("version %d is patched %d times, want %d", i+1, c.Patches(), i+1)
		}
		whole, err := nameserver.Compile(z, nameserver.CompileOptions{})
		if err != nil {
			t.Fatal(err)
		}
		x := newQuestioner(t)
		want := map[int]string{}
		x.ask(whole, share{0, 1}, func(i int, answer []byte) { want[i] = string(answer) })
		x.ask(c, share{0, 1}, func(i int, answer []byte) {
			if string(answer) != want[i] {
				t.Errorf("question %x: patched %x, whole %x", x.queries[i], answer, want[i])
			}
		})
	}
	runtime.KeepAlive(versions)
}
