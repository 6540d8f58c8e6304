package powerdns

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// Provider is one PowerDNS server.
type Provider struct {
	http      *httpkit.Client
	server    string // "/servers/localhost"
	kind      string // of zones that are created
	soaEdit   string // SOA-EDIT-API of zones that are created
	ns        []string
	notify    bool
	addresses []string
	isThere   atomic.Bool // the server has answered at its own address
}

var (
	_ provider.SetReader   = (*Provider)(nil)
	_ provider.ZoneCreator = (*Provider)(nil)
	_ provider.ZoneDeleter = (*Provider)(nil)
	_ provider.Verifier    = (*Provider)(nil)
	_ provider.Closer      = (*Provider)(nil)
)

// types are those that PowerDNS knows by name and that the conformance suite has proven.
var types = []zone.Type{
	zone.TypeA, zone.TypeAAAA, zone.TypeAFSDB, zone.TypeALIAS, zone.TypeCAA, zone.TypeCDNSKEY, zone.TypeCDS,
	zone.TypeCERT, zone.TypeCNAME, zone.TypeCSYNC, zone.TypeDNAME, zone.TypeDNSKEY, zone.TypeDS, zone.TypeHINFO, zone.TypeHTTPS, zone.TypeLOC, zone.TypeMX,
	zone.TypeNAPTR, zone.TypeNS, zone.TypeOPENPGPKEY, zone.TypePTR, zone.TypeRP, zone.TypeSMIMEA,
	zone.TypeSPF, zone.TypeSRV, zone.TypeSSHFP, zone.TypeSVCB, zone.TypeTLSA, zone.TypeTXT, zone.TypeURI,
}

// Capabilities implements provider.Provider. They are the same for all zones.
func (p *Provider) Capabilities(provider.ZoneInfo) provider.Capabilities {
	return provider.Capabilities{
		Types: types, UnknownTypes: true,
		ApexNS: provider.ApexNSEditable, ApexNSTTL: true,
		Alias: "ALIAS", MaxTTL: 1<<31 - 1,
		Wildcards: true, MultiValuePTR: true, TXTChunks: true, EmptyTXT: true,
		Compare: provider.NoCompare,
		Window:  "another writer between the second reading of the zone and the PATCH, some milliseconds",
		Atomic:  true, ListZones: true, CreateZone: true, DeleteZone: true,
		InFlight: inFlight, Proof: "real server",
		Docs: map[string]string{
			"Types":      "https://doc.powerdns.com/authoritative/appendices/types.html",
			"Alias":      "https://doc.powerdns.com/authoritative/guides/alias.html",
			"Atomic":     "https://doc.powerdns.com/authoritative/http-api/zone.html",
			"CreateZone": "https://doc.powerdns.com/authoritative/http-api/zone.html",
			"ListZones":  "https://doc.powerdns.com/authoritative/http-api/zone.html",
		},
	}
}

// Zones implements provider.Provider.
func (p *Provider) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		zones, err := p.list(ctx)
		if err != nil {
			yield(provider.ZoneInfo{}, err)
			return
		}
		for _, z := range zones {
			origin, err := zone.ParseName(z.Name)
			if err != nil || z.Name == "" {
				yield(provider.ZoneInfo{}, &provider.Error{Op: "list zones", Kind: provider.Invalid, Err: fmt.Errorf("zone %q has no proper name", z.Name)})
				return
			}
			if !yield(p.info(&z, origin), nil) {
				return
			}
		}
	}
}

// list asks for all zones without their DNSSEC state, which costs the server a query each.
func (p *Provider) list(ctx context.Context) ([]apiZone, error) {
	var zones []apiZone
	_, err := p.http.Do(ctx, httpkit.Request{Op: "list zones", Path: p.server + "/zones", Query: url.Values{"dnssec": {"false"}}}, &zones)
	return zones, err
}

// Read implements provider.Provider.
func (p *Provider) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	z, _, err := p.readZone(ctx, "read", ref, nil)
	if err != nil {
		return nil, err
	}
	return p.snapshot(z, ref)
}

// ReadSets implements provider.SetReader.
func (p *Provider) ReadSets(ctx context.Context, ref provider.ZoneRef, keys []zone.Key) ([]zone.RRset, error) {
	_, now, _, err := p.again(ctx, "read", ref, byName(keys))
	if err != nil {
		return nil, err
	}
	var out []zone.RRset
	for _, k := range keys {
		if h, ok := now[k]; ok && h.set != nil {
			out = append(out, *h.set)
		}
	}
	return out, nil
}

// few is up to how many owner names are read one by one.
const few = 4

