package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// A record is one of the API's whose RDATA can be read.
type record struct {
	note
	id      string
	data    zone.Data
	ttl     uint32 // 1: automatic
	proxied bool
}

func (r *record) auto() bool { return r.ttl == 1 || r.proxied }

// held is what Cloudflare holds at one owner and type.
type held struct {
	key     key
	records []record
	foreign []provider.Foreign
}

// A holding is a zone, or some names of it, as it was read.
type holding struct {
	p        *Provider
	z        *apiZone
	origin   zone.Name
	sets     map[key]*held
	odd      []provider.Foreign // of types that have no number
	settings *apiSettings       // nil: not asked for, or not to be seen
}

// nsTTL is the TTL of Cloudflare's own NS, unless the settings say otherwise
// (https://developers.cloudflare.com/dns/nameservers/nameserver-options/#nameserver-ttl).
const nsTTL = 86400

// hold reads a zone, or only what stands at some owners. A zone that was known from memory and is
// gone is looked up again.
func (p *Provider) hold(ctx context.Context, op string, ref provider.ZoneRef, owners []zone.Name) (*holding, error) {
	z, remembered, err := p.find(ctx, op, ref)
	if err != nil {
		return nil, err
	}
	h, err := p.holdZone(ctx, op, z, ref.Origin, owners)
	e, refused := errors.AsType[*provider.Error](err)
	if !remembered || !refused || !slices.Contains([]int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound}, e.Status) {
		return h, err
	}
	p.forget(z.ID)
	now, again := p.lookUp(ctx, op, ref)
	switch {
	case errors.Is(again, provider.ErrNoZone):
		return nil, again
	case again != nil || now.ID == z.ID:
		return nil, err
	}
	return p.holdZone(ctx, op, now, ref.Origin, owners)
}

func (p *Provider) holdZone(ctx context.Context, op string, z *apiZone, origin zone.Name, owners []zone.Name) (*holding, error) {
	h := &holding{p: p, z: z, origin: origin, sets: map[key]*held{}}
	if owners == nil {
		if err := h.list(ctx, op, url.Values{}); err != nil {
			return nil, err
		}
	}
	if err := h.listOwners(ctx, op, owners); err != nil {
		return nil, err
	}
	return h, h.ask(ctx, op)
}

// list adds what a filter lets through.
func (h *holding) list(ctx context.Context, op string, filter url.Values) error {
	list, err := h.filtered(ctx, op, filter)
	if err != nil {
		return err
	}
	return h.addAll(op, list)
}

// listOwners adds what stands at some owners; all are asked for at once.
func (h *holding) listOwners(ctx context.Context, op string, owners []zone.Name) error {
	lists, errs := make([][]apiRecord, len(owners)), make([]error, len(owners))
	var wg sync.WaitGroup
	for i, n := range owners {
		wg.Go(func() { lists[i], errs[i] = h.filtered(ctx, op, url.Values{"name.exact": {host(n)}}) })
	}
	wg.Wait()
	for i, list := range lists {
		if errs[i] != nil {
			return errs[i]
		}
		if err := h.addAll(op, list); err != nil {
			return err
		}
	}
	return nil
}

func (h *holding) filtered(ctx context.Context, op string, filter url.Values) ([]apiRecord, error) {
	r := httpkit.Request{Op: op, Zone: h.origin.String(), Path: zonePath(h.z.ID, "/dns_records"), Query: filter}
	return pages(ctx, h.p, r, h.p.recordsPerPage, func(r apiRecord) string { return r.ID })
}

func (h *holding) addAll(op string, list []apiRecord) error {
	for i := range list {
		if err := h.add(&list[i]); err != nil {
			return invalid(op, h.origin.String(), err)
		}
	}
	return nil
}

// ask reads the settings where they decide what the apex NS are. A token that must not see them
// sees a zone without multi-provider DNS.
func (h *holding) ask(ctx context.Context, op string) error {
	ns := h.sets[h.apex()]
	if h.z.Type == typeSecondary || !h.z.hasApexNS() || ns == nil && h.p.multi != multiOn {
		return nil
	}
	s, err := h.p.settings(ctx, op, h.z, h.origin.String())
	if provider.KindOf(err) == provider.Denied {
		return nil
	}
	h.settings = s
	return err
}

