package rfc2136

import (
	"context"
	"fmt"
	"iter"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/wire/transfer"
	"github.com/zonecast/zonecast/zone"
)

func init() {
	provider.Register(provider.Driver{
		Name:    "rfc2136",
		Title:   "Dynamic update (RFC 2136): BIND, Knot and others",
		Classes: []string{"octodns_bind.Rfc2136Provider", "octodns_bind.BindProvider"},
		Options: []provider.Option{
			{Name: "host", Required: true, Help: "name or address of the primary name server"},
			{Name: "port", Kind: provider.Int, Default: "53", Help: "its port"},
			{Name: "ipv6", Kind: provider.Bool, Default: "false", Help: "connect over IPv6 only"},
			{Name: "timeout", Kind: provider.Float, Default: "15", Help: "seconds to wait for one answer"},
			{Name: "key_name", Help: "name of the TSIG key"},
			{Name: "key_secret", Secret: true, Help: "secret of the TSIG key, base64"},
			{Name: "key_algorithm", Default: "hmac-sha256", Help: "algorithm of the TSIG key: " + strings.Join(wire.Algorithms(), ", ")},
			{Name: "zones", Kind: provider.List, Help: "zones that the server holds, for listing them"},
			{Name: "catalog", Help: "catalog zone (RFC 9432) that lists the server's zones"},
		},
		Open: open,
	})
}

// types are what can be written by name; types without a name go too, as their octets (RFC 3597).
// Left out are what a server makes itself (RRSIG, NSEC, ZONEMD …) and types that nobody writes.
var types = []zone.Type{
	zone.TypeA, zone.TypeNS, zone.TypeCNAME, zone.TypePTR, zone.TypeHINFO, zone.TypeMX, zone.TypeTXT,
	zone.TypeRP, zone.TypeAFSDB, 19, 20, 21, 26, 27, // X25, ISDN, RT, PX, GPOS
	zone.TypeAAAA, zone.TypeLOC, zone.TypeSRV, zone.TypeNAPTR, 36, zone.TypeCERT, zone.TypeDNAME, 42, // KX, APL
	zone.TypeDS, zone.TypeSSHFP, 45, zone.TypeDNSKEY, 49, zone.TypeTLSA, zone.TypeSMIMEA, 55, // IPSECKEY, DHCID, HIP
	zone.TypeCDS, zone.TypeCDNSKEY, zone.TypeOPENPGPKEY, zone.TypeCSYNC, zone.TypeSVCB, zone.TypeHTTPS,
	zone.TypeSPF, 104, 105, 106, 107, 108, 109, zone.TypeURI, zone.TypeCAA, 258, 260, 261, 262, // NID, L32, L64, LP, EUI48, EUI64, AVC, AMTRELAY, RESINFO, WALLET
}

func holds(t zone.Type) bool {
	return slices.Contains(types, t) || t.OnWire() && !t.Known()
}

// An account is one name server.
type account struct {
	id      string
	addr    string // host:port
	client  wire.Client
	zones   []zone.Name
	catalog zone.Name // the root: none
}

func open(c provider.Config) (provider.Provider, error) {
	a := &account{id: c.ID}
	var bad []finding.Finding
	note := func(option string, err error) {
		if err != nil {
			bad = append(bad, finding.Finding{
				ID: "provider-option", Severity: finding.Error, Place: c.Values[option].Place,
				Subject: "provider " + c.ID, Text: err.Error(),
			})
		}
	}
	host := c.Text("host", "")
	if host == "" {
		note("host", fmt.Errorf("provider %s: option host is missing; write the name or address of the primary name server", c.ID))
	}
	if err := provider.Host(host); err != nil {
		note("host", fmt.Errorf("provider %s: option host %w", c.ID, err))
	} else if h, p, err := net.SplitHostPort(host); err == nil {
		note("host", fmt.Errorf("provider %s: option host is %q; write host: %s and port: %s", c.ID, host, h, p))
	}
	port, err := c.Int("port", 53)
	note("port", err)
	if err == nil && (port < 1 || port > 65535) {
		note("port", fmt.Errorf("provider %s: option port is %d; write a number from 1 to 65535", c.ID, port))
	}
	a.addr = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
	only6, err := c.Bool("ipv6", false)
	note("ipv6", err)
	seconds, err := strconv.ParseFloat(c.Text("timeout", "15"), 64)
	if err != nil || !(seconds > 0 && seconds <= 3600) {
		note("timeout", fmt.Errorf("provider %s: option timeout is %q; write seconds, up to 3600", c.ID, c.Text("timeout", "")))
	}
	a.client = wire.Client{
		Transport: wire.TCP,
		Timeout:   time.Duration(seconds * float64(time.Second)),
		Trace:     c.Trace,
	}
	if only6 {
		a.client.Dial = dial6
	}
	a.client.Key, err = key(c)
	note("key_secret", err)
	for _, text := range c.Values["zones"].List {
		n, err := zone.ParseName(text)
		note("zones", err)
		a.zones = append(a.zones, n)
	}
	if text := c.Text("catalog", ""); text != "" {
		a.catalog, err = zone.ParseName(text)
		note("catalog", err)
	}
	if err := finding.AsError(bad); err != nil {
		return nil, err
	}
	return a, nil
}

func dial6(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, network+"6", addr)
}

