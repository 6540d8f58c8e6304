package cloudflare

import (
	"net/http"
	"slices"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// A txn is a change of a zone's records that can be undone as long as it is not published.
type txn struct {
	s    *Service
	z    *hosted
	now  time.Time
	undo []func()
	// touched are the names whose answers may differ.
	touched map[zone.Name]bool
}

func (s *Service) begin(z *hosted, now time.Time) *txn {
	return &txn{s: s, z: z, now: now, touched: map[zone.Name]bool{}}
}

// rollback leaves the zone as it was.
func (t *txn) rollback() {
	for _, f := range slices.Backward(t.undo) {
		f()
	}
}

func (t *txn) commit() {
	t.z.modified, t.z.order = t.now, nil
	t.s.publish(t.z, t.touched)
}

// put places a record; nil takes it away.
func (t *txn) put(id string, r *record) {
	z := t.z
	old := z.records[id]
	t.undo = append(t.undo, func() { z.replace(id, z.records[id], old) })
	z.replace(id, old, r)
	for _, x := range []*record{old, r} {
		if x != nil {
			t.touched[x.name] = true
		}
	}
}

// replace keeps both indexes; either record may be nil.
func (z *hosted) replace(id string, old, r *record) {
	if old != nil {
		// A new slice: undoing and listing may hold the old one.
		left := make([]*record, 0, len(z.byName[old.name]))
		for _, x := range z.byName[old.name] {
			if x != old {
				left = append(left, x)
			}
		}
		if len(left) == 0 {
			delete(z.byName, old.name)
		} else {
			z.byName[old.name] = left
		}
		delete(z.records, id)
	}
	if r != nil {
		z.records[id] = r
		z.byName[r.name] = append(z.byName[r.name], r)
	}
}

// find returns a record of the zone.
func (t *txn) find(id string) (*record, *refusal) {
	if r := t.z.records[id]; r != nil {
		return r, nil
	}
	return nil, refuseAs(http.StatusNotFound, 81044, "Record does not exist.")
}

func (t *txn) create(f fields) (*record, *refusal) {
	if n := t.s.quota(t.z.plan); len(t.z.records) >= n {
		return nil, refuse(81045, "Record quota exceeded.")
	}
	r, no := t.z.build(f, nil, t.now)
	if no != nil {
		return nil, no
	}
	r.id = t.s.newID()
	if no := t.z.conflict(r, nil); no != nil {
		return nil, no
	}
	t.put(r.id, r)
	return r, nil
}

// change replaces a record: with the fields over the old ones, or over the defaults (whole).
func (t *txn) change(id string, f fields, whole bool) (*record, *refusal) {
	old, no := t.find(id)
	if no != nil {
		return nil, no
	}
	if no := old.writable(); no != nil {
		return nil, no
	}
	base := old
	if whole {
		base = nil
	}
	r, no := t.z.build(f, base, t.now)
	if no != nil {
		return nil, no
	}
	r.id, r.created, r.meta, r.locked = old.id, old.created, old.meta, old.locked
	if no := t.z.conflict(r, old); no != nil {
		return nil, no
	}
	t.put(id, r)
	return r, nil
}

func (t *txn) remove(id string) (*record, *refusal) {
	old, no := t.find(id)
	if no != nil {
		return nil, no
	}
	if no := old.writable(); no != nil {
		return nil, no
	}
	t.put(id, nil)
	return old, nil
}

// writable refuses to touch what a product of Cloudflare keeps.
func (r *record) writable() *refusal {
	switch {
	case !r.meta.ReadOnly && !r.locked:
		return nil
	case r.meta.EmailRouting:
		return refuse(1046, "This DNS record is managed by Email Routing. Disable Email Routing to modify/remove this record.")
	case r.meta.Tunnel:
		return refuse(1047, "This DNS record is managed by a Tunnel and cannot be modified here.")
	case r.meta.Worker != "":
		return refuse(1048, "This DNS record is managed by Workers and cannot be modified here.")
	}
	return refuse(1043, "This DNS record is read only.")
}

// conflict refuses a record beside those that its name has, old, whose place it takes, left aside
// (https://developers.cloudflare.com/dns/manage-dns-records/troubleshooting/records-with-same-name/
// and …/existing-ns-record/).
func (z *hosted) conflict(r, old *record) *refusal {
	if r.kind == zone.TypeDNSKEY && !z.dnssec.MultiSigner {
		return refuse(9306, "DNSKEY records need multi-signer DNSSEC.")
	}
	text := 0
	for _, x := range z.byName[r.name] {
		if x == old {
			continue
		}
		switch {
		case x.identical(r):
			return refuse(81058, "An identical record already exists.")
		case x.same(r):
			return refuse(81057, "The record already exists.")
		case proxiable(r.kind) && x.kind == zone.TypeNS && r.name != z.origin:
			return refuse(81056, "NS records with that host already exist.")
		case r.kind == zone.TypeCNAME && proxiable(x.kind):
			return refuse(81053, "An A, AAAA, or CNAME record with that host already exists.")
		case proxiable(r.kind) && x.kind == zone.TypeCNAME:
			return refuse(81054, "A CNAME record with that host already exists.")
		case x.kind == zone.TypeTXT && r.kind == zone.TypeTXT:
			text += len(x.content())
		}
	}
	if r.kind == zone.TypeTXT && text > 0 && text+len(r.content()) > maxTXTSum {
		return refuse(9209, "The combined content of the TXT records of that name exceeds %d characters.", maxTXTSum)
	}
	return nil
}
