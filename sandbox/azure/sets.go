package azure

import (
	"net/http"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
)

// A recordSet is a record set as the API holds it.
type recordSet struct {
	name     string // relative, as it was written when created; "@" at the apex
	rtype    string
	etag     string
	ttl      int64
	metadata map[string]string
	target   string // id of the resource that an alias points to
	records  records
}

// setKey sorts by type and then by name.
func setKey(rtype, name string) string { return rtype + "/" + strings.ToLower(name) }

func (r *recordSet) key() string { return setKey(r.rtype, r.name) }

func (z *zoneItem) setBody(r *recordSet) setBody {
	fqdn := z.name + "."
	if r.name != "@" {
		fqdn = r.name + "." + fqdn
	}
	p := &setProperties{
		Metadata: r.metadata, FQDN: fqdn, TTL: &r.ttl, ProvisioningState: "Succeeded",
		TargetResource: &reference{r.target}, records: r.records,
	}
	if r.target == "" {
		p.records = p.records.filled(r.rtype)
	}
	return setBody{
		ID: z.id() + "/" + r.rtype + "/" + r.name, Name: r.name, Type: "Microsoft.Network/dnszones/" + r.rtype, Etag: r.etag, Properties: p,
	}
}

func (s *Service) noSet(c *call) *refusal {
	return dns(http.StatusNotFound, "NotFound", "The resource record '%s' does not exist in resource group '%s' of subscription '%s'.",
		shorten(c.name), c.group, c.sub.id)
}

func (s *Service) getSet(w http.ResponseWriter, c *call, z *zoneItem) *refusal {
	r := z.sets[setKey(c.rtype, c.name)]
	if r == nil {
		return s.noSet(c)
	}
	w.Header().Set("ETag", r.etag)
	writeJSON(w, http.StatusOK, z.setBody(r))
	return nil
}

