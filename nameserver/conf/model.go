package conf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/zone"
)

// A File is a name server's configuration as it is written. The `help` tags are the words of the
// JSON Schema and of the reference.
type File struct {
	Listen  []string  `key:"listen" help:"addresses for DNS over UDP and TCP, as 192.0.2.53 or 192.0.2.53:5300; the port is 53 unless given"`
	TLS     TLS       `key:"tls" help:"certificates and the services that need them"`
	Proxy   []Network `key:"proxy_from" help:"balancers that begin each connection and datagram with a header of PROXY protocol version 2"`
	Workers int       `key:"workers" help:"threads for UDP at each address; 0: one for each processor"`
	User    string    `key:"user" help:"become this user once the ports are bound"`
	MaxUDP  int       `key:"max_udp" help:"the most octets of an answer over UDP; 0: 1232"`
	Rotate  bool      `key:"rotate" help:"give the records of a set in turning order"`
	NSID    string    `key:"nsid" help:"name of this server, told to those who ask for it (RFC 5001)"`
	Version string    `key:"version" help:"answer to version.bind; without it the question is refused"`
	Host    string    `key:"hostname" help:"answer to hostname.bind and id.server (RFC 4892); without it the questions are refused"`

	ReportChannel *zone.Name `key:"report_channel" help:"agent domain that resolvers are told to report errors to (RFC 9567)"`
	ClientSubnet  bool       `key:"client_subnet" help:"give subnets of clients back with the scope of the answer (RFC 7871), /0 as it is the same for all; false: ignore them"`

	RateLimit *RateLimit `key:"rate_limit" help:"bound of like answers over UDP to one network of those who may be spoofed; a number is its per_second"`
	Cookies   Cookies    `key:"cookies" help:"DNS cookies (RFC 7873)"`
	Limits    Limits     `key:"limits" help:"what clients may use up"`
	Metrics   string     `key:"metrics" help:"address of the metrics for Prometheus, as 127.0.0.1:9153"`
	TopZones  int        `key:"top_zones" help:"how many zones have a metric of their own; 0: 20"`
	QueryLog  *QueryLog  `key:"query_log" help:"queries, some or all, written down"`
	DNSTap    *DNSTap    `key:"dnstap" help:"queries and answers for a dnstap collector"`

	Store   string   `key:"store" help:"file that keeps zones which are held here or transferred in (SQLite)"`
	Control *Control `key:"control" help:"interface for zonecast apply and zonecast nameserver status, reload …"`

	Keys     map[string]Key  `key:"keys" help:"TSIG keys by their names"`
	Peers    map[string]Peer `key:"peers" help:"other name servers, by names that are used in this file"`
	Defaults Policy          `key:"defaults" help:"what holds for zones that do not say otherwise"`
	Zones    []Zone          `key:"zones" help:"what is served"`
	Produce  []Produce       `key:"produce" help:"catalog zones (RFC 9432) that list zones of this server"`
}

// TLS has the certificates of the server and the services that need them.
type TLS struct {
	Certificate string   `key:"certificate" help:"certificate chain, a PEM file; read again each minute"`
	Key         string   `key:"key" help:"its key, a PEM file"`
	ACME        *ACME    `key:"acme" help:"certificates from an ACME authority, in place of files"`
	ClientCA    string   `key:"client_ca" help:"authority of clients' certificates, a PEM file; clients are then asked for one"`
	DoT         []string `key:"dot" help:"ports or addresses of DNS over TLS, or off; default: 853 at the addresses of listen"`
	DoH         []string `key:"doh" help:"ports or addresses of DNS over HTTPS, or off; default: 443"`
	DoQ         []string `key:"doq" help:"ports or addresses of DNS over QUIC, or off; default: 853"`
	HTTP3       *bool    `key:"http3" help:"DNS over HTTPS over HTTP/3 too, at the same ports; default: true"`
	Path        string   `key:"path" help:"path of DNS over HTTPS; default: /dns-query"`
}

