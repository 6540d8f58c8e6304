package nameserver

import "github.com/zonecast/zonecast/zone"

// Failing returns what to Put for a zone that this server ought to answer but cannot: a secondary
// whose data has expired (RFC 1035, section 4.3.5), or has not come yet. Every question in it is
// answered with SERVFAIL and extended error 14, Not Ready (RFC 8914), so that clients ask another
// name server instead of taking the zone for gone.
func Failing(origin zone.Name) (*Compiled, error) {
	root := zone.Name{}.AppendWire(nil)
	soa := zone.RRset{Owner: origin, Type: zone.TypeSOA, Data: []zone.Data{zone.Data(string(root) + string(root) + string(make([]byte, 20)))}}
	z, err := zone.Of(origin, soa)
	if err != nil {
		return nil, err
	}
	c, err := Compile(z, CompileOptions{NoReady: true})
	if err != nil {
		return nil, err
	}
	c.failing, c.sets, c.names = true, 0, 0
	return c, nil
}

// Failing reports whether the zone is one made by the function of that name.
func (z *Compiled) Failing() bool { return z.failing }
