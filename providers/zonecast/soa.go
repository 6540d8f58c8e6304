package zonecast

import (
	"slices"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// nobody is the NS of a zone that has none yet: the name server refuses a zone without NS, and this
// name answers nothing anywhere (RFC 6761, section 6.4). It is not shown: to whoever plans, the zone
// has no NS.
var nobody = zone.MustName("invalid.")

func placeholder(set zone.RRset, origin zone.Name) bool {
	return set.Type == zone.TypeNS && set.Owner == origin && slices.Equal(set.Data, []zone.Data{rdata.Name(nobody)})
}

// sets are those of a new zone: a SOA, and NS. Its primary name server is the first NS, as soon as
// there are any.
func (b *newborn) sets(origin zone.Name) ([]zone.RRset, error) {
	mail, err := rdata.Mailbox(b.mail, origin)
	if err != nil {
		return nil, err
	}
	primary, names := zone.Root, []zone.Data{rdata.Name(nobody)}
	if len(b.ns) > 0 {
		primary, names = b.ns[0], nil
		for _, n := range b.ns {
			names = append(names, rdata.Name(n))
		}
	}
	soa, err := rdata.SOA{MName: primary, RName: mail, Serial: 1, Refresh: b.refresh, Retry: b.retry, Expire: b.expire, Minimum: b.minimum}.Data()
	if err != nil {
		return nil, err
	}
	return []zone.RRset{
		{Owner: origin, Type: zone.TypeNS, TTL: b.ttl, Data: names},
		{Owner: origin, Type: zone.TypeSOA, TTL: b.ttl, Data: []zone.Data{soa}},
	}, nil
}

// named is a SOA whose primary name server is the first of some NS, where it has none yet; ok is
// false when nothing is to be done. The name server counts the serial.
func named(soa zone.RRset, ns zone.RRset) (out zone.RRset, ok bool) {
	if len(soa.Data) != 1 || len(ns.Data) == 0 {
		return soa, false
	}
	x, err := rdata.SOAOf(soa.Data[0])
	if err != nil || !x.MName.IsRoot() {
		return soa, false
	}
	if x.MName, err = rdata.NameOf(ns.Data[0]); err != nil {
		return soa, false
	}
	data, err := x.Data()
	if err != nil {
		return soa, false
	}
	soa.Data = []zone.Data{data}
	return soa, true
}
