package api

import (
	"net/url"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// Media types.
const (
	JSON        = "application/json"
	ProblemJSON = "application/problem+json"      // RFC 9457
	ZoneFile    = "text/dns"                      // RFC 4027
	Sets        = "application/vnd.zonecast.sets" // see Writer
)

// DefaultSocket is where a name server's control interface is unless it is told otherwise.
const DefaultSocket = "/run/zonecast/nameserver.sock"

// SocketVar is the environment variable that names another socket, and ControlVar the one that names an
// interface, a socket or https://HOST:PORT. The files for the latter are named by CertVar, KeyVar and
// CAVar, and what its certificate is for by NameVar.
const (
	SocketVar  = "ZONECAST_NAMESERVER_SOCKET"
	ControlVar = "ZONECAST_NAMESERVER_CONTROL"
	CertVar    = "ZONECAST_NAMESERVER_CONTROL_CERT"
	KeyVar     = "ZONECAST_NAMESERVER_CONTROL_KEY"
	CAVar      = "ZONECAST_NAMESERVER_CONTROL_CA"
	NameVar    = "ZONECAST_NAMESERVER_CONTROL_NAME"
)

// MaxPage is how many zones a page has at most.
const MaxPage = 1000

// Kinds of zones.
const (
	Primary   = "primary"   // held at the server and edited through this interface
	Secondary = "secondary" // transferred in
	File      = "file"      // read from a zone file
	Catalog   = "catalog"   // made by the server, to list others (RFC 9432)
)

// ZonePath is the path of a zone below the base: "/zones/example.org.".
func ZonePath(origin zone.Name, rest ...string) string {
	name := url.PathEscape(origin.String())
	if origin.IsRoot() {
		name = "%2E" // a dot alone would be taken for "this folder"
	}
	p := "/zones/" + name
	for _, r := range rest {
		p += "/" + r
	}
	return p
}

// ETag is how a revision is written in the headers ETag and If-Match.
func ETag(revision string) string { return `"` + revision + `"` }

// A Status says how the server is.
type Status struct {
	Version   string            `json:"version"`
	Started   time.Time         `json:"started"`
	Uptime    int64             `json:"uptime"`              // seconds
	Zones     map[string]int    `json:"zones"`               // by kind
	Addresses []string          `json:"addresses,omitempty"` // where it answers over UDP and TCP
	Counters  map[string]uint64 `json:"counters,omitempty"`
	Client    Client            `json:"client"`
	Former    []Former          `json:"former,omitempty"` // zones that are answered as they were
}

// A Client is who asks, and what it may do.
type Client struct {
	Name     string      `json:"name"`
	ReadOnly bool        `json:"readOnly,omitempty"`
	Zones    []zone.Name `json:"zones,omitempty"` // only these; empty: all
}

// A Zone is a zone without its records.
type Zone struct {
	Name      zone.Name `json:"name"`
	Kind      string    `json:"kind"`
	Serial    uint32    `json:"serial"`
	Revision  string    `json:"revision"`
	RRsets    int       `json:"rrsets"`
	Signed    bool      `json:"signed,omitempty"`
	Addresses []string  `json:"addresses,omitempty"` // where it can be asked; not in lists
	Transfer  *Transfer `json:"transfer,omitempty"`  // of a secondary zone; not in lists
	Former    *Former   `json:"former,omitempty"`    // not in lists
}

// A Former says that a zone is answered as it was, since where it is to be served from has nothing yet.
type Former struct {
	Zone   zone.Name `json:"zone"`
	Serial uint32    `json:"serial"`
	From   string    `json:"from"`           // in words: the zone was served from …
	To     string    `json:"to"`             // and is to be served from …
	Until  time.Time `json:"until,omitzero"` // not after; zero: as long as it takes
}

// A Transfer says how a secondary zone is.
type Transfer struct {
	Loaded    bool      `json:"loaded"`
	Expired   bool      `json:"expired,omitempty"`
	Refreshed time.Time `json:"refreshed,omitzero"` // a primary last confirmed it
	Next      time.Time `json:"next,omitzero"`      // the primaries are asked again
	From      string    `json:"from,omitempty"`
	Error     string    `json:"error,omitempty"` // of the last round
}

// Zones is a page of the list of zones.
type Zones struct {
	Zones []Zone `json:"zones"`
	Total int    `json:"total"`          // in all pages
	Next  string `json:"next,omitempty"` // ?after= of the page after this one
}

// An RRset has its records in presentation form, as zone files have them, names absolute.
type RRset struct {
	Owner zone.Name `json:"owner"`
	Type  zone.Type `json:"type"`
	TTL   uint32    `json:"ttl"`
	Data  []string  `json:"data"`
}

// Records is the content of a zone, or some of it.
type Records struct {
	Zone   Zone    `json:"zone,omitzero"`
	RRsets []RRset `json:"rrsets"`
}

// Changes says how some RRsets are to be: whole ones, in place of what is there; one without data
// goes.
type Changes struct {
	RRsets []RRset `json:"rrsets"`
}

// A Written is the answer to a write: the zone as it is now.
type Written struct {
	Zone   Zone   `json:"zone"`
	Before uint32 `json:"before,omitempty"` // serial before the write
}

// A Reload is what reading files and configuration again has brought.
type Reload struct {
	Zones    int      `json:"zones"`
	Changed  int      `json:"changed"`
	Broken   int      `json:"broken"`         // files that cannot be used
	Kept     bool     `json:"kept,omitempty"` // the configuration cannot be used; the one before holds
	Findings []string `json:"findings,omitempty"`
}

// A Version is one that a zone has, or had and can have again.
type Version struct {
	Serial  uint32    `json:"serial"`
	At      time.Time `json:"at"`
	By      string    `json:"by,omitempty"`
	Octets  int       `json:"octets,omitempty"` // of the difference to the version before
	Current bool      `json:"current,omitempty"`
}

// Versions lists versions, newest first.
type Versions struct {
	Zone     zone.Name `json:"zone"`
	Versions []Version `json:"versions"`
}

// A Restore asks for an old version to be the newest again.
type Restore struct {
	Serial uint32 `json:"serial"`
}

// Kinds of problems.
const (
	NoZone      = "no-zone"
	Exists      = "exists"
	Moved       = "moved"       // another revision than If-Match says
	ReadOnly    = "read-only"   // the zone is not edited at this server
	Invalid     = "invalid"     // what is wanted would be no valid zone
	Malformed   = "malformed"   // the request cannot be read
	Denied      = "denied"      // the client may not
	Busy        = "busy"        // too much at once: come again
	TooLarge    = "too-large"   // the body
	Unsupported = "unsupported" // this server cannot do that
	Missing     = "missing"     // a header, a version, or something else that is no zone
	Failed      = "failed"      // the server's own trouble
)

// A Problem is an answer that says what is wrong (RFC 9457). Its type is always about:blank; Kind
// says what a program needs to know.
type Problem struct {
	Title  string    `json:"title"`
	Status int       `json:"status"`
	Detail string    `json:"detail"`
	Kind   string    `json:"kind"`
	Zone   zone.Name `json:"zone,omitzero"`
}

// Error is the detail.
func (p *Problem) Error() string { return p.Detail }
