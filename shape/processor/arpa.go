package processor

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// Arpa makes PTR records of the addresses in all other zones (octoDNS's auto_arpa). Collect is
// safe for concurrent use; Fill gives the same result in whatever order zones were collected.
type Arpa struct {
	TTL                 uint32 // seconds
	Replace             bool   // populate_should_replace: win over what the zone has
	Max                 int    // names per address
	InheritTTL          bool
	WildcardReplacement string // "" skips a bare "*"
	replaces            bool

	mu    sync.Mutex
	names map[zone.Name][]pointer // by reverse name
}

type pointer struct {
	priority int
	ttl      uint32
	fqdn     zone.Name
}

// NewArpa makes an Arpa of the options of manager.auto_arpa.
func NewArpa(o Options) (*Arpa, error) {
	r := &reader{o: o, used: map[string]bool{"class": true}}
	newBase("auto-arpa", r)
	a := &Arpa{
		TTL: uint32(r.number("ttl", 3600)), Replace: r.boolean("populate_should_replace", false),
		Max: r.number("max_auto_arpa", 999), InheritTTL: r.boolean("inherit_ttl", false),
		names: map[zone.Name][]pointer{},
	}
	if _, a.replaces = r.value("wildcard_replacement"); a.replaces {
		a.WildcardReplacement = r.text("wildcard_replacement", "")
	}
	if err := r.done("auto-arpa"); err != nil {
		return nil, err
	}
	return a, nil
}

// Collect notes the addresses of a desired zone after its source step.
func (a *Arpa) Collect(z *zone.Zone) {
	type found struct {
		reverse zone.Name
		pointer
	}
	var all []found
	for set := range z.All() {
		if set.Type != zone.TypeA && set.Type != zone.TypeAAAA {
			continue
		}
		bare := relative(set.Owner, z.Origin()) == "*"
		if bare && !a.replaces {
			continue
		}
		p := pointer{priority: arpaPriority(set.Extra), ttl: a.TTL, fqdn: set.Owner}
		if a.InheritTTL {
			p.ttl = set.TTL
		}
		if a.replaces && strings.Contains(set.Owner.String(), "*") {
			n, err := zone.ParseName(strings.ReplaceAll(set.Owner.String(), "*", a.WildcardReplacement))
			if err != nil {
				continue
			}
			p.fqdn = n
		}
		for _, addr := range addresses(set) {
			all = append(all, found{reverseName(addr), p})
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range all {
		a.names[f.reverse] = append(a.names[f.reverse], f.pointer)
	}
}

// Fill returns an arpa zone with PTR records added for every address inside it.
func (a *Arpa) Fill(z *zone.Zone) (*zone.Zone, []finding.Finding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var changes []zone.Change
	var found []finding.Finding
	for reverse, list := range a.names {
		if !reverse.Below(z.Origin()) {
			continue
		}
		set := a.ptr(reverse, list)
		c := zone.Change{After: &set}
		if have, taken := z.Set(reverse, zone.TypePTR); taken {
			if !a.Replace {
				found = append(found, finding.Finding{
					ID: "auto-arpa-duplicate", Severity: finding.Error, Zone: z.Origin().Unicode(), Subject: set.Key().String(),
					Text: fmt.Sprintf("the source has a PTR at %s, and auto_arpa makes one too", reverse),
					Fix:  "remove it, or set populate_should_replace: true",
				})
				continue
			}
			c.Before = &have
		}
		changes = append(changes, c)
	}
	slices.SortFunc(changes, func(x, y zone.Change) int { return x.Key().Compare(y.Key()) })
	finding.Sort(found)
	return with(z, changes), found
}

// ptr orders the names of an address by priority, TTL and name, and takes the first Max.
func (a *Arpa) ptr(reverse zone.Name, list []pointer) zone.RRset {
	slices.SortFunc(list, func(x, y pointer) int {
		return cmp.Or(cmp.Compare(x.priority, y.priority), cmp.Compare(x.ttl, y.ttl), cmp.Compare(x.fqdn.String(), y.fqdn.String()))
	})
	set := zone.RRset{Owner: reverse, Type: zone.TypePTR, TTL: list[0].ttl}
	seen := map[zone.Name]bool{}
	for _, p := range list {
		if seen[p.fqdn] {
			continue
		}
		seen[p.fqdn] = true
		set.Data = append(set.Data, zone.Data(p.fqdn.AppendWire(nil)))
		if len(seen) >= a.Max {
			break
		}
	}
	return set.Clean()
}

func arpaPriority(e zone.Extra) int {
	text, ok := e.Value("octodns")
	if ok && strings.Contains(text, "auto_arpa_priority") {
		m := struct {
			Priority json.Number `json:"auto_arpa_priority"`
		}{}
		if json.Unmarshal([]byte(text), &m) == nil {
			if n, err := strconv.Atoi(m.Priority.String()); err == nil {
				return n
			}
		}
	}
	return 999
}

// addresses are the values of an RRset and of its geo and dynamic blocks.
func addresses(set zone.RRset) []netip.Addr {
	var out []netip.Addr
	for _, d := range set.Data {
		if a, ok := netip.AddrFromSlice([]byte(d)); ok {
			out = append(out, a)
		}
	}
	if set.Extra.IsZero() {
		return out
	}
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, a)
		}
	}
	if text, ok := set.Extra.Value("octodns/geo"); ok {
		var geo map[string][]string
		if json.Unmarshal([]byte(text), &geo) == nil {
			for _, values := range geo {
				for _, v := range values {
					add(v)
				}
			}
		}
	}
	if text, ok := set.Extra.Value("octodns/dynamic"); ok {
		var d struct {
			Pools map[string]struct {
				Values []struct {
					Value string `json:"value"`
				} `json:"values"`
			} `json:"pools"`
		}
		if json.Unmarshal([]byte(text), &d) == nil {
			for _, pool := range d.Pools {
				for _, v := range pool.Values {
					add(v.Value)
				}
			}
		}
	}
	return out
}

var (
	v4arpa = zone.MustName("in-addr.arpa.")
	v6arpa = zone.MustName("ip6.arpa.")
)

// reverseName is the owner name of an address's PTR record (RFC 1035, section 3.5; RFC 3596,
// section 2.5).
func reverseName(a netip.Addr) zone.Name {
	n, labels := v4arpa, make([]string, 0, 32)
	if a.Is4() {
		for _, b := range a.As4() {
			labels = append(labels, strconv.Itoa(int(b)))
		}
	} else {
		n = v6arpa
		for _, b := range a.As16() {
			labels = append(labels, strconv.FormatUint(uint64(b>>4), 16), strconv.FormatUint(uint64(b&15), 16))
		}
	}
	for _, l := range labels {
		if child, err := n.Child(l); err == nil {
			n = child
		}
	}
	return n
}