// byName lists the owners of keys when they are few; else nil in the place of all.
func byName(keys []zone.Key) []*zone.Name {
	var owners []*zone.Name
	for _, k := range keys {
		if !slices.ContainsFunc(owners, func(n *zone.Name) bool { return *n == k.Owner }) {
			owners = append(owners, &k.Owner)
		}
	}
	if len(owners) > few || len(owners) == 0 {
		return whole
	}
	return owners
}

// whole asks for all owners. A write must: PowerDNS leaves disabled records out of what it gives
// for one name, and they would be lost with the REPLACE.
var whole = []*zone.Name{nil}

// again reads what the server holds at some owners, and what it says of the zone. Servers that know
// rrset_name give the RRsets of one name; older ones ignore it and give the whole zone.
func (p *Provider) again(ctx context.Context, op string, ref provider.ZoneRef, owners []*zone.Name) (*apiZone, map[zone.Key]held, int, error) {
	now := map[zone.Key]held{}
	var about *apiZone
	calls := 0
	for _, owner := range owners {
		z, n, err := p.readZone(ctx, op, ref, owner)
		calls += n
		if err != nil {
			return nil, nil, calls, err
		}
		about = z
		all := false
		for _, s := range z.RRsets {
			h, err := read(s, ref.Origin)
			if err != nil {
				return nil, nil, calls, p.invalid(op, ref.Origin, err)
			}
			now[h.key] = h
			all = all || owner != nil && h.key.Owner != *owner
		}
		if all {
			break // the server gave all there is
		}
	}
	return about, now, calls, nil
}

// Write implements provider.Provider.
func (p *Provider) Write(ctx context.Context, base *provider.Snapshot, changes provider.ChangeSet) (*provider.Receipt, error) {
	began := time.Now()
	ref := base.Info.ZoneRef
	r := provider.NewReceipt(changes, provider.NotDone)
	fail := func(kind provider.ErrKind, advice string, err error) (*provider.Receipt, error) {
		r.Took = time.Since(began)
		return r, &provider.Error{Op: "write", Zone: ref.Origin.String(), Kind: kind, Advice: advice, Err: err}
	}
	if err := p.refuse(changes); err != nil {
		return fail(provider.Rejected, "", err)
	}
	z, now, calls, err := p.again(ctx, "write", ref, whole)
	r.Calls = calls
	if err != nil {
		return r, err
	}
	if !writable(z.Kind) {
		return fail(provider.Rejected, "write to the server that the zone comes from", fmt.Errorf("the zone is of kind %s: its records are transferred from elsewhere", z.Kind))
	}
	if err := moved(changes.Sets, now); err != nil {
		return fail(provider.Conflict, "plan again", err)
	}
	if err := p.elsewhere(base, z); err != nil {
		return fail(provider.Conflict, "plan again", err)
	}
	if z.DNSSEC {
		signed, n, err := p.presigned(ctx, ref)
		r.Calls += n
		if err != nil {
			return r, err
		}
		if signed {
			return fail(provider.Rejected, "change the zone where it is signed", errors.New("the zone is presigned: PowerDNS could not sign the changes"))
		}
	}
	err = p.send(ctx, ref, changes, now, r)
	r.Took = time.Since(began)
	if err != nil {
		return r, err
	}
	p.afterwards(ctx, z, ref, r)
	r.Took = time.Since(began)
	return r, nil
}

// PowerDNS stores its pseudo-types ADDR, ALIAS and LUA under these numbers of the private range.
const (
	firstOwn zone.Type = 65400
	lastOwn  zone.Type = 65402
)

// refuse tells which change the API cannot express.
func (p *Provider) refuse(changes provider.ChangeSet) error {
	caps := p.Capabilities(provider.ZoneInfo{})
	for _, c := range changes.Sets {
		k := c.Key()
		switch {
		case k.Type == zone.TypeSOA:
			return fmt.Errorf("%s: PowerDNS keeps the SOA itself", k)
		case k.Type >= firstOwn && k.Type <= lastOwn:
			return fmt.Errorf("%s: PowerDNS uses the number for a type of its own", k)
		case !caps.Holds(k.Type):
			return fmt.Errorf("%s: PowerDNS does not hold this type", k)
		}
	}
	if len(changes.Settings) > 0 {
		return fmt.Errorf("setting %s cannot be changed by this adapter", changes.Settings[0].Key)
	}
	return nil
}

// moved tells which RRset is not what the changes were computed from.
func moved(changes []zone.Change, now map[zone.Key]held) error {
	for _, c := range changes {
		h := now[c.Key()]
		if slices.ContainsFunc(h.foreign, func(f provider.Foreign) bool { return f.Owns && len(h.disabled) == 0 }) {
			return fmt.Errorf("%s holds something that is not zonecast's: %s", c.Key(), h.foreign[0].Kind)
		}
		same := (c.Before == nil) == (h.set == nil)
		if same && h.set != nil {
			same = h.set.TTL == c.Before.TTL && h.set.SameData(c.Before.Clean())
		}
		if !same {
			return fmt.Errorf("%s is not what the plan was computed from", c.Key())
		}
	}
	return nil
}

