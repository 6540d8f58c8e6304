package powerdns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/provider/httpkit"
	"github.com/zonecast/zonecast/zone"
)

// The shapes of the API, as far as they are used.
type (
	apiServer struct {
		DaemonType string `json:"daemon_type"`
		ID         string `json:"id"`
		Version    string `json:"version"`
	}
	apiZone struct {
		ID           string     `json:"id,omitempty"`
		Name         string     `json:"name"`
		Kind         string     `json:"kind"`
		Serial       uint32     `json:"serial,omitempty"`
		EditedSerial uint32     `json:"edited_serial,omitempty"`
		DNSSEC       bool       `json:"dnssec,omitempty"`
		APIRectify   *bool      `json:"api_rectify,omitempty"`
		SOAEditAPI   string     `json:"soa_edit_api,omitempty"`
		NameServers  []string   `json:"nameservers,omitzero"`
		RRsets       []apiRRset `json:"rrsets,omitzero"`
	}
	apiRRset struct {
		Name       string       `json:"name"`
		Type       string       `json:"type"`
		TTL        *uint32      `json:"ttl,omitempty"`
		ChangeType string       `json:"changetype,omitempty"`
		Records    []apiRecord  `json:"records"`
		Comments   []apiComment `json:"comments,omitempty"`
	}
	apiRecord struct {
		Content  string `json:"content"`
		Disabled bool   `json:"disabled"`
	}
	apiComment struct {
		Content    string      `json:"content"`
		Account    string      `json:"account"`
		ModifiedAt json.Number `json:"modified_at,omitempty"`
	}
	apiMetadata struct {
		Metadata []string `json:"metadata"`
	}
)

// zoneID is the id that PowerDNS gives to a zone: its name with everything but letters, digits,
// dots and hyphens written "=XX".
func zoneID(origin zone.Name) string {
	if origin.IsRoot() {
		return "=2E"
	}
	var b strings.Builder
	for _, c := range []byte(origin.String()) {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

// zonePath is the path of a zone. PowerDNS says of its ids that they are safe in URLs.
func (p *Provider) zonePath(ref provider.ZoneRef) string {
	id := ref.ID
	if id == "" {
		id = zoneID(ref.Origin)
	}
	return p.server + "/zones/" + url.PathEscape(id)
}

// do sends a request about a zone; an answer that says that there is no such zone wraps ErrNoZone.
func (p *Provider) do(ctx context.Context, r httpkit.Request, out any) (int, error) {
	resp, err := p.http.Do(ctx, r, out)
	e, ok := errors.AsType[*provider.Error](err)
	if !ok || r.Zone == "" {
		return resp.Calls, err
	}
	// Servers before 4.2 answer 422 for a zone that they do not have.
	if e.Status == http.StatusNotFound && !strings.Contains(e.Error(), "Could not find domain") {
		if n, err := p.found(ctx, r); err != nil {
			return resp.Calls + n, err
		}
	}
	if e.Status == http.StatusNotFound || e.Status == http.StatusUnprocessableEntity && strings.Contains(e.Error(), "Could not find domain") {
		return resp.Calls, &provider.Error{Op: r.Op, Zone: r.Zone, Status: e.Status, Err: provider.ErrNoZone}
	}
	return resp.Calls, err
}

// found makes sure, once, that there is a server at the address: a wrong host, port or server_id says
// 404 of every zone, and none of them is missing then. Whoever says anything else than 404 of the
// server itself is taken for one.
func (p *Provider) found(ctx context.Context, r httpkit.Request) (calls int, err error) {
	if p.isThere.Load() {
		return 0, nil
	}
	resp, err := p.http.Do(ctx, httpkit.Request{Op: r.Op, Zone: r.Zone, Path: p.server}, nil)
	if e, ok := errors.AsType[*provider.Error](err); ok && e.Status == http.StatusNotFound {
		e.Kind = provider.Invalid
		p.http.Where.Strange(e)
		return resp.Calls, e
	}
	if err == nil {
		p.isThere.Store(true)
	}
	return resp.Calls, nil
}

// readZone reads a zone, whole or, where the server can, only the RRsets of one owner name.
func (p *Provider) readZone(ctx context.Context, op string, ref provider.ZoneRef, owner *zone.Name) (*apiZone, int, error) {
	r := httpkit.Request{Op: op, Zone: ref.Origin.String(), Path: p.zonePath(ref)}
	if owner != nil {
		r.Query = url.Values{"rrset_name": {owner.String()}}
	}
	var z apiZone
	calls, err := p.do(ctx, r, &z)
	if err != nil {
		return nil, calls, err
	}
	if name, err := zone.ParseName(z.Name); err != nil || name != ref.Origin || z.Name == "" {
		return nil, calls, p.invalid(op, ref.Origin, fmt.Errorf("asked for zone %s, got zone %q", ref.Origin, z.Name))
	}
	if z.RRsets == nil { // an empty zone has an empty list
		return nil, calls, p.invalid(op, ref.Origin, fmt.Errorf("the answer about zone %s does not list its RRsets", ref.Origin))
	}
	return &z, calls, nil
}

func (p *Provider) invalid(op string, origin zone.Name, err error) error {
	return p.invalidAnswer(op, origin.String(), err)
}

func (p *Provider) invalidAnswer(op, origin string, err error) error {
	return &provider.Error{
		Op: op, Zone: origin, Kind: provider.Invalid, Err: err,
		Advice: "check that the address is that of a PowerDNS Authoritative Server",
	}
}

// presigned asks whether a signed zone was signed elsewhere, so that PowerDNS cannot sign changes.
func (p *Provider) presigned(ctx context.Context, ref provider.ZoneRef) (bool, int, error) {
	var m apiMetadata
	resp, err := p.http.Do(ctx, httpkit.Request{Op: "write", Zone: ref.Origin.String(), Path: p.zonePath(ref) + "/metadata/PRESIGNED"}, &m)
	if e, ok := errors.AsType[*provider.Error](err); ok && (e.Status == http.StatusNotFound || e.Status == http.StatusUnprocessableEntity) {
		return false, resp.Calls, nil
	}
	return len(m.Metadata) > 0 && m.Metadata[0] == "1", resp.Calls, err
}
