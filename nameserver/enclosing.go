package nameserver

import "github.com/zonecast/zonecast/zone"

// Enclosing returns the origin of the served zone that a name is in. The name is in wire form,
// uncompressed, at the start of qname, which may go on behind it. It allocates nothing.
func (zs *Zones) Enclosing(qname []byte) (origin zone.Name, ok bool) {
	var q name
	if q.read(qname, 0) == 0 {
		return zone.Name{}, false
	}
	c, _ := zs.enclosing(&q, 0)
	if c == nil {
		return zone.Name{}, false
	}
	return c.origin, true
}