// elsewhere tells which RRset, changed or not, is no longer as in base. The API has no
// compare-and-set, but all of the zone was read again: what two writers want is not mixed. The base
// of a plan out of a file has no sets; who read it back has compared already.
func (p *Provider) elsewhere(base *provider.Snapshot, z *apiZone) error {
	if base.Sets == nil || base.Sets.Len() == 0 {
		return nil
	}
	snap, err := p.snapshot(z, base.Info.ZoneRef)
	if err != nil {
		return err
	}
	for c := range zone.Diff(base.Sets, snap.Sets) {
		same := c.Before != nil && c.After != nil && c.Before.TTL == c.After.TTL && c.Before.SameData(*c.After)
		if !same && c.Key().Type != zone.TypeSOA {
			return fmt.Errorf("%s was changed since the plan was made", c.Key())
		}
	}
	return nil
}

// send carries out all changes in one PATCH, which is one transaction.
func (p *Provider) send(ctx context.Context, ref provider.ZoneRef, changes provider.ChangeSet, now map[zone.Key]held, r *provider.Receipt) error {
	if len(changes.Sets) == 0 {
		return nil
	}
	body := apiZonePatch{RRsets: make([]apiRRset, len(changes.Sets))}
	for i, c := range changes.Sets {
		body.RRsets[i] = patch(c, now[c.Key()])
	}
	// Deletions first: PowerDNS checks each RRset against those before it, and a CNAME must not meet
	// what it replaces.
	slices.SortStableFunc(body.RRsets, func(a, b apiRRset) int { return strings.Compare(a.ChangeType, b.ChangeType) })
	calls, err := p.do(ctx, httpkit.Request{Op: "write", Zone: ref.Origin.String(), Method: http.MethodPatch, Path: p.zonePath(ref), Body: body}, nil)
	r.Calls += calls
	for i := range r.Sets {
		r.Sets[i] = httpkit.Outcome(err)
	}
	return err
}

type apiZonePatch struct {
	RRsets []apiRRset `json:"rrsets"`
}

// afterwards does what a zone needs after its records changed. The records are written whatever
// becomes of it, so failures are notes.
func (p *Provider) afterwards(ctx context.Context, z *apiZone, ref provider.ZoneRef, r *provider.Receipt) {
	put := func(what string) {
		calls, err := p.do(ctx, httpkit.Request{Op: what, Zone: ref.Origin.String(), Method: http.MethodPut, Path: p.zonePath(ref) + "/" + what, Repeatable: true}, nil)
		r.Calls += calls
		if err != nil {
			r.Notes = append(r.Notes, err.Error())
		}
	}
	if z.DNSSEC && z.APIRectify != nil && !*z.APIRectify {
		put("rectify")
	}
	if p.notify && !strings.EqualFold(z.Kind, "native") {
		put("notify")
	}
}

// CreateZone implements provider.ZoneCreator.
func (p *Provider) CreateZone(ctx context.Context, origin zone.Name) (*provider.Snapshot, error) {
	body := apiZone{Name: origin.String(), Kind: p.kind, SOAEditAPI: p.soaEdit, NameServers: p.ns}
	if body.NameServers == nil {
		body.NameServers = []string{} // demanded even when there are none
	}
	var z apiZone
	if _, err := p.http.Do(ctx, httpkit.Request{Op: "create zone", Zone: origin.String(), Method: http.MethodPost, Path: p.server + "/zones", Body: body}, &z); err != nil {
		return nil, err
	}
	return p.Read(ctx, provider.ZoneRef{Origin: origin, ID: z.ID})
}

// DeleteZone implements provider.ZoneDeleter.
func (p *Provider) DeleteZone(ctx context.Context, ref provider.ZoneRef) error {
	_, err := p.do(ctx, httpkit.Request{Op: "delete zone", Zone: ref.Origin.String(), Method: http.MethodDelete, Path: p.zonePath(ref)}, nil)
	return err
}

// Verify implements provider.Verifier.
func (p *Provider) Verify(ctx context.Context) (string, error) {
	var s apiServer
	if _, err := p.http.Do(ctx, httpkit.Request{Op: "verify", Path: p.server}, &s); err != nil {
		return "", err
	}
	if s.DaemonType != "authoritative" {
		return "", &provider.Error{Op: "verify", Kind: provider.Invalid, Err: fmt.Errorf("this is a PowerDNS of kind %q", s.DaemonType), Advice: "give the address of the authoritative server's API"}
	}
	zones, err := p.list(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("PowerDNS %s, %s", s.Version, provider.CountZones(len(zones))), nil
}

// Close lets go of connections.
func (p *Provider) Close() error {
	if c, ok := p.http.HTTP.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}
