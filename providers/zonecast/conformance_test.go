package zonecast_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"sync/atomic"
	"testing"

	"github.com/zonecast/zonecast/conformance"
	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/nameserver/control"
	"github.com/zonecast/zonecast/provider"
	"github.com/zonecast/zonecast/providers/zonecast"
	"github.com/zonecast/zonecast/providers/zonecast/api"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func open(t conformance.T, options map[string]string, transport http.RoundTripper) provider.Provider {
	t.Helper()
	c := provider.Config{ID: "ns1", Values: map[string]provider.Value{}}
	for k, v := range options {
		c.Values[k] = provider.Value{Text: v}
	}
	if transport != nil {
		c.HTTP = func() http.RoundTripper { return transport }
	}
	p, err := zonecast.Open(c)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { _ = p.(provider.Closer).Close() })
	return p
}

// counting counts requests.
type counting struct {
	http.RoundTripper
	n *atomic.Int64
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

// fresh makes a zone with NS.
func fresh(t conformance.T, p provider.Provider, origin zone.Name) provider.ZoneRef {
	t.Helper()
	base, err := p.(provider.ZoneCreator).CreateZone(t.Context(), origin)
	if err != nil {
		t.Fatalf("%v", err)
	}
	ns := zone.RRset{Owner: origin, Type: zone.TypeNS, TTL: 3600, Data: []zone.Data{rdata.Name(zone.MustName("ns1.example.net."))}}
	if _, err := p.Write(t.Context(), base, provider.ChangeSet{Sets: []zone.Change{{After: &ns}}}); err != nil {
		t.Fatalf("%v", err)
	}
	return base.Info.ZoneRef
}

// TestConformance attacks a name server in a process of its own, over the Unix socket.
func TestConformance(t *testing.T) {
	t.Parallel()
	s := startProcess(t)
	options := map[string]string{"socket": s.socket}
	var zones, calls atomic.Int64
	origin := func() zone.Name { return zone.MustName(fmt.Sprintf("zone%d.example.", zones.Add(1))) }
	r := conformance.Run(t, conformance.Subject{
		Name:     "zonecast (name server, socket)",
		Patience: patience.Limit,
		Open: func(t conformance.T) provider.Provider {
			return open(t, options, counting{api.UnixTransport(s.socket), &calls})
		},
		Calls:  func() (int, int) { return int(calls.Load()), 0 },
		Stated: func(t conformance.T, ref provider.ZoneRef) conformance.Count { return stated(t, s.socket, ref) },
		Fresh:  func(t conformance.T) provider.ZoneRef { return fresh(t, open(t, options, nil), origin()) },
		Ask:    conformance.AskAt(s.dns),
		Kill:   func(conformance.T) { s.kill(); s.run(t) },
		Via: func(t conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
			return open(t, options, wrap(api.UnixTransport(s.socket)))
		},
		NewOrigin: func(conformance.T) zone.Name { return origin() },
		Large:     conformance.Soak,
	})
	if testing.Verbose() {
		t.Log("\n" + conformance.Table(r))
	}
}

// stated asks the name server how many RRsets a zone has.
func stated(t conformance.T, socket string, ref provider.ZoneRef) conformance.Count {
	t.Helper()
	transport := api.UnixTransport(socket)
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(api.UnixBase + api.ZonePath(ref.Origin))
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var z api.Zone
	if err := json.NewDecoder(resp.Body).Decode(&z); err != nil {
		t.Fatalf("%v", err)
	}
	return conformance.Count{Sets: z.RRsets}
}

// TestConformanceTLS attacks a name server over TLS with certificates of both sides.
func TestConformanceTLS(t *testing.T) {
	t.Parallel()
	ours, others := newAuthority(t), newAuthority(t)
	over := &control.TLS{Address: "127.0.0.1:0", Authorities: ours.file, Clients: []control.Client{
		{Who: []string{"writer.example.net"}}, {Who: []string{"reader.example.net"}, ReadOnly: true},
	}}
	over.Certificate, over.Key = ours.pair(t, "ns1.example.net")
	s := start(t, nil, over)
	account := func(by *authority, name string) map[string]string {
		cert, key := by.pair(t, name)
		return map[string]string{"address": s.control.Addr().String(), "certificate": cert, "key": key, "ca_file": ours.file, "server_name": "ns1.example.net"}
	}
	writer, reader := account(ours, "writer.example.net"), account(ours, "reader.example.net")
	wrong, stranger := account(others, "writer.example.net"), account(ours, "stranger.example.net")
	var zones atomic.Int64
	origin := func() zone.Name { return zone.MustName(fmt.Sprintf("zone%d.example.", zones.Add(1))) }
	r := conformance.Run(t, conformance.Subject{
		Name: "zonecast (name server, TLS)", Short: "zonecast TLS",
		Patience: patience.Limit,
		Open:     func(t conformance.T) provider.Provider { return open(t, writer, nil) },
		Fresh:    func(t conformance.T) provider.ZoneRef { return fresh(t, open(t, writer, nil), origin()) },
		Ask:      conformance.AskAt(s.dns),
		WrongKey: func(t conformance.T) provider.Provider { return open(t, wrong, nil) },
		Expired:  func(t conformance.T) provider.Provider { return open(t, stranger, nil) },
		Narrow:   func(t conformance.T) provider.Provider { return open(t, reader, nil) },
		Via: func(t conformance.T, wrap func(http.RoundTripper) http.RoundTripper) provider.Provider {
			return open(t, writer, wrap(mutual(t, writer)))
		},
		NewOrigin: func(conformance.T) zone.Name { return origin() },
		Large:     conformance.Soak,
	})
	if testing.Verbose() {
		t.Log("\n" + conformance.Table(r))
	}
}

// mutual is a transport that shows an account's certificate.
func mutual(t conformance.T, account map[string]string) *http.Transport {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(account["certificate"], account["key"])
	if err != nil {
		t.Fatalf("%v", err)
	}
	pem, err := os.ReadFile(account["ca_file"])
	if err != nil {
		t.Fatalf("%v", err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, RootCAs: pool, ServerName: account["server_name"]}}
}
