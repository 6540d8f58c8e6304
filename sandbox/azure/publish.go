package azure

import (
	"crypto/sha256"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// store puts a checked set into the zone and shows the zone as it is now.
func (s *Service) store(z *zoneItem, set *recordSet, data []zone.Data) {
	set.etag = s.etag()
	key, name := set.key(), strings.ToLower(set.name)
	old := z.sets[key]
	if old == nil {
		z.sorted = insertSorted(z.sorted, key)
		if z.atName[name] == nil {
			z.atName[name] = map[string]struct{}{}
		}
		z.atName[name][set.rtype] = struct{}{}
	} else {
		z.unlink(old)
	}
	z.sets[key] = set
	if set.target != "" {
		t := strings.ToLower(set.target)
		if z.aliases[t] == nil {
			z.aliases[t] = map[string]struct{}{}
		}
		z.aliases[t][key] = struct{}{}
	}
	s.publish(z, set, data)
}

func (s *Service) drop(z *zoneItem, set *recordSet) {
	key, name := set.key(), strings.ToLower(set.name)
	z.unlink(set)
	delete(z.sets, key)
	z.sorted = removeSorted(z.sorted, key)
	delete(z.atName[name], set.rtype)
	if len(z.atName[name]) == 0 {
		delete(z.atName, name)
	}
	s.publish(z, set, nil)
}

// unlink forgets that a set is an alias.
func (z *zoneItem) unlink(set *recordSet) {
	t := strings.ToLower(set.target)
	delete(z.aliases[t], set.key())
	if len(z.aliases[t]) == 0 {
		delete(z.aliases, t)
	}
}

// publish shows the zone with one set changed, and with it the aliases that point to it. data is
// the RDATA of the set unless it is an alias; a set without records is not served.
func (s *Service) publish(z *zoneItem, set *recordSet, data []zone.Data) {
	var changes []zone.Change
	if set.target != "" && data == nil && z.sets[set.key()] == set {
		data = z.resolve(set, 0)
	}
	changes = z.change(changes, set, data)
	seen := map[string]bool{set.key(): true}
	for queue := []*recordSet{set}; len(queue) > 0; queue = queue[1:] {
		for key := range z.aliases[strings.ToLower(z.id()+"/"+queue[0].rtype+"/"+queue[0].name)] {
			if seen[key] {
				continue
			}
			seen[key] = true
			alias := z.sets[key]
			changes = z.change(changes, alias, z.resolve(alias, 0))
			queue = append(queue, alias)
		}
	}
	if len(changes) > 0 {
		shown, err := z.shown.With(changes)
		if err != nil {
			panic("azure: zone " + z.name + ": " + err.Error()) // what is shown is our own
		}
		z.shown = shown
	}
	s.names.Publish(strings.ToLower(z.id()), z.shown)
}

// change appends what turns the served RRset of a set into one with data.
func (z *zoneItem) change(changes []zone.Change, set *recordSet, data []zone.Data) []zone.Change {
	owner := z.origin
	if set.name != "@" {
		owner, _ = zone.ParseName(set.name + "." + z.name + ".") // checked before
	}
	t := types[set.rtype]
	var c zone.Change
	if before, ok := z.shown.Set(owner, t); ok {
		c.Before = &before
	}
	if len(data) > 0 {
		data = slices.Sorted(slices.Values(data))
		c.After = &zone.RRset{Owner: owner, Type: t, TTL: uint32(set.ttl), Data: slices.Compact(data)}
	}
	if c.Before == nil && c.After == nil || c.Before != nil && c.After != nil && c.Before.Equal(*c.After) {
		return changes
	}
	return append(changes, c)
}

// maxAliases is how many alias record sets may point to one resource:
// https://learn.microsoft.com/en-us/azure/dns/dns-faq#what-are-the-usage-limits-for-azure-dns-
const maxAliases = 20

// checkAlias checks what an alias points to.
// https://learn.microsoft.com/en-us/azure/dns/dns-alias#capabilities
func (z *zoneItem) checkAlias(set *recordSet) *refusal {
	if set.target == "" {
		return nil
	}
	if data, _ := set.records.data(set.rtype); len(data) > 0 {
		return badRequest("A record set with 'targetResource' may not contain records.")
	}
	set.records = records{}
	if set.rtype != "A" && set.rtype != "AAAA" && set.rtype != "CNAME" {
		return badRequest("Record sets of type '%s' may not have a 'targetResource'.", set.rtype)
	}
	kind, within := targetKind(set.target)
	switch kind {
	case "dnszones":
		rest, same := strings.CutPrefix(strings.ToLower(set.target), strings.ToLower(z.id())+"/")
		rtype, name, _ := strings.Cut(rest, "/")
		target := z.sets[setKey(strings.ToUpper(rtype), name)]
		switch {
		case !same || !strings.EqualFold(rtype, set.rtype):
			return badRequest("The target resource '%s' must be a record set of the same type in the same zone.", shorten(set.target))
		case target == nil:
			return badRequest("The target resource '%s' was not found.", shorten(set.target))
		case z.loops(set, target):
			return badRequest("The target resource '%s' refers back to the record set.", shorten(set.target))
		}
	case "publicipaddresses":
		if set.rtype == "CNAME" {
			return badRequest("Record sets of type 'CNAME' may not have the target resource '%s'.", shorten(set.target))
		}
	case "trafficmanagerprofiles", "frontdoors", "endpoints", "afdendpoints", "staticsites":
	default:
		return badRequest("The target resource '%s' is not supported.", shorten(set.target))
	}
	if !within {
		return badRequest("The target resource '%s' is not a valid resource id.", shorten(set.target))
	}
	others := len(z.aliases[strings.ToLower(set.target)])
	if _, already := z.aliases[strings.ToLower(set.target)][set.key()]; others >= maxAliases && !already {
		return badRequest("The number of alias record sets of the resource '%s' exceeds the maximum of %d.", shorten(set.target), maxAliases)
	}
	return nil
}

// targetKind is the type of a resource by its id, in lower case: the last type's name, but
// "dnszones" for record sets.
func targetKind(id string) (kind string, ok bool) {
	parts := strings.Split(strings.ToLower(id), "/")
	if len(parts) < 9 || parts[0] != "" || parts[1] != "subscriptions" || parts[3] != "resourcegroups" || parts[5] != "providers" || slices.Contains(parts[1:], "") {
		return "", false
	}
	if parts[7] == "dnszones" {
		return "dnszones", len(parts) >= 11
	}
	return parts[len(parts)-2], len(parts)%2 == 1 && len(id) <= 1024
}

// loops reports whether following target comes to set.
func (z *zoneItem) loops(set, target *recordSet) bool {
	for range len(z.sets) {
		if target == nil || target.key() == set.key() {
			return target != nil
		}
		target = z.targetSet(target)
	}
	return true
}

// targetSet is the set of the zone that an alias points to, nil when it points elsewhere.
func (z *zoneItem) targetSet(alias *recordSet) *recordSet {
	rest, same := strings.CutPrefix(strings.ToLower(alias.target), strings.ToLower(z.id())+"/")
	if !same {
		return nil
	}
	rtype, name, _ := strings.Cut(rest, "/")
	return z.sets[setKey(strings.ToUpper(rtype), name)]
}

// resolve is what an alias is served as: the records of the set it points to, or addresses of the
// documentation ranges (RFC 5737, RFC 3849) that stand for the Azure resource. An alias whose
// target is gone is empty, which Azure does so that no record dangles.
func (z *zoneItem) resolve(alias *recordSet, depth int) []zone.Data {
	if depth > 16 {
		return nil
	}
	if kind, _ := targetKind(alias.target); kind == "dnszones" {
		target := z.targetSet(alias)
		switch {
		case target == nil:
			return nil
		case target.target != "":
			return z.resolve(target, depth+1)
		}
		data, _ := target.records.data(target.rtype) // checked when stored
		return data
	}
	sum := sha256.Sum256([]byte(strings.ToLower(alias.target)))
	switch alias.rtype {
	case "A":
		return []zone.Data{rdata.A(netip.AddrFrom4([4]byte{203, 0, 113, sum[0]}))}
	case "AAAA":
		a := [16]byte{0x20, 0x01, 0x0d, 0xb8}
		copy(a[12:], sum[:4])
		return []zone.Data{rdata.A(netip.AddrFrom16(a))}
	}
	kind, _ := targetKind(alias.target)
	domain := map[string]string{"trafficmanagerprofiles": "trafficmanager.net.", "frontdoors": "azurefd.net.", "afdendpoints": "azurefd.net.", "endpoints": "azureedge.net."}[kind]
	defaultTo(&domain, "azurestaticapps.net.")
	label := "r" + guid(sum)[:8]
	n, err := zone.ParseName(label + "." + domain)
	if err != nil {
		return nil
	}
	return []zone.Data{rdata.Name(n)}
}

// references lists the alias record sets of the subscription that point to given resources.
// https://learn.microsoft.com/en-us/rest/api/dns/dns-resource-reference/get-by-target-resources
func (s *Service) references(w http.ResponseWriter, c *call) *refusal {
	var in struct {
		Properties struct {
			TargetResources []reference `json:"targetResources"`
		} `json:"properties"`
	}
	if f := decode(c.body, &in); f != nil {
		return f
	}
	type found struct {
		DNSResources   []reference `json:"dnsResources"`
		TargetResource reference   `json:"targetResource"`
	}
	out := []found{}
	for _, t := range in.Properties.TargetResources {
		f := found{DNSResources: []reference{}, TargetResource: t}
		for _, key := range c.sub.sorted {
			z := c.sub.zones[key]
			for _, k := range slices.Sorted(maps.Keys(z.aliases[strings.ToLower(t.ID)])) {
				f.DNSResources = append(f.DNSResources, reference{z.setBody(z.sets[k]).ID})
			}
		}
		out = append(out, f)
		if len(out) > maxAliases*maxAliases {
			return badRequest("The number of target resources is too large.")
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"properties": map[string]any{"dnsResourceReferences": out}})
	return nil
}