// ACME says how certificates are obtained (RFC 8555).
type ACME struct {
	Names     []string      `key:"names" help:"names of the server; each gets a certificate"`
	Email     string        `key:"email" help:"where the authority writes to"`
	Directory string        `key:"directory" help:"URL of the authority; default: Let's Encrypt"`
	CAFile    string        `key:"ca_file" help:"certificates that the authority's own server is checked against, a PEM file"`
	Storage   string        `key:"storage" help:"folder for account and certificates"`
	KeyType   string        `key:"key_type" help:"p256, p384, rsa2048 or rsa4096; default: p256"`
	AccountID string        `key:"account_key_id" help:"identity of the account to bind to, where the authority wants one"`
	Account   config.Secret `key:"account_key" help:"its key, in base64url"`
	DNS       bool          `key:"dns" help:"prove by TXT records in zones that are answered here (DNS-01)"`
	Settle    time.Duration `key:"settle" help:"how long secondaries need to follow, with dns; 0: there are none"`
	HTTP      string        `key:"http" help:"address for the challenge HTTP-01, as :80; without it and dns TLS-ALPN-01 by DNS over HTTPS at port 443"`
}

// A RateLimit is that of section "Protection" in docs/nameserver.md.
type RateLimit struct {
	PerSecond int       `key:"per_second" help:"like answers a second to one network; 0: no limit"`
	All       int       `key:"all_per_second" help:"answers of every kind a second to one network; 0: no bound"`
	Burst     int       `key:"burst" help:"that may come at once; 0: per_second"`
	Slip      *int      `key:"slip" help:"every so many-th is answered empty and truncated; 0: none; default: 2"`
	Exempt    []Network `key:"exempt" help:"networks without limit; default: loopback"`
}

func (r *RateLimit) fromText(text string) error {
	if text == "off" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number of answers", text)
	}
	r.PerSecond = n
	return nil
}

// Cookies are DNS cookies.
type Cookies struct {
	Secrets []config.Secret `key:"secrets" help:"16 octets each in hexadecimal, shared by servers of one address (RFC 9018); the first is the present one"`
	Require bool            `key:"require" help:"clients over UDP that use cookies must have a right one"`
}

// Limits bound what clients use up.
type Limits struct {
	Connections int           `key:"connections" help:"in all; 0: 5000"`
	PerClient   int           `key:"per_client" help:"connections of one IPv4 address or IPv6 /64; 0: 100"`
	Large       int           `key:"large" help:"connections with more than 512 octets of unanswered queries, each holds 64 KiB; 0: 1000"`
	Idle        time.Duration `key:"idle" help:"how long a connection may be silent; 0: 10s"`
	Message     time.Duration `key:"message" help:"how long a message may take to arrive; 0: 5s"`
	Write       time.Duration `key:"write" help:"how long a client may take to accept an answer; 0: 5s"`
	Drain       time.Duration `key:"drain" help:"how long to wait for the last answers in the end; 0: 5s"`
	Transfers   int           `key:"transfers" help:"transfers to secondaries at once; 0: 100"`
	EachClient  int           `key:"transfers_per_client" help:"of them to one IPv4 address or IPv6 /64; 0: a quarter of transfers"`
	Fetches     int           `key:"fetches" help:"transfers from primaries at once; 0: 64"`
	Journal     Size          `key:"journal" help:"differences kept for each zone, as 4MiB; 0: 4 MiB"`
}

// A QueryLog writes queries down.
type QueryLog struct {
	File  string      `key:"file" help:"where to; default: standard error"`
	Every int         `key:"every" help:"one of so many queries; 0 or 1: all"`
	JSON  bool        `key:"json" help:"one JSON object a line"`
	RCODE []string    `key:"rcode" help:"only answers with these RCODEs, as SERVFAIL"`
	Zones []zone.Name `key:"zones" help:"only names in these zones; default: all"`
}

// DNSTap sends queries and answers to a collector (dnstap.info).
type DNSTap struct {
	Socket   string `key:"socket" help:"Unix socket of the collector"`
	Address  string `key:"address" help:"host:port of the collector, over TCP"`
	File     string `key:"file" help:"a file in place of a collector"`
	Every    int    `key:"every" help:"one of so many queries; 0 or 1: all"`
	Identity string `key:"identity" help:"name of this server in the messages"`
}

