package zonecast

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
)

// Provider is one name server.
type Provider struct {
	base      string // of requests
	where     string // for messages: path of the socket, or address
	host      string // of address
	local     bool   // by the socket
	addresses []string
	newborn   newborn
	gate      *httpkit.Gate
	retry     *httpkit.Retry
}

var (
	_ provider.SetReader   = (*Provider)(nil)
	_ provider.ZoneCreator = (*Provider)(nil)
	_ provider.ZoneDeleter = (*Provider)(nil)
	_ provider.Verifier    = (*Provider)(nil)
	_ provider.Closer      = (*Provider)(nil)
)

// types are those with a mnemonic that the conformance suite has proven; the name server answers
// all others too, as unknown ones (RFC 3597).
var types = []zone.Type{
	zone.TypeA, zone.TypeNS, zone.TypeCNAME, 9, zone.TypePTR, zone.TypeHINFO, zone.TypeMX, zone.TypeTXT, zone.TypeRP,
	zone.TypeAFSDB, 19, 20, 21, 26, 27, zone.TypeAAAA, zone.TypeLOC, zone.TypeSRV, zone.TypeNAPTR, 36, zone.TypeCERT,
	zone.TypeDNAME, 42, zone.TypeDS, zone.TypeSSHFP, 45, zone.TypeDNSKEY, 49, zone.TypeTLSA, zone.TypeSMIMEA, 55,
	zone.TypeCDS, zone.TypeCDNSKEY, zone.TypeOPENPGPKEY, zone.TypeCSYNC, zone.TypeZONEMD, zone.TypeSVCB, zone.TypeHTTPS,
	zone.TypeSPF, 104, 105, 106, 107, 108, 109, zone.TypeURI, zone.TypeCAA, 258, 260, 261, 262, 32768, 32769,
}

// Capabilities implements provider.Provider. They are the same for all zones.
func (p *Provider) Capabilities(provider.ZoneInfo) provider.Capabilities {
	return provider.Capabilities{
		Types: types, UnknownTypes: true, ApexNS: provider.ApexNSEditable, ApexNSTTL: true, MaxTTL: 1<<31 - 1,
		Wildcards: true, MultiValuePTR: true, TXTChunks: true, EmptyTXT: true,
		Compare: provider.CompareAll, Atomic: true, ListZones: true, CreateZone: true, DeleteZone: true,
		InFlight: inFlight, Proof: "real server",
		Docs: map[string]string{"Types": "https://www.rfc-editor.org/rfc/rfc3597"},
	}
}

// info is what the name server says of a zone.
func (p *Provider) info(z api.Zone) provider.ZoneInfo {
	i := provider.ZoneInfo{
		ZoneRef: provider.ZoneRef{Origin: z.Name}, Kind: provider.Secondary, Serial: z.Serial, Signed: z.Signed,
		Addresses: p.addresses,
	}
	if z.Kind == api.Primary {
		i.Kind = provider.Primary // others are kept elsewhere: in files, at their primaries
	}
	if len(p.addresses) == 0 {
		i.Addresses = p.reachable(z.Addresses)
	}
	return i
}

// loopback reports whether a host is this machine by its address.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || host == "localhost"
}

// reachable are the addresses that a client can ask: "every address" stands for the one that the
// name server was reached at.
func (p *Provider) reachable(list []string) []string {
	var out []string
	for _, text := range list {
		a, err := netip.ParseAddrPort(text)
		switch {
		case err != nil:
			continue
		case !a.Addr().IsUnspecified():
			if p.local || !a.Addr().IsLoopback() || loopback(p.host) {
				out = append(out, text)
			}
			continue
		}
		host := p.host
		if p.local {
			host = "127.0.0.1"
			if a.Addr().Is6() {
				host = "::1"
			}
		}
		if text = net.JoinHostPort(host, strconv.Itoa(int(a.Port()))); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}

// Zones implements provider.Provider.
func (p *Provider) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	list := httpkit.Listing[api.Zone]{
		Op: "list zones", ID: func(z api.Zone) string { return z.Name.String() },
		Fetch: func(ctx context.Context, at string) (httpkit.Page[api.Zone], error) {
			var page api.Zones
			q := url.Values{}
			if at != "" {
				q.Set("after", at)
			}
			err := p.do(ctx, request{op: "list zones", method: http.MethodGet, path: "/zones", query: q, read: func(body string) error {
				page = api.Zones{Total: -1}
				if err := asJSON(&page)(body); err != nil {
					return err
				}
				if page.Zones == nil || page.Total < 0 {
					return errors.New("the answer lists no zones")
				}
				return nil
			}})
			return httpkit.Page[api.Zone]{Items: page.Zones, Next: page.Next, Total: &page.Total}, err
		},
	}
	return func(yield func(provider.ZoneInfo, error) bool) {
		for z, err := range list.Items(ctx) {
			if err != nil {
				yield(provider.ZoneInfo{}, err)
				return
			}
			if !yield(p.info(z), nil) {
				return
			}
		}
	}
}