func (s *Service) listSets(w http.ResponseWriter, c *call, z *zoneItem) *refusal {
	top, f := s.top(c)
	if f != nil {
		return f
	}
	after, f := skip(c)
	if f != nil {
		return f
	}
	prefix, suffix := "", ""
	if types[c.rtype] != 0 {
		prefix = c.rtype + "/"
	}
	if v := c.query.Get("$recordsetnamesuffix"); v != "" {
		suffix = strings.ToLower(strings.TrimPrefix(v, "."))
	}
	out, last := page[setBody]{Value: []setBody{}}, ""
	for _, key := range z.sorted[from(z.sorted, max(after, prefix), after != ""):] {
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if !under(key, suffix) {
			continue
		}
		if len(out.Value) == top {
			out.NextLink = next(c, last)
			break
		}
		out.Value = append(out.Value, z.setBody(z.sets[key]))
		last = key
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// under reports whether the name in a key is suffix or ends with it and a dot before.
func under(key, suffix string) bool {
	head, ok := strings.CutSuffix(key, suffix)
	return suffix == "" || ok && (strings.HasSuffix(head, "/") || strings.HasSuffix(head, "."))
}

func (s *Service) putSet(w http.ResponseWriter, c *call, z *zoneItem) *refusal {
	var in setBody
	if f := decode(c.body, &in); f != nil {
		return f
	}
	p := in.Properties
	if p == nil {
		return badRequest("The property 'properties' of the record set is missing.")
	}
	if p.TTL == nil {
		return badRequest("The TTL of the record set is missing.")
	}
	old := z.sets[setKey(c.rtype, c.name)]
	set := &recordSet{name: c.name, rtype: c.rtype, ttl: *p.TTL, metadata: p.Metadata}
	if old != nil {
		set.name = old.name
	}
	if p.TargetResource != nil {
		set.target = p.TargetResource.ID
	}
	var f *refusal
	if set.records, f = p.only(c.rtype); f != nil {
		return f
	}
	return s.write(w, c, z, old, set)
}

// patchSet changes what the request names and leaves the rest.
func (s *Service) patchSet(w http.ResponseWriter, c *call, z *zoneItem) *refusal {
	var in setBody
	if f := decode(c.body, &in); f != nil {
		return f
	}
	old := z.sets[setKey(c.rtype, c.name)]
	if old == nil {
		if f := precondition(c.r, ""); f != nil {
			return f
		}
		return s.noSet(c)
	}
	set := *old
	if p := in.Properties; p != nil {
		if p.TTL != nil {
			set.ttl = *p.TTL
		}
		if p.Metadata != nil {
			set.metadata = p.Metadata
		}
		rs, f := p.only(c.rtype)
		if f != nil {
			return f
		}
		if rs.sent() {
			set.records, set.target = rs, ""
		}
		if p.TargetResource != nil {
			set.target = p.TargetResource.ID
			if set.target != "" && !rs.sent() {
				set.records = records{}
			}
		}
	}
	return s.write(w, c, z, old, &set)
}

// write checks a set as it would be and stores it: the condition and the change are one step.
func (s *Service) write(w http.ResponseWriter, c *call, z *zoneItem, old, set *recordSet) *refusal {
	etag, status := "", http.StatusCreated
	if old != nil {
		etag, status = old.etag, http.StatusOK
	}
	if f := precondition(c.r, etag); f != nil {
		return f
	}
	if z.deleting != nil {
		return busy(z)
	}
	if set.rtype == "SOA" && old != nil && set.records.SOA != nil {
		set.records.SOA = set.records.SOA.over(old.records.SOA)
	}
	data, f := s.check(z, old, set)
	if f != nil {
		return f
	}
	s.store(z, set, data)
	w.Header().Set("ETag", set.etag)
	writeJSON(w, status, z.setBody(set))
	return nil
}

// over is r with what it does not say taken from old.
func (r *soaRecord) over(old *soaRecord) *soaRecord {
	n := *r
	defaultTo(&n.Host, old.Host)
	defaultTo(&n.Email, old.Email)
	defaultTo(&n.SerialNumber, old.SerialNumber)
	defaultTo(&n.RefreshTime, old.RefreshTime)
	defaultTo(&n.RetryTime, old.RetryTime)
	defaultTo(&n.ExpireTime, old.ExpireTime)
	defaultTo(&n.MinimumTTL, old.MinimumTTL)
	return &n
}

// check refuses what may not stand in the zone, and returns the set's RDATA.
func (s *Service) check(z *zoneItem, old, set *recordSet) ([]zone.Data, *refusal) {
	if set.ttl < 1 || set.ttl > maxTTL {
		return nil, badRequest("The TTL value '%d' is invalid. It must be between 1 and %d.", set.ttl, maxTTL)
	}
	if f := first(z.checkName(set), z.checkApex(old, set), checkMetadata(set.metadata)); f != nil {
		return nil, f
	}
	data, f := set.records.data(set.rtype)
	if f != nil {
		return nil, f
	}
	if f := z.checkAlias(set); f != nil {
		return nil, f
	}
	if f := z.checkCNAME(set); f != nil {
		return nil, f
	}
	if old == nil && len(z.sets) >= s.opts.MaxRecordSets {
		return nil, badRequest("The zone '%s' has reached the limit of %d record sets.", z.name, s.opts.MaxRecordSets)
	}
	return data, nil
}

func checkMetadata(m map[string]string) *refusal {
	for k := range m {
		if k == "" {
			return badRequest("The name of a metadata entry may not be empty.")
		}
	}
	return nil
}

func (z *zoneItem) checkName(set *recordSet) *refusal {
	if set.name == "@" {
		return nil
	}
	if !labels(set.name, true) || len(set.name)+1+len(z.name) > 253 {
		return badRequest("The record set name '%s' is invalid.", shorten(set.name))
	}
	if (set.rtype == "NS" || set.rtype == "SOA") && (set.name == "*" || strings.HasPrefix(set.name, "*.")) {
		return badRequest("Wildcard record sets of type '%s' are not supported.", set.rtype)
	}
	return nil
}

// checkApex keeps what the service put at the apex itself.
// https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#ns-records
func (z *zoneItem) checkApex(old, set *recordSet) *refusal {
	switch {
	case set.rtype == "SOA" && set.name != "@":
		return badRequest("A record set of type 'SOA' may only be at the zone apex.")
	case set.rtype == "SOA":
		if set.records.SOA == nil {
			return badRequest("The SOA record of the zone is missing.")
		}
		if !sameHost(set.records.SOA.Host, old.records.SOA.Host) {
			return badRequest("The 'host' of the SOA record may not be modified.")
		}
	case set.rtype == "NS" && set.name == "@":
		for _, own := range z.ns {
			if !slices.ContainsFunc(set.records.NS, func(r nsRecord) bool { return sameHost(r.NSDName, own) }) {
				return badRequest("The NS record set at the zone apex must contain the Azure DNS name server '%s'.", own)
			}
		}
	case set.rtype == "CNAME" && set.name == "@":
		return badRequest("A record set of type 'CNAME' may not be at the zone apex.")
	}
	return nil
}

func sameHost(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}

// checkCNAME keeps a CNAME alone at its name.
// https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#cname-records
func (z *zoneItem) checkCNAME(set *recordSet) *refusal {
	at := z.atName[strings.ToLower(set.name)]
	_, cname := at["CNAME"]
	switch {
	case set.rtype != "CNAME" && cname:
		return dns(http.StatusConflict, "Conflict", "The record could not be created because a CNAME record with the same name already exists in this zone.")
	case set.rtype == "CNAME" && len(at) > 0 && !cname:
		return dns(http.StatusConflict, "Conflict", "The CNAME record could not be created because other records with the same name already exist in this zone.")
	}
	return nil
}

func (s *Service) deleteSet(w http.ResponseWriter, c *call, z *zoneItem) *refusal {
	set := z.sets[setKey(c.rtype, c.name)]
	etag := ""
	if set != nil {
		etag = set.etag
	}
	if f := precondition(c.r, etag); f != nil {
		return f
	}
	if set == nil {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if z.deleting != nil {
		return busy(z)
	}
	if set.name == "@" && (set.rtype == "SOA" || set.rtype == "NS") {
		return badRequest("Records of type '%s' cannot be deleted.", set.rtype)
	}
	s.drop(z, set)
	w.WriteHeader(http.StatusOK)
	return nil
}
