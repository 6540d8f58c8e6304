package serve

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"time"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/observe"
	"github.com/zonecast/zonecast/nameserver/secondary"
	"github.com/zonecast/zonecast/nameserver/socket"
	"github.com/zonecast/zonecast/nameserver/xfr"
	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Content says what is served, and to whom. It can be exchanged while a server runs.
type Content struct {
	Folders     []Folder
	Primaries   []Primary
	Others      *Primary // holds for zones of the store that have no entry in Primaries; nil: they are answered, no more
	Secondaries []Secondary
	Catalogs    []Catalog
	Produce     []Produce
	Keys        wire.Keyring // TSIG keys of those who ask
}

// Options say what is served, where, and to whom.
type Options struct {
	Content
	// Again returns what is served from now on, when a reload was asked for; nil: what was. With an
	// error, which it has told by itself, everything stays as it is.
	Again func() (Content, error)
	// Store is the file that keeps zones which are held here or transferred in; "": there are none.
	// Without it, what is transferred in is fetched anew at each start.
	Store string

	Endpoints []socket.Endpoint
	Inherited []socket.Inherited
	// Certificates are for DoT, DoH and DoQ. They are read again every minute and with each reload.
	Certificates *socket.Certificates
	ACME         *ACME              // certificates from an authority, in place of Certificates; nil: none
	ClientAuth   tls.ClientAuthType // see socket.Options
	ClientCAs    *x509.CertPool
	Path         string
	ProxyFrom    []netip.Prefix
	Threads      int // that read datagrams at each address; 0: one for each processor
	Limits       socket.Limits

	MaxUDP   int // see nameserver.Engine
	NSID     string
	Version  string
	Hostname string
	Rotate   bool
	// Cookies are those of RFC 7873; nil: with a secret of their own.
	Cookies *nameserver.Cookies
	Limit   *nameserver.RateLimit // nil: none
	// Reports is where resolvers report errors (RFC 9567); nil: nowhere. ClientSubnet takes note of clients'
	// subnets (RFC 7871).
	Reports      *nameserver.Reports
	ClientSubnet bool

	Transfers int // to secondaries at once; 0: xfr.DefaultTransfers
	// TransfersPerClient is how many of them one IPv4 address or IPv6 /64 gets; 0: a quarter.
	TransfersPerClient int
	Fetches            int   // from primaries at once; 0: 64
	Journal            int64 // octets of differences kept for each zone; 0: xfr.DefaultJournal

	Metrics  string          // address of the metrics over HTTP, "127.0.0.1:9153"; "": none
	TopZones int             // zones that have metrics of their own, those that are asked most; 0: 20
	Program  string          // version of the program, for the metrics
	Dnstap   *observe.Dnstap // nil: none
	QueryLog *observe.Log    // nil: none

	Control *Control // nil: none

	// Poll is how long the folders rest between two looks, at least; 0: one second.
	Poll time.Duration
	// Report is called after each look that brought something, and Log with what else people should
	// know, by several goroutines at once. They may be nil.
	Report func(Report)
	Log    func(finding.Finding)
	// Changed is called with each version of a zone that does not come from a file, by several
	// goroutines at once; may be nil.
	Changed func(Change)
	// Ready is called when all zones are loaded and queries are answered, and Reloading before each
	// reload that was asked for, which Ready follows. They may be nil.
	Ready, Reloading func()
}

// A Folder of zone files.
type Folder struct {
	Dir string
	Policy
}

// A Primary is a zone that is held here.
type Primary struct {
	Origin zone.Name
	From   string // zone file that it begins with when the store does not have it; "": it waits for Control
	Update xfr.Grants
	Serial xfr.SerialPolicy
	// Signed lets updates change a zone that has signatures, which then do not fit any more.
	Signed bool
	Policy
}

// A Secondary is a zone that is transferred in.
type Secondary struct {
	Origin    zone.Name
	Primaries []xfr.Primary
	NotifyBy  xfr.Access // who else may send NOTIFY
	Policy
}

// A Catalog is a catalog zone that is transferred in, and what holds for its members.
type Catalog struct {
	Secondary
	Members Template
	Groups  []Template    // for members of groups; the first that fits decides
	Limit   int           // see secondary.Catalog
	Grace   time.Duration // see secondary.Catalog
}

// A Template holds for members of a catalog.
type Template struct {
	Group     string // the group that it holds for; "": for those without
	Primaries []xfr.Primary
	NotifyBy  xfr.Access
	Policy
}

// Produce is a catalog zone that is made here.
type Produce struct {
	Origin zone.Name
	// Zones are those that it lists, "*." in front standing for all below; nil: all that are held here
	// or come from files. Those of Except are left out.
	Zones, Except []zone.Name
	Groups        []secondary.GroupRule
	Serial        xfr.SerialPolicy
	Policy
}
