package cloudflare

import (
	"hash/fnv"
	"net/netip"
	"slices"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// autoTTL is what "automatic" is served as, in seconds
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/ttl/).
const autoTTL = 300

// cloudflareRanges are the addresses that Cloudflare's proxies have
// (https://www.cloudflare.com/ips/), and its resolver's.
var cloudflareRanges = func() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range []string{
		"173.245.48.0/20", "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "141.101.64.0/18", "108.162.192.0/18",
		"190.93.240.0/20", "188.114.96.0/20", "197.234.240.0/22", "198.41.128.0/17", "162.158.0.0/15", "104.16.0.0/13",
		"104.24.0.0/14", "172.64.0.0/13", "131.0.72.0/22", "1.1.1.1/32", "1.0.0.1/32",
		"2400:cb00::/32", "2606:4700::/32", "2803:f800::/32", "2405:b500::/32", "2405:8100::/32", "2a06:98c0::/29", "2c0f:f248::/32",
	} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}()

// publishAll shows the whole zone anew, after a change of settings.
func (s *Service) publishAll(z *hosted) {
	touched := map[zone.Name]bool{}
	for n := range z.byName {
		touched[n] = true
	}
	s.publish(z, touched)
}

// publish shows what name servers answer after a change at some names.
func (s *Service) publish(z *hosted, touched map[zone.Name]bool) {
	if z.kind == "partial" || z.kind == "internal" { // nothing is delegated to Cloudflare
		z.served = nil
		s.names.Withdraw(z.id)
		return
	}
	if z.served == nil {
		z.served = zone.Empty(z.origin)
		touched = map[zone.Name]bool{}
		for n := range z.byName {
			touched[n] = true
		}
	}
	z.serial++
	names := map[zone.Name]bool{z.origin: true}
	for n := range touched {
		names[n] = true
	}
	var late []zone.Name // flattened ones look at the others
	var changes []zone.Change
	for n := range names {
		if z.flattens(n) != nil {
			z.flattened[n] = true
			continue
		}
		delete(z.flattened, n)
		changes = z.differences(changes, n, z.answers(n))
	}
	z.served = with(z.served, changes)
	for n := range z.flattened {
		late = append(late, n)
	}
	slices.SortFunc(late, zone.Name.Compare)
	changes = nil
	for _, n := range late {
		changes = z.differences(changes, n, append(z.answers(n), s.flattened(z, n)...))
	}
	z.served = with(z.served, changes)
	s.names.Publish(z.id, z.served)
}

// with applies changes that were computed from z.
func with(z *zone.Zone, changes []zone.Change) *zone.Zone {
	next, err := z.With(changes)
	if err != nil {
		panic("sandbox/cloudflare: " + err.Error()) // computed from z under the same lock
	}
	return next
}

// differences appends what turns the served sets of a name into sets.
func (z *hosted) differences(changes []zone.Change, n zone.Name, sets []zone.RRset) []zone.Change {
	next := map[zone.Type]zone.RRset{}
	for _, set := range sets {
		next[set.Type] = set.Clean()
	}
	for was := range z.served.At(n) {
		now, ok := next[was.Type]
		delete(next, was.Type)
		switch {
		case !ok:
			changes = append(changes, zone.Change{Before: new(was)})
		case !was.Equal(now):
			changes = append(changes, zone.Change{Before: new(was), After: &now})
		}
	}
	for _, set := range next {
		changes = append(changes, zone.Change{After: new(set)})
	}
	return changes
}

// answers are the RRsets of a name but those of a flattened CNAME.
func (z *hosted) answers(n zone.Name) []zone.RRset {
	sets := map[zone.Type]*zone.RRset{}
	add := func(t zone.Type, ttl uint32, data ...zone.Data) {
		set := sets[t]
		if set == nil {
			set = &zone.RRset{Owner: n, Type: t, TTL: ttl}
			sets[t] = set
		}
		// Records of a set may differ in TTL; a set on the wire has one (RFC 2181, section 5.2).
		set.TTL = min(set.TTL, ttl)
		set.Data = append(set.Data, data...)
	}
	if n == z.origin {
		z.apex(add)
	}
	proxied := z.proxied(n)
	flat := z.flattens(n)
	for _, r := range z.byName[n] {
		switch {
		case proxiable(r.kind) && (proxied != nil || r == flat):
		case r.kind == zone.TypeNS && n == z.origin && !z.settings.MultiProvider:
			// Only multi-provider zones show foreign name servers at the apex
			// (https://developers.cloudflare.com/dns/nameservers/nameserver-options/#multi-provider-dns).
		default:
			add(r.kind, servedTTL(r.ttl), r.data)
		}
	}
	if proxied != nil {
		if !on(proxied.set.IPv6Only) {
			add(zone.TypeA, autoTTL, proxyAddresses(n, false)...)
		}
		if !on(proxied.set.IPv4Only) {
			add(zone.TypeAAAA, autoTTL, proxyAddresses(n, true)...)
		}
	}
	all := make([]zone.RRset, 0, len(sets))
	for _, set := range sets {
		all = append(all, *set)
	}
	return all
}