func (h *holding) apex() key { return key{Owner: h.origin, Type: zone.TypeNS} }

// multi reports whether the NS of others at the apex count. In secondary zones they always do.
func (h *holding) multi() bool {
	return h.z.Type == typeSecondary || h.settings != nil && *h.settings.MultiProvider
}

// add sorts one record in. Errors mean that the answer makes no sense.
func (h *holding) add(r *apiRecord) error {
	owner, err := zone.ParseName(r.Name)
	if err != nil || r.Name == "" {
		return fmt.Errorf("record %s has no proper name: %q", r.ID, r.Name)
	}
	if !owner.In(h.origin) {
		return fmt.Errorf("record %s %s is not in zone %s", r.Name, r.Type, h.origin)
	}
	t, ok := typeOf(r.Type)
	if !ok {
		h.odd = append(h.odd, foreign(key{Owner: owner}, r, "record of type "+r.Type))
		return nil
	}
	k := key{Owner: owner, Type: t}
	s := h.sets[k]
	if s == nil {
		s = &held{key: k}
		h.sets[k] = s
	}
	if r.TTL < 0 || r.TTL > 1<<31-1 {
		return fmt.Errorf("record %s %s has TTL %v", r.Name, r.Type, r.TTL)
	}
	s.add(r)
	return nil
}

// add takes a record in, or notes why it is not ours.
func (s *held) add(r *apiRecord) {
	d, err := r.read(s.key.Type)
	kind := ""
	switch {
	case r.Meta.ReadOnly:
		kind = "read-only record"
	case r.Locked:
		kind = "locked record"
	case err != nil:
		kind = "record that cannot be read (" + err.Error() + ")"
	}
	if kind != "" {
		s.foreign = append(s.foreign, foreign(s.key, r, kind))
		return
	}
	s.records = append(s.records, record{
		note: note{comment: r.Comment, tags: tidy(r.Tags)}, id: r.ID, data: d, ttl: uint32(r.TTL), proxied: r.Proxied && proxiable(s.key.Type),
	})
}

// typeOf is the number of a type that can stand in a zone.
func typeOf(mnemonic string) (zone.Type, bool) {
	t, err := zone.ParseType(mnemonic)
	return t, err == nil && t.OnWire() && !t.Meta()
}

func foreign(k key, r *apiRecord, kind string) provider.Foreign {
	raw, err := json.Marshal(r)
	if err != nil {
		raw = nil // it came from JSON
	}
	return provider.Foreign{Key: k, Kind: kind, Text: fmt.Sprintf("%s %s %s", r.Name, r.Type, r.Content), Raw: raw}
}

// set returns the RRset of the records; nil when there are none. Records that disagree about their
// TTL or about being proxied are shown with what holds for all of them, and told.
func (s *held) set(origin zone.Name, automatic uint32) (*zone.RRset, string) {
	if len(s.records) == 0 {
		return nil, ""
	}
	set := &zone.RRset{Owner: s.key.Owner, Type: s.key.Type, Data: make([]zone.Data, 0, len(s.records))}
	notes := make(map[zone.Data]note, 0)
	proxied, auto, noted := true, true, false
	var odd string
	for i, r := range s.records {
		ttl := r.ttl
		if r.auto() {
			ttl = automatic
		}
		if i == 0 || ttl < set.TTL {
			set.TTL = ttl
		}
		proxied, auto = proxied && r.proxied, auto && r.auto()
		set.Data = append(set.Data, r.data)
		if !r.equal(note{}) {
			noted = true
			if _, twice := notes[r.data]; !twice {
				notes[r.data] = r.note
			}
		}
		if first := s.records[0]; r.proxied != first.proxied {
			odd = "some are proxied and some are not"
		} else if odd == "" && (r.auto() != first.auto() || !r.auto() && r.ttl != first.ttl) {
			odd = "their TTLs differ"
		}
	}
	*set = set.Clean()
	if proxied || auto || noted {
		list := make([]note, len(set.Data))
		for i, d := range set.Data {
			list[i] = notes[d]
		}
		set.Extra = extraOf(*set, origin, proxied, auto, list)
	}
	return set, odd
}