// key makes the TSIG key of the options, nil without one.
func key(c provider.Config) (*wire.Key, error) {
	name, secret := c.Text("key_name", ""), c.Text("key_secret", "")
	switch {
	case name == "" && secret == "":
		return nil, nil
	case name == "":
		return nil, fmt.Errorf("provider %s: option key_secret is set, but not key_name", c.ID)
	case secret == "":
		return nil, fmt.Errorf("provider %s: option key_name is set, but not key_secret", c.ID)
	}
	k, err := wire.NewKey(name, c.Text("key_algorithm", ""), secret)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", c.ID, err)
	}
	return k, nil
}

// Capabilities are those of the protocol; a server's own policy may allow less.
func (a *account) Capabilities(info provider.ZoneInfo) provider.Capabilities {
	c := provider.Capabilities{
		Types:         types,
		UnknownTypes:  true,
		ApexNS:        provider.ApexNSEditable,
		ApexNSTTL:     true,
		Wildcards:     true,
		MultiValuePTR: true,
		TXTChunks:     true,
		EmptyTXT:      true,
		MaxTTL:        1<<31 - 1,
		Compare:       provider.CompareAll,
		ListZones:     len(a.zones) > 0 || !a.catalog.IsRoot(),
		Proof:         "real server",
		Docs: map[string]string{
			"Compare":      "https://www.rfc-editor.org/rfc/rfc2136#section-2.4",
			"ApexNS":       "https://www.rfc-editor.org/rfc/rfc2136#section-3.4.2.4",
			"UnknownTypes": "https://www.rfc-editor.org/rfc/rfc3597",
			"MaxTTL":       "https://www.rfc-editor.org/rfc/rfc2181#section-8",
		},
	}
	if info.Signed {
		// The server counts the serial up whenever it signs anew, so the SOA says nothing.
		c.Compare = provider.CompareSet
	}
	return c
}

// Zones lists the members of the catalog zone and the zones of the option.
func (a *account) Zones(ctx context.Context) iter.Seq2[provider.ZoneInfo, error] {
	return func(yield func(provider.ZoneInfo, error) bool) {
		if len(a.zones) == 0 && a.catalog.IsRoot() {
			yield(provider.ZoneInfo{}, &provider.Error{
				Op: "list zones", Err: fmt.Errorf("a name server does not tell which zones it holds: %w", unsupported),
				Advice: "name them by the option zones, or a catalog zone by the option catalog",
			})
			return
		}
		names := a.zones
		if !a.catalog.IsRoot() {
			members, err := a.members(ctx)
			if err != nil {
				yield(provider.ZoneInfo{}, err)
				return
			}
			names = append(members, names...)
		}
		seen := map[zone.Name]bool{}
		for _, n := range names {
			if seen[n] {
				continue
			}
			seen[n] = true
			if !yield(a.info(n), nil) {
				return
			}
		}
	}
}

func (a *account) info(origin zone.Name) provider.ZoneInfo {
	return provider.ZoneInfo{
		ZoneRef:   provider.ZoneRef{Origin: origin},
		Kind:      provider.Primary,
		Addresses: []string{a.addr},
	}
}

// Read transfers the zone.
func (a *account) Read(ctx context.Context, ref provider.ZoneRef) (*provider.Snapshot, error) {
	z, err := transfer.Fetch(ctx, &a.client, a.addr, ref.Origin, transfer.Options{})
	if err != nil {
		return nil, a.callError(ctx, "read", ref.Origin, err)
	}
	snap := &provider.Snapshot{
		Info:     a.info(ref.Origin),
		Revision: strconv.FormatUint(uint64(z.Serial), 10),
		Sets:     z.Sets,
		Own:      z.SOA.Data,
	}
	snap.Info.ZoneRef = ref
	snap.Info.Serial = z.Serial
	snap.Info.Signed = z.Signed
	snap.Foreign = foreign(z, ref.Origin)
	return snap, nil
}

// foreign tells what belongs to the server's signer.
func foreign(z *transfer.Zone, origin zone.Name) []provider.Foreign {
	var out []provider.Foreign
	held := map[zone.Type]bool{}
	for _, r := range z.Signer {
		held[r.Type] = true
	}
	for _, c := range z.Left {
		f := provider.Foreign{
			Kind: "DNSSEC",
			Text: fmt.Sprintf("%d %s records that the server's signer maintains", c.Records, c.Type),
		}
		if held[c.Type] {
			f.Key, f.Owns = zone.Key{Owner: origin, Type: c.Type}, true
		}
		out = append(out, f)
	}
	return out
}

// Verify asks the server anything at all: a server that does not know the key says so.
func (a *account) Verify(ctx context.Context) (string, error) {
	origin := a.catalog
	if origin.IsRoot() && len(a.zones) > 0 {
		origin = a.zones[0]
	}
	m, err := a.client.Exchange(ctx, a.addr, wire.Query(origin, zone.TypeSOA))
	if err != nil {
		e := a.callError(ctx, "verify", origin, err)
		if origin.IsRoot() {
			e.Zone = ""
		}
		return "", e
	}
	found := "name server at " + a.addr
	if a.client.Key != nil {
		found += ", accepts key " + a.client.Key.Name.String()
	}
	if !origin.IsRoot() {
		if !m.Authoritative || m.RCODE != wire.NoError {
			return "", &provider.Error{
				Op: "verify", Zone: origin.String(), Status: int(m.RCODE), Err: provider.ErrNoZone,
				Advice: "set the zone up as primary at " + a.addr,
			}
		}
		found += ", serves " + origin.Unicode()
	}
	return found, nil
}