// apex adds SOA and the assigned name servers, which are no records of the API.
func (z *hosted) apex(add func(zone.Type, uint32, ...zone.Data)) {
	d := z.settings.SOA
	soa := rdata.SOA{
		MName: zone.MustName(z.servers[0]), RName: zone.MustName("dns.cloudflare.com"), Serial: z.serial,
		Refresh: d.Refresh, Retry: d.Retry, Expire: d.Expire, Minimum: d.MinTTL,
	}
	if d.MName != nil {
		if n, err := zone.ParseName(*d.MName); err == nil {
			soa.MName = n
		}
	}
	if n, err := zone.ParseName(d.RName); err == nil {
		soa.RName = n
	}
	if data, err := soa.Data(); err == nil {
		add(zone.TypeSOA, d.TTL, data)
	}
	for _, server := range z.servers {
		add(zone.TypeNS, z.settings.NSTTL, rdata.Name(zone.MustName(server)))
	}
}

func servedTTL(ttl uint32) uint32 {
	if ttl == 1 {
		return autoTTL
	}
	return ttl
}

// proxied returns the record that makes a name proxied, if any: one is enough for all its addresses
// (https://developers.cloudflare.com/dns/proxy-status/).
func (z *hosted) proxied(n zone.Name) *record {
	if z.paused || z.settings.ZoneMode == "dns_only" {
		return nil
	}
	for _, r := range z.byName[n] {
		if r.proxied {
			return r
		}
	}
	return nil
}

// flattens returns the CNAME of a name that is answered with the addresses of its target: always at
// the apex, elsewhere by a setting of zone or record
// (https://developers.cloudflare.com/dns/cname-flattening/).
func (z *hosted) flattens(n zone.Name) *record {
	for _, r := range z.byName[n] {
		if r.kind == zone.TypeCNAME && (n == z.origin || z.settings.FlattenAll || on(r.set.Flatten)) && z.proxied(n) == nil {
			return r
		}
	}
	return nil
}

// flattened are the addresses of a flattened CNAME's target: those that the sandbox knows of, or
// addresses of the documentation ranges for the world outside.
func (s *Service) flattened(z *hosted, n zone.Name) []zone.RRset {
	r := z.flattens(n)
	if r == nil {
		return nil
	}
	to, err := rdata.NameOf(r.data)
	if err != nil {
		return nil
	}
	var sets []zone.RRset
	for _, t := range []zone.Type{zone.TypeA, zone.TypeAAAA} {
		if data := s.resolve(z, to, t); len(data) > 0 {
			sets = append(sets, zone.RRset{Owner: n, Type: t, TTL: servedTTL(r.ttl), Data: data})
		}
	}
	return sets
}

// resolve follows a target through the zones of the sandbox.
func (s *Service) resolve(z *hosted, to zone.Name, t zone.Type) []zone.Data {
	for range 8 {
		in := z.served
		if !to.In(z.origin) {
			other, ok := s.names.Find(to)
			if !ok {
				return []zone.Data{outside(to, t)}
			}
			in = other
		}
		if set, ok := in.Set(to, t); ok {
			return set.Data
		}
		alias, ok := in.Set(to, zone.TypeCNAME)
		if !ok {
			return nil
		}
		next, err := rdata.NameOf(alias.Data[0])
		if err != nil {
			return nil
		}
		to = next
	}
	return nil
}

func hashOf(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return h.Sum32()
}

// outside makes up an address for a name that nobody here serves (RFC 5737, RFC 3849).
func outside(n zone.Name, t zone.Type) zone.Data {
	h := hashOf(n.Key())
	if t == zone.TypeA {
		return rdata.A(netip.AddrFrom4([4]byte{198, 51, 100, byte(h)}))
	}
	a := [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 13: byte(h >> 16), 14: byte(h >> 8), 15: byte(h)}
	return rdata.A(netip.AddrFrom16(a))
}

// proxyAddresses are two of Cloudflare's addresses for a proxied name: of 104.16.0.0/13 and
// 172.64.0.0/13, or of 2606:4700::/32.
func proxyAddresses(n zone.Name, six bool) []zone.Data {
	h := hashOf(n.Key())
	if !six {
		return []zone.Data{
			rdata.A(netip.AddrFrom4([4]byte{104, 16 + byte(h>>16)%8, byte(h >> 8), byte(h)})),
			rdata.A(netip.AddrFrom4([4]byte{172, 64 + byte(h>>16)%8, byte(h >> 8), byte(h)})),
		}
	}
	var data []zone.Data
	for i := range byte(2) {
		a := [16]byte{0: 0x26, 1: 0x06, 2: 0x47, 4: 0x30, 5: 0x30 + i, 13: byte(h >> 16), 14: byte(h >> 8), 15: byte(h)}
		data = append(data, rdata.A(netip.AddrFrom16(a)))
	}
	return data
}