// at returns what stands at a key as an RRset, nil for nothing, and what is foreign there.
func (h *holding) at(k key) (*zone.RRset, []provider.Foreign) {
	s := h.sets[k]
	if k == h.apex() && h.z.hasApexNS() {
		return h.apexNS(s)
	}
	if s == nil {
		return nil, nil
	}
	set, odd := s.set(h.origin, h.p.automatic())
	list := s.foreign
	if odd != "" {
		list = append(slices.Clip(list), provider.Foreign{Key: k, Kind: "records that disagree", Text: fmt.Sprintf("%s: %s; a change of the RRset evens them out", k, odd)})
	}
	for i := range s.foreign {
		list[i].Owns = set == nil
	}
	return set, list
}

// apexNS are Cloudflare's own name servers, which the API does not show as records, and those of
// others as far as they count.
func (h *holding) apexNS(s *held) (*zone.RRset, []provider.Foreign) {
	set := &zone.RRset{Owner: h.origin, Type: zone.TypeNS, TTL: nsTTL}
	for _, n := range h.z.servers() {
		set.Data = append(set.Data, rdata.Name(n))
	}
	if h.settings != nil && h.settings.NSTTL > 0 && h.settings.NSTTL <= maxTTL {
		set.TTL = uint32(h.settings.NSTTL)
	}
	var list []provider.Foreign
	if s != nil {
		list = slices.Clone(s.foreign)
		for _, r := range s.records {
			if h.multi() {
				set.Data = append(set.Data, r.data)
				continue
			}
			n, _ := rdata.NameOf(r.data)
			list = append(list, provider.Foreign{
				Key: s.key, Kind: "ignored NS record",
				Text: fmt.Sprintf("%s NS %s is there, but Cloudflare does not answer it while multi-provider DNS is off", h.origin, n),
			})
		}
	}
	*set = set.Clean()
	return set, list
}

// Read implements provider.Provider.
func (p *Provider) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	h, err := p.hold(ctx, "read", ref, nil)
	if err != nil {
		return nil, err
	}
	return h.snapshot()
}

func (h *holding) snapshot() (*provider.Snapshot, error) {
	s := &provider.Snapshot{Info: h.p.info(h.z, h.origin)}
	if h.settings != nil {
		s.Settings = provider.Settings{settingMulti: fmt.Sprint(*h.settings.MultiProvider)}
	}
	b := zone.NewBuilder(h.origin)
	keys := make([]key, 0, len(h.sets)+1)
	for k := range h.sets {
		keys = append(keys, k)
	}
	if _, listed := h.sets[h.apex()]; !listed {
		keys = append(keys, h.apex())
	}
	for _, k := range keys {
		set, list := h.at(k)
		s.Foreign = append(s.Foreign, list...)
		if set != nil {
			b.Add(*set)
		}
	}
	s.Foreign = append(s.Foreign, h.odd...)
	slices.SortFunc(s.Foreign, func(a, b provider.Foreign) int {
		if c := a.Key.Compare(b.Key); c != 0 {
			return c
		}
		return strings.Compare(a.Text, b.Text)
	})
	var err error
	if s.Sets, err = b.Zone(); err != nil {
		return nil, invalid("read", h.origin.String(), err)
	}
	return s, nil
}

// settingMulti is the setting that makes the apex NS of others count.
const settingMulti = "cloudflare/multi_provider"

// ReadSets implements provider.SetReader.
func (p *Provider) ReadSets(ctx context.Context, ref provider.ZoneRef, keys []zone.Key) ([]zone.RRset, error) {
	h, err := p.hold(ctx, "read", ref, few(keys, most))
	if err != nil {
		return nil, err
	}
	var out []zone.RRset
	for _, k := range keys {
		if set, _ := h.at(k); set != nil {
			out = append(out, *set)
		}
	}
	return out, nil
}

// most is up to how many owners are read one by one; more are read with the whole zone.
const most = 3

// few lists the owners of keys when they are at most n; else nil for all.
func few(keys []zone.Key, n int) []zone.Name {
	var owners []zone.Name
	for _, k := range keys {
		if !slices.Contains(owners, k.Owner) {
			if owners = append(owners, k.Owner); len(owners) > n {
				return nil
			}
		}
	}
	return owners
}
