package powerdns

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// luaType stands for PowerDNS's LUA records, under the name that octoDNS has for them.
var luaType = func() zone.Type {
	t, err := zone.VendorType("PowerDnsProvider/LUA")
	if err != nil {
		panic(err) // the name is a constant
	}
	return t
}()

// A held is what the server holds at one owner and type.
type held struct {
	key      zone.Key
	set      *zone.RRset // of the records that are not disabled; nil when there are none
	disabled []apiRecord
	foreign  []provider.Foreign
}

// read translates one RRset of the API. Errors mean that the answer makes no sense; what makes
// sense to PowerDNS alone is foreign.
func read(s apiRRset, origin zone.Name) (h held, err error) {
	owner, err := zone.ParseName(s.Name)
	if err != nil || !strings.HasSuffix(s.Name, ".") {
		return held{}, fmt.Errorf("RRset %q %s has no absolute name", s.Name, s.Type)
	}
	if !owner.In(origin) {
		return held{}, fmt.Errorf("RRset %s %s is not in zone %s", s.Name, s.Type, origin)
	}
	h.key.Owner = owner
	if len(s.Comments) > 0 {
		defer func() { h.foreign = append(h.foreign, comments(h.key, s)) }()
	}
	if s.Type == "LUA" {
		h.key.Type = luaType
		h.foreign = append(h.foreign, opaque(h.key, s, "LUA record"))
		return h, nil
	}
	if h.key.Type, err = zone.ParseType(s.Type); err != nil || h.key.Type.Vendor() {
		h.key.Type = 0
		h.foreign = append(h.foreign, opaque(h.key, s, "record of type "+s.Type))
		return h, nil
	}
	if s.TTL == nil && len(s.Records) > 0 {
		return held{}, fmt.Errorf("RRset %s %s has no TTL", s.Name, s.Type)
	}
	set := zone.RRset{Owner: owner, Type: h.key.Type}
	for _, r := range s.Records {
		if r.Disabled {
			h.disabled = append(h.disabled, r)
			continue
		}
		d, err := rdata.Parse(h.key.Type, r.Content, zone.Root)
		if err != nil {
			// One record that cannot be read makes the set PowerDNS's own: it is shown and left alone.
			h.disabled = nil
			h.foreign = append(h.foreign, opaque(h.key, s, "record that cannot be read ("+err.Error()+")"))
			return h, nil
		}
		set.Data = append(set.Data, d)
	}
	if len(set.Data) > 0 {
		set.TTL = *s.TTL
		set = set.Clean()
		h.set = &set
	}
	if len(h.disabled) > 0 {
		f := opaque(h.key, s, "disabled record")
		f.Owns = h.set == nil
		h.foreign = append(h.foreign, f)
	}
	return h, nil
}

func opaque(k zone.Key, s apiRRset, kind string) provider.Foreign {
	raw, err := json.Marshal(s)
	if err != nil {
		raw = nil // it came from JSON
	}
	text := make([]string, 0, len(s.Records))
	for _, r := range s.Records {
		text = append(text, r.Content)
	}
	return provider.Foreign{Key: k, Kind: kind, Text: fmt.Sprintf("%s %s %s", s.Name, s.Type, strings.Join(text, " | ")), Raw: raw, Owns: k.Type != 0}
}

func comments(k zone.Key, s apiRRset) provider.Foreign {
	text := make([]string, 0, len(s.Comments))
	for _, c := range s.Comments {
		text = append(text, c.Content)
	}
	raw, err := json.Marshal(s.Comments)
	if err != nil {
		raw = nil
	}
	return provider.Foreign{Key: k, Kind: "comment", Text: strings.Join(text, " | "), Raw: raw}
}

// signed are the types that PowerDNS holds as records only in presigned zones, which are not written.
var signed = []string{"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"}

// snapshot translates a whole zone.
func (p *Provider) snapshot(z *apiZone, ref provider.ZoneRef) (*provider.Snapshot, error) {
	s := &provider.Snapshot{Info: p.info(z, ref.Origin)}
	if n := max(z.EditedSerial, z.Serial); n != 0 {
		s.Revision = fmt.Sprint(n)
	}
	b := zone.NewBuilder(ref.Origin)
	signatures := 0
	for _, r := range z.RRsets {
		if slices.Contains(signed, r.Type) {
			signatures++
			continue
		}
		h, err := read(r, ref.Origin)
		if err != nil {
			return nil, p.invalid("read", ref.Origin, err)
		}
		s.Foreign = append(s.Foreign, h.foreign...)
		if h.set != nil {
			b.Add(*h.set)
		}
	}
	if signatures > 0 {
		s.Foreign = append(s.Foreign, provider.Foreign{Kind: "DNSSEC", Text: fmt.Sprintf("%d RRsets of signatures of a presigned zone", signatures)})
	}
	var err error
	if s.Sets, err = b.Zone(); err != nil {
		return nil, p.invalid("read", ref.Origin, err)
	}
	return s, nil
}