// Control is the interface that changes zones and asks for states.
type Control struct {
	Socket      string          `key:"socket" help:"Unix socket; default: /run/zonecast/nameserver.sock unless address is given"`
	Group       string          `key:"group" help:"group whose members may use the socket"`
	Address     string          `key:"address" help:"address for mutual TLS, as 192.0.2.53:8530"`
	Certificate string          `key:"certificate" help:"certificate chain for it, a PEM file; default: that of tls"`
	Key         string          `key:"key" help:"its key, a PEM file"`
	ClientCA    string          `key:"client_ca" help:"authority of the clients' certificates, a PEM file"`
	Clients     []ControlClient `key:"clients" help:"which certificates may do what; default: all of the authority may do everything"`
}

// A ControlClient is who may use the interface over TLS.
type ControlClient struct {
	Certificate string      `key:"certificate" help:"DNS name in the certificate, or sha256: and its fingerprint"`
	ReadOnly    bool        `key:"read_only" help:"may look, not change"`
	Zones       []zone.Name `key:"zones" help:"only these zones"`
}

func (c *ControlClient) fromText(text string) error { c.Certificate = text; return nil }

// A Key is a TSIG key.
type Key struct {
	Algorithm string        `key:"algorithm" help:"hmac-sha256 unless given; hmac-sha1 only for old secondaries"`
	Secret    config.Secret `key:"secret" help:"in base64; best as file/…, env/… or cred/…"`
	Place     finding.Place
}

// A Peer is another name server.
type Peer struct {
	Address []string `key:"address" help:"where it is asked and told, as 198.51.100.2; the port is 53, over TLS 853, unless given"`
	Key     string   `key:"key" help:"TSIG key, one of keys"`
	TLS     *PeerTLS `key:"tls" help:"transfers over TLS (RFC 9103)"`
	Source  string   `key:"source" help:"address that it is asked and told from; default: the system's choice"`
	NoIXFR  bool     `key:"no_ixfr" help:"always fetch the whole zone"`
	Place   finding.Place
}

func (p *Peer) fromText(text string) error { p.Address = []string{text}; return nil }

// PeerTLS is how a peer is known over TLS, and how it knows this server.
type PeerTLS struct {
	Name        string `key:"name" help:"name in its certificate; default: its address"`
	CAFile      string `key:"ca_file" help:"authority of its certificate, a PEM file; default: the system's"`
	Certificate string `key:"certificate" help:"certificate that is shown to it, a PEM file"`
	Key         string `key:"key" help:"its key, a PEM file"`
}

// A Policy is what can be said for a zone, a folder of zones, or all.
type Policy struct {
	AllowTransfer []Rule   `key:"allow_transfer" help:"who may transfer (AXFR, IXFR): networks, peers, or rules; default: nobody"`
	Notify        []string `key:"notify" help:"who is told of new versions: peers or addresses"`
	Update        []Grant  `key:"update" help:"who may change what by dynamic updates (RFC 2136); default: nobody"`
	Serial        string   `key:"serial" help:"serials of new versions: increment, date (YYYYMMDDnn) or unixtime"`
	UpdateSigned  bool     `key:"update_signed" help:"updates may change zones with signatures, which then do not fit any more"`
}

// A Zone is one entry of what is served.
type Zone struct {
	Place finding.Place

	Folder    string     `key:"folder" help:"the zone files of this folder"`
	Primary   string     `key:"primary" help:"a zone that is held here and changed by updates or zonecast apply; \"*\" stands for all others of the store"`
	Secondary *zone.Name `key:"secondary" help:"a zone that is transferred in"`
	Catalog   *zone.Name `key:"catalog" help:"a catalog zone that is transferred in; its members are served too"`

	From      string   `key:"from" help:"with primary: a zone file that it begins with when the store does not have it"`
	Primaries []string `key:"primaries" help:"with secondary or catalog: peers or addresses that the zone comes from"`
	NotifyBy  []Rule   `key:"allow_notify" help:"with secondary or catalog: who else may send NOTIFY; the primaries always may"`
	Members   *Members `key:"members" help:"with catalog: what holds for its members"`
	Policy
}

// Members are what holds for members of a catalog.
type Members struct {
	Template
	Groups []MemberGroup `key:"groups" help:"other rules for members of groups (RFC 9432, section 4.4.2); the first that fits decides"`
	Limit  int           `key:"limit" help:"most members that the catalog may have; a version with more changes nothing; 0: 200000"`
	Grace  Grace         `key:"grace" help:"how long members are kept when a version takes away more than half of them; off: not at all; default: 24h"`
}

