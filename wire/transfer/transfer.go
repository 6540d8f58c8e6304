package transfer

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// typeBINDSigning is where BIND keeps the state of signing (BIND 9 ARM, "Private-Type Records").
const typeBINDSigning zone.Type = 65534

// Options of a transfer.
type Options struct {
	wire.Limits
	// KeepKeys keeps DNSKEY, CDS and CDNSKEY at the apex of a signed zone, for zones that several
	// signers share (RFC 8901).
	KeepKeys bool
}

// A Zone is what a transfer brought.
type Zone struct {
	Sets   *zone.Zone       // with the SOA, without what a signer maintains
	SOA    wire.Record      //
	Serial uint32           // of the SOA
	Signed bool             // there were signatures
	Signer []wire.Record    // DNSKEY, CDS and CDNSKEY at the apex that belong to the signer
	Left   []Count          // how many records were left out, by type
	Mixed  map[zone.Key]int // RRsets whose records had several TTLs, to how many records; the lowest counts
}

// A Count is a number of records of one type.
type Count struct {
	Type    zone.Type
	Records int
}

// Fetch asks the server at addr for the zone. A record outside of the zone makes the whole
// answer worthless and is an error that wraps wire.ErrMalformed.
func Fetch(ctx context.Context, c *wire.Client, addr string, origin zone.Name, o Options) (*Zone, error) {
	x := collector{origin: origin, at: map[zone.Key]int{}}
	out := &Zone{}
	left := map[zone.Type]int{}
	for r, err := range c.Transfer(ctx, addr, origin, o.Limits) {
		if err != nil {
			return nil, err
		}
		if out.SOA.Type == 0 {
			out.SOA = r
		}
		switch {
		case !r.Owner.In(origin):
			return nil, fmt.Errorf("transfer %s from %s: %w: it holds %s, which is not in the zone", origin, addr, wire.ErrMalformed, r.Key())
		case r.Type.Meta():
			return nil, fmt.Errorf("transfer %s from %s: %w: it holds a record of type %s", origin, addr, wire.ErrMalformed, r.Type)
		case signers(r, origin):
			left[r.Type]++
			out.Signed = out.Signed || r.Type == zone.TypeRRSIG
		default:
			x.add(r)
		}
	}
	serial, err := Serial(out.SOA.Data)
	if err != nil {
		return nil, fmt.Errorf("transfer %s from %s: %w: %w", origin, addr, wire.ErrMalformed, err)
	}
	out.Serial = serial
	if out.Signed && !o.KeepKeys {
		out.Signer = x.drop(zone.TypeDNSKEY, zone.TypeCDS, zone.TypeCDNSKEY)
		for _, r := range out.Signer {
			left[r.Type]++
		}
	}
	out.Left = sorted(left)
	out.Mixed = x.mixed
	if out.Sets, err = x.zone(); err != nil {
		return nil, fmt.Errorf("transfer from %s: %w", addr, err)
	}
	return out, nil
}

// signers reports whether a record is one that only a signer makes.
func signers(r wire.Record, origin zone.Name) bool {
	switch r.Type {
	case zone.TypeRRSIG, zone.TypeNSEC, zone.TypeNSEC3:
		return true
	case zone.TypeNSEC3PARAM, zone.TypeZONEMD, typeBINDSigning:
		return r.Owner == origin
	}
	return false
}

// Serial returns the serial of a SOA's RDATA.
func Serial(soa zone.Data) (uint32, error) {
	if len(soa) < 22 {
		return 0, fmt.Errorf("SOA of %d octets is too short", len(soa))
	}
	return binary.BigEndian.Uint32([]byte(soa[len(soa)-20:])), nil
}

func sorted(left map[zone.Type]int) []Count {
	var out []Count
	for t := zone.Type(1); t <= 0xFFFF && len(out) < len(left); t++ {
		if n := left[t]; n > 0 {
			out = append(out, Count{t, n})
		}
	}
	return out
}

// A collector puts records together into RRsets. Servers send the records of a set side by side,
// mostly.
type collector struct {
	origin zone.Name
	sets   []zone.RRset
	at     map[zone.Key]int
	mixed  map[zone.Key]int
}

func (x *collector) add(r wire.Record) {
	k := r.Key()
	i, ok := x.at[k]
	if !ok {
		x.at[k] = len(x.sets)
		x.sets = append(x.sets, zone.RRset{Owner: r.Owner, Type: r.Type, TTL: r.TTL, Data: []zone.Data{r.Data}})
		return
	}
	set := &x.sets[i]
	set.Data = append(set.Data, r.Data)
	if set.TTL != r.TTL { // RFC 2181, section 5.2: must not happen, and the lowest is to be taken
		if x.mixed == nil {
			x.mixed = map[zone.Key]int{}
		}
		set.TTL = min(set.TTL, r.TTL)
		x.mixed[k] = len(set.Data)
	}
}

// drop takes RRsets of some types away from the apex.
func (x *collector) drop(types ...zone.Type) []wire.Record {
	var out []wire.Record
	for _, t := range types {
		i, ok := x.at[zone.Key{Owner: x.origin, Type: t}]
		if !ok {
			continue
		}
		set := &x.sets[i]
		for _, d := range set.Data {
			out = append(out, wire.Record{Owner: set.Owner, Type: t, Class: wire.ClassIN, TTL: set.TTL, Data: d})
		}
		set.Data = nil
	}
	return out
}

func (x *collector) zone() (*zone.Zone, error) {
	slices.SortFunc(x.sets, func(a, b zone.RRset) int { return a.Key().Compare(b.Key()) })
	b := zone.NewBuilder(x.origin)
	for _, set := range x.sets {
		if len(set.Data) > 0 {
			b.Add(set)
		}
	}
	return b.Zone()
}