func (p *Provider) info(z *apiZone, origin zone.Name) provider.ZoneInfo {
	i := provider.ZoneInfo{
		ZoneRef: provider.ZoneRef{Origin: origin, ID: z.ID}, Kind: provider.Secondary,
		Serial: z.Serial, Signed: z.DNSSEC, Addresses: p.addresses,
	}
	if writable(z.Kind) {
		i.Kind = provider.Primary
	}
	return i
}

// writable reports whether records of zones of the kind are kept here. Master, Native and Producer
// are; Slave, Secondary and Consumer come from elsewhere.
func writable(kind string) bool {
	return slices.Contains([]string{"native", "master", "primary", "producer"}, strings.ToLower(kind))
}

// patch is what one change becomes: what is disabled goes back as it was.
func patch(c zone.Change, now held) apiRRset {
	k := c.Key()
	out := apiRRset{Name: k.Owner.String(), Type: k.Type.String(), ChangeType: "REPLACE", Records: []apiRecord{}}
	ttl := uint32(0)
	if c.After != nil {
		ttl = c.After.TTL
		for _, d := range c.After.Data {
			out.Records = append(out.Records, apiRecord{Content: content(k.Type, d)})
		}
	} else if now.set != nil {
		ttl = now.set.TTL
	}
	for _, r := range now.disabled {
		// PowerDNS refuses the same content twice in a set.
		if d, err := rdata.Parse(k.Type, r.Content, zone.Root); err == nil && c.After != nil && slices.Contains(c.After.Data, d) {
			continue
		}
		out.Records = append(out.Records, r)
	}
	if len(out.Records) == 0 {
		out.ChangeType = "DELETE"
		return out
	}
	out.TTL = &ttl
	return out
}

// content prints RDATA the one way that PowerDNS takes it: it prints what it parsed, and refuses
// what does not come out the same ("Not in expected format").
func content(t zone.Type, d zone.Data) string {
	s := rdata.Text(t, d)
	switch {
	case t == zone.TypeLOC:
		return location(strings.Fields(s))
	case (t == zone.TypeSVCB || t == zone.TypeHTTPS) && !strings.Contains(s, "  "):
		return service(strings.Fields(s))
	case s == `\# 0`:
		return s + " "
	}
	return s
}

// location writes metres with two decimals, and the equator and Greenwich as south and west.
func location(f []string) string {
	for i, w := range f {
		if m, ok := strings.CutSuffix(w, "m"); ok && !strings.Contains(m, ".") {
			f[i] = m + ".00m"
		}
		if zero := i >= 3 && slices.Equal(f[i-3:i], []string{"0", "0", "0.000"}); zero && w == "N" {
			f[i] = "S"
		} else if zero && w == "E" {
			f[i] = "W"
		}
	}
	return strings.Join(f, " ")
}

// service writes the parameters that have a form of their own without quotes, and addresses as
// inet_ntop does.
func service(f []string) string {
	for i, w := range f {
		key, value, ok := strings.Cut(w, "=")
		if n := slices.Index(late, key); n >= 0 && i > 1 {
			if f[i] = fmt.Sprintf("key%d=%s", n+firstLate, value); !ok {
				f[i] += `""`
			}
			continue
		}
		if !ok || !slices.Contains(bare, key) || strings.Contains(value, `\`) {
			continue
		}
		items := strings.Split(strings.Trim(value, `"`), ",")
		for j, item := range items {
			if a, err := netip.ParseAddr(item); err == nil {
				items[j] = a.String()
			}
			if n := slices.Index(late, item); n >= 0 && key == "mandatory" {
				items[j] = fmt.Sprintf("key%d", n+firstLate)
			}
		}
		f[i] = key + "=" + strings.Join(items, ",")
	}
	return strings.Join(f, " ")
}

// late are parameters registered after PowerDNS 4.7, the first of them with number 7: every release
// reads them as keyN (RFC 9461, RFC 9540).
var late = []string{"dohpath", "ohttp"}

const firstLate = 7

// bare are the service parameters that PowerDNS prints without quotes.
var bare = []string{"mandatory", "alpn", "port", "ipv4hint", "ipv6hint"}