// Read implements provider.Provider.
func (p *Provider) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	var s *provider.Snapshot
	err := p.records(ctx, "read", ref.Origin, nil, func(head api.Zone, z *zone.Zone, signatures int) {
		s = &provider.Snapshot{Info: p.info(head), Revision: head.Revision, Sets: z}
		if signatures > 0 {
			s.Foreign = []provider.Foreign{{Kind: "DNSSEC", Text: fmt.Sprintf("%d RRsets of DNSSEC, made by whoever signs the zone", signatures)}}
		}
	})
	return s, err
}

// signed are the types that only a signer writes.
var signed = []zone.Type{zone.TypeRRSIG, zone.TypeNSEC, zone.TypeNSEC3, zone.TypeNSEC3PARAM}

// records reads a zone, whole or what the query chooses. Signatures are counted and left out.
func (p *Provider) records(ctx context.Context, op string, origin zone.Name, q url.Values, take func(head api.Zone, z *zone.Zone, signatures int)) error {
	return p.do(ctx, request{
		op: op, origin: origin, zone: true, method: http.MethodGet, path: api.ZonePath(origin, "records"), query: q, accept: api.Sets,
		read: func(body string) error {
			var head api.Zone
			signatures := 0
			b := zone.NewBuilder(origin)
			err := api.ReadSets(body, &head, func(set zone.RRset) error {
				switch {
				case len(set.Data) == 0:
					return fmt.Errorf("%s has no records", set.Key())
				case slices.Contains(signed, set.Type):
					signatures++
				case placeholder(set, origin):
				default:
					b.Add(set)
				}
				return nil
			})
			if err != nil {
				return err
			}
			if err := sensible(head, origin); err != nil {
				return err
			}
			z, err := b.Zone()
			if err != nil {
				return err
			}
			take(head, z, signatures)
			return nil
		},
	})
}

// sensible checks what is said of a zone.
func sensible(z api.Zone, origin zone.Name) error {
	switch {
	case z.Name != origin:
		return fmt.Errorf("asked for zone %s, got zone %s", origin, z.Name)
	case z.Revision == "" || z.Kind == "":
		return fmt.Errorf("the answer about zone %s does not tell its kind and revision", origin)
	}
	return nil
}

// fewSets is up to how many owner names are asked for one by one.
const fewSets = 50

// ReadSets implements provider.SetReader.
func (p *Provider) ReadSets(ctx context.Context, ref provider.ZoneRef, keys []zone.Key) ([]zone.RRset, error) {
	owners := map[zone.Name]bool{}
	var q url.Values
	for _, k := range keys {
		owners[k.Owner] = true
	}
	if len(keys) == 0 {
		return nil, nil
	}
	if len(owners) <= fewSets {
		q = url.Values{}
		for o := range owners {
			q.Add("owner", o.String())
		}
	}
	var out []zone.RRset
	err := p.records(ctx, "read", ref.Origin, q, func(_ api.Zone, z *zone.Zone, _ int) {
		for _, k := range keys {
			if set, ok := z.Set(k.Owner, k.Type); ok {
				out = append(out, set)
			}
		}
	})
	return out, err
}

// Verify implements provider.Verifier.
func (p *Provider) Verify(ctx context.Context) (string, error) {
	var s api.Status
	err := p.do(ctx, request{op: "verify", method: http.MethodGet, path: "/status", read: func(body string) error {
		if err := asJSON(&s)(body); err != nil {
			return err
		}
		if s.Zones == nil {
			return errors.New("the answer is not the status of a name server")
		}
		return nil
	}})
	if err != nil {
		return "", err
	}
	n := 0
	for _, of := range s.Zones {
		n += of
	}
	text := fmt.Sprintf("%s, %s, as %s", strings.TrimSpace("zonecast name server "+oneLine(s.Version)), provider.CountZones(n), oneLine(s.Client.Name))
	if s.Client.ReadOnly {
		text += ", who may not write"
	}
	return text, nil
}

// Close lets go of connections.
func (p *Provider) Close() error {
	if c, ok := p.gate.HTTP.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
	return nil
}