// A Template is what holds for members unless they have a group.
type Template struct {
	Primaries []string `key:"primaries" help:"peers or addresses that members come from; default: those of the catalog"`
	NotifyBy  []Rule   `key:"allow_notify" help:"who else may send NOTIFY for members"`
	Policy
}

// A MemberGroup holds for members of a group.
type MemberGroup struct {
	Name string `key:"name" help:"value of the group property"`
	Template
}

// Grace is a time, or none.
type Grace time.Duration

// UnmarshalText reads a time, or off.
func (g *Grace) UnmarshalText(b []byte) error {
	if string(b) == "off" {
		*g = -1
		return nil
	}
	d, err := time.ParseDuration(string(b))
	if err != nil || d <= 0 {
		return errors.New("write a time such as 24h, or off")
	}
	*g = Grace(d)
	return nil
}

// Produce is a catalog zone that is made here.
type Produce struct {
	Place   finding.Place
	Catalog zone.Name   `key:"catalog" help:"name of the catalog zone"`
	Zones   []zone.Name `key:"zones" help:"zones that it lists; *.example.org. stands for all below, *. for all; default: all that are held here or served from files"`
	Except  []zone.Name `key:"except" help:"zones that it does not list"`
	Groups  []Group     `key:"groups" help:"group properties of members"`
	Policy
}

// A Group is a group property and the zones that have it.
type Group struct {
	Name  string      `key:"name" help:"value of the property"`
	Zones []zone.Name `key:"zones" help:"zones that have it; *.example.org. stands for all below"`
}

// A Grant is one rule of updates.
type Grant struct {
	Key   string        `key:"key" help:"TSIG key, one of keys"`
	Names []zone.Name   `key:"names" help:"owner names; *.dyn.example.org. stands for all below; default: all"`
	Types []zone.Type   `key:"types" help:"types; default: all"`
	Deny  bool          `key:"deny" help:"what fits may not be changed"`
	Place finding.Place //
}

func (g *Grant) fromText(text string) error { g.Key = text; return nil }

// A Rule lets clients in: everything that it names has to fit.
type Rule struct {
	Peer         string    // a word that is no network: a peer
	Everyone     bool      `key:"everyone" help:"fits all"`
	Addresses    []Network `key:"address" help:"networks"`
	Keys         []string  `key:"key" help:"TSIG keys, of keys"`
	Certificates []string  `key:"certificate" help:"DNS names in clients' certificates, or sha256: and a fingerprint"`
	TLS          bool      `key:"tls" help:"only over TLS"`
	Deny         bool      `key:"deny" help:"who fits may not"`
	Place        finding.Place
}

func (r *Rule) fromText(text string) error {
	if text == "everyone" {
		r.Everyone = true
		return nil
	}
	var n Network
	if n.UnmarshalText([]byte(text)) == nil {
		r.Addresses = []Network{n}
		return nil
	}
	if strings.ContainsAny(text, "/:") {
		return fmt.Errorf("%q is neither a network nor the name of a peer", text)
	}
	r.Peer = text
	return nil
}

// A Network is a range of addresses; a single address is one too.
type Network netip.Prefix

// UnmarshalText reads 192.0.2.0/24 or 192.0.2.1.
func (n *Network) UnmarshalText(b []byte) error {
	if a, err := netip.ParseAddr(string(b)); err == nil {
		*n = Network(netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	p, err := netip.ParsePrefix(string(b))
	if err != nil {
		return fmt.Errorf("%q is no network; write it like 198.51.100.0/24 or 2001:db8::1", b)
	}
	*n = Network(p.Masked())
	return nil
}

// A Size is a number of octets.
type Size int64

// UnmarshalText reads 4194304, 4096KiB, 4MiB or 1GiB.
func (s *Size) UnmarshalText(b []byte) error {
	text, unit := string(b), int64(1)
	for suffix, u := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = rest, u
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 || n > 1<<40/unit {
		return errors.New("write a number of octets, or one with KiB, MiB or GiB")
	}
	*s = Size(n * unit)
	return nil
}
