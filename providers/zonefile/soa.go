package zonefile

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// serials say what follows a serial, by name of the policy. Every result is greater than the old
// serial in the sense of RFC 1982, so that secondaries take it.
var serials = map[string]func(old uint32, now time.Time) uint32{
	"increment": func(old uint32, _ time.Time) uint32 { return next(old) },
	"date": func(old uint32, now time.Time) uint32 {
		y, m, d := now.UTC().Date()
		return later(old, uint32(y*1000000+int(m)*10000+d*100))
	},
	"unix": func(old uint32, now time.Time) uint32 { return later(old, uint32(now.Unix())) },
}

// next is the serial after old; 0 is left out, as some servers take it for "none".
func next(old uint32) uint32 {
	if old++; old == 0 {
		return 1
	}
	return old
}

// later is want when it is greater than old, else what follows old.
func later(old, want uint32) uint32 {
	if d := want - old; d != 0 && d < 1<<31 && want != 0 {
		return want
	}
	return next(old)
}

// soa is the SOA that a zone gets on writing: the one that it has with the next serial, or a new
// one. The primary name server of a new one is the first NS, as soon as there are any.
func (p *Provider) soa(z *zone.Zone) (zone.RRset, error) {
	origin := z.Origin()
	set, ok := z.Set(origin, zone.TypeSOA)
	if !ok {
		mail, err := rdata.Mailbox(p.mail, origin)
		if err != nil {
			return zone.RRset{}, err
		}
		b := mail.AppendWire(zone.Root.AppendWire(nil))
		for _, n := range []uint32{0, p.refresh, p.retry, p.expire, p.minimum} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		set = zone.RRset{Owner: origin, Type: zone.TypeSOA, TTL: p.ttl, Data: []zone.Data{zone.Data(b)}}
	}
	d := string(set.Data[0])
	primary, n, err := zone.NameFromWire([]byte(d))
	if err != nil || len(d) < n+21 {
		return zone.RRset{}, errors.New("the SOA is malformed")
	}
	if ns, ok := z.Set(origin, zone.TypeNS); ok && primary.IsRoot() {
		primary, _ = rdata.Target(zone.TypeNS, ns.Data[0])
	}
	at := len(d) - 20
	b := append(primary.AppendWire(nil), d[n:at]...)
	b = binary.BigEndian.AppendUint32(b, serials[p.serial](serialOf(set), p.now()))
	set.Data = []zone.Data{zone.Data(b) + zone.Data(d[at+4:])}
	return set, nil
}

// serialOf is the serial of an SOA; 0 when it is malformed.
func serialOf(set zone.RRset) uint32 {
	if len(set.Data) == 0 || len(set.Data[0]) < 20 {
		return 0
	}
	d := set.Data[0]
	return binary.BigEndian.Uint32([]byte(d[len(d)-20:]))
}
