package azure

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zonecast/zonecast/zone"
)

// A zoneItem is a zone as the API holds it.
type zoneItem struct {
	key    string // in its subscription: "group/zone" in lower case
	sub    *subscription
	group  string // as the resource group is written
	name   string // as it was written when created
	origin zone.Name
	tags   map[string]string
	etag   string
	ns     []string // its four name servers, with final dots

	sets    map[string]*recordSet          // by setKey
	sorted  []string                       // keys of sets
	atName  map[string]map[string]struct{} // types by relative name in lower case
	aliases map[string]map[string]struct{} // keys of sets that are aliases, by target in lower case

	shown    *zone.Zone
	deleting *operation
}

func (c *call) find() *zoneItem {
	return c.sub.zones[strings.ToLower(c.group)+"/"+strings.ToLower(c.zone)]
}

// id is what the service answers: it writes "dnszones" where paths have "dnsZones".
func (z *zoneItem) id() string {
	return "/subscriptions/" + z.sub.id + "/resourceGroups/" + z.group + "/providers/Microsoft.Network/dnszones/" + z.name
}

func (s *Service) body(z *zoneItem) zoneBody {
	tags := z.tags
	if tags == nil {
		tags = map[string]string{}
	}
	return zoneBody{
		ID: z.id(), Name: z.name, Type: "Microsoft.Network/dnszones", Etag: z.etag, Location: "global", Tags: tags,
		Properties: &zoneProperties{
			MaxSets: int64(s.opts.MaxRecordSets), NameServers: z.ns, Sets: int64(len(z.sets)), ZoneType: "Public",
		},
	}
}

// etag returns one that no resource had before.
func (s *Service) etag() string {
	s.seq++
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], s.seq)
	sum := sha256.Sum256(append(s.tokens.key[:8:8], n[:]...))
	return fmt.Sprintf("%08x-0000-0000-%x-%x", uint32(s.seq), sum[:2], sum[2:8])
}

func (s *Service) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	return guid(sha256.Sum256(binary.BigEndian.AppendUint64(slices.Clone(s.tokens.key), s.seq)))
}

// precondition compares the headers with the etag that the resource has, "" when there is none.
// https://learn.microsoft.com/en-us/azure/dns/dns-zones-records#etags
func precondition(r *http.Request, etag string) *refusal {
	unmet := func(header, value string) *refusal {
		current := etag
		if current == "" || value == "*" {
			current = "n/a"
		}
		return dns(http.StatusPreconditionFailed, "PreconditionFailed",
			"The condition '%s' in the %s header was not satisfied. The current was '%s'.", shorten(value), header, current)
	}
	if want := r.Header.Get("If-Match"); want != "" {
		if bare := strings.Trim(want, `"`); etag == "" || want != "*" && bare != etag {
			return unmet("If-Match", want)
		}
	}
	if r.Header.Get("If-None-Match") == "*" && etag != "" { // other values are ignored
		return unmet("If-None-Match", "*")
	}
	return nil
}

func (s *Service) noZone(c *call) *refusal {
	return arm(http.StatusNotFound, "ResourceNotFound",
		"The Resource 'Microsoft.Network/dnszones/%s' under resource group '%s' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
		shorten(c.zone), c.group)
}

func (s *Service) getZone(w http.ResponseWriter, c *call) *refusal {
	z := c.find()
	if z == nil {
		return s.noZone(c)
	}
	w.Header().Set("ETag", z.etag)
	writeJSON(w, http.StatusOK, s.body(z))
	return nil
}

func (s *Service) putZone(w http.ResponseWriter, c *call) *refusal {
	var in zoneBody
	if f := decode(c.body, &in); f != nil {
		return f
	}
	switch {
	case in.Location == "":
		return arm(http.StatusBadRequest, "LocationRequired", "The location property is required for this definition.")
	case !strings.EqualFold(in.Location, "global"):
		return arm(http.StatusBadRequest, "LocationNotAvailableForResourceType",
			"The provided location '%s' is not available for resource type 'Microsoft.Network/dnszones'. List of available regions for the resource type is 'global'.", shorten(in.Location))
	case in.Properties != nil && in.Properties.ZoneType != "" && !strings.EqualFold(in.Properties.ZoneType, "Public"):
		return badRequest("The zone type '%s' is not supported.", shorten(in.Properties.ZoneType))
	}
	if f := checkTags(in.Tags); f != nil {
		return f
	}
	z, status := c.find(), http.StatusOK
	etag := ""
	if z != nil {
		etag = z.etag
	}
	if f := precondition(c.r, etag); f != nil {
		return f
	}
	if z == nil {
		var f *refusal
		if z, f = s.newZone(c); f != nil {
			return f
		}
		status = http.StatusCreated
	} else if z.deleting != nil {
		return busy(z)
	}
	z.tags, z.etag = in.Tags, s.etag()
	w.Header().Set("ETag", z.etag)
	writeJSON(w, status, s.body(z))
	return nil
}

// checkTags applies the limits of
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/tag-resources#limitations
func checkTags(tags map[string]string) *refusal {
	if len(tags) > 50 {
		return arm(http.StatusBadRequest, "InvalidTags", "The maximum number of tags is 50.")
	}
	for k, v := range tags {
		if k == "" || len(k) > 512 || len(v) > 256 || strings.ContainsAny(k, `<>%&\?/`) {
			return arm(http.StatusBadRequest, "InvalidTagNameCharacters", "The tag name '%s' or its value is invalid.", shorten(k))
		}
	}
	return nil
}

func busy(z *zoneItem) *refusal {
	return dns(http.StatusConflict, "Conflict", "Another operation is pending for requested object. The zone '%s' is being deleted.", z.name)
}

// newZone makes a zone with its SOA and NS.
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftnetwork
func (s *Service) newZone(c *call) (*zoneItem, *refusal) {
	name := c.zone
	n := strings.Count(name, ".") + 1
	if !labels(name, false) || strings.Contains(name, "/") && !strings.HasSuffix(strings.ToLower(name), ".arpa") || n < 2 || n > 34 {
		return nil, badRequest("The zone name '%s' is invalid.", shorten(name))
	}
	origin, err := zone.ParseName(name + ".")
	if err != nil {
		return nil, badRequest("The zone name '%s' is invalid.", shorten(name))
	}
	if len(c.sub.zones) >= s.opts.MaxZones {
		return nil, badRequest("The subscription '%s' has reached the limit of %d DNS zones.", c.sub.id, s.opts.MaxZones)
	}
	same := strings.ToLower(name)
	pool := s.named[same]%9 + 1 // zones of one name never share name servers
	s.named[same]++
	z := &zoneItem{
		key: strings.ToLower(c.group) + "/" + same, sub: c.sub, group: c.sub.groups[strings.ToLower(c.group)], name: name, origin: origin,
		sets: map[string]*recordSet{}, atName: map[string]map[string]struct{}{}, aliases: map[string]map[string]struct{}{},
		shown: zone.Empty(origin),
	}
	for i, tld := range []string{"com", "net", "org", "info"} {
		z.ns = append(z.ns, fmt.Sprintf("ns%d-%02d.azure-dns.%s.", i+1, pool, tld))
	}
	c.sub.zones[z.key] = z
	c.sub.sorted = insertSorted(c.sub.sorted, z.key)
	number := func(n int64) *int64 { return &n }
	soa := &recordSet{name: "@", rtype: "SOA", ttl: 3600, records: records{SOA: &soaRecord{
		Host: z.ns[0], Email: "azuredns-hostmaster.microsoft.com", SerialNumber: number(1),
		RefreshTime: number(3600), RetryTime: number(300), ExpireTime: number(2419200), MinimumTTL: number(300),
	}}}
	ns := &recordSet{name: "@", rtype: "NS", ttl: 172800}
	for _, h := range z.ns {
		ns.records.NS = append(ns.records.NS, nsRecord{h})
	}
	s.store(z, soa, mustData(soa))
	s.store(z, ns, mustData(ns))
	return z, nil
}

// mustData is the RDATA of a set that this package wrote.
func mustData(set *recordSet) []zone.Data {
	d, f := set.records.data(set.rtype)
	if f != nil {
		panic("azure: " + f.message)
	}
	return d
}

func (s *Service) patchZone(w http.ResponseWriter, c *call) *refusal {
	var in struct {
		Tags map[string]string `json:"tags"`
	}
	if f := decode(c.body, &in); f != nil {
		return f
	}
	z := c.find()
	if z == nil {
		return s.noZone(c)
	}
	if f := first(precondition(c.r, z.etag), checkTags(in.Tags)); f != nil {
		return f
	}
	if z.deleting != nil {
		return busy(z)
	}
	if in.Tags != nil {
		z.tags = in.Tags
	}
	z.etag = s.etag()
	w.Header().Set("ETag", z.etag)
	writeJSON(w, http.StatusOK, s.body(z))
	return nil
}

func (s *Service) listZones(w http.ResponseWriter, c *call) *refusal {
	top, f := s.top(c)
	if f != nil {
		return f
	}
	after, f := skip(c)
	if f != nil {
		return f
	}
	prefix := ""
	if c.group != "" {
		prefix = strings.ToLower(c.group) + "/"
	}
	at, out := from(c.sub.sorted, max(after, prefix), after != ""), page[zoneBody]{Value: []zoneBody{}}
	last := ""
	for _, key := range c.sub.sorted[at:] {
		if !strings.HasPrefix(key, prefix) {
			break
		}
		if len(out.Value) == top {
			out.NextLink = next(c, last)
			break
		}
		out.Value = append(out.Value, s.body(c.sub.zones[key]))
		last = key
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// from is where a page begins: at key, or after it.
func from(sorted []string, key string, after bool) int {
	i, found := slices.BinarySearch(sorted, key)
	if found && after {
		i++
	}
	return i
}

// skip reads where the page before ended.
func skip(c *call) (string, *refusal) {
	v := c.query.Get("$skipToken")
	if v == "" {
		v = c.query.Get("$skiptoken")
	}
	b, err := base64.RawURLEncoding.DecodeString(v)
	if err != nil {
		return "", badRequest("The value '%s' of the query parameter '$skipToken' is invalid.", shorten(v))
	}
	return string(b), nil
}

// next is the link to the page after the item with key last.
func next(c *call, last string) string {
	q := maps.Clone(c.query)
	q.Del("$skiptoken")
	q.Set("$skipToken", base64.RawURLEncoding.EncodeToString([]byte(last)))
	return base(c.r) + c.r.URL.EscapedPath() + "?" + q.Encode()
}

// An operation is the deletion of a zone.
type operation struct {
	id   string
	due  time.Time
	zone *zoneItem // nil when done
}

// operations are those of the last while, by id; the oldest are forgotten.
type operations struct {
	byID  map[string]*operation
	order []string
	open  []*operation
}

const maxOperations = 10_000

func (s *Service) deleteZone(w http.ResponseWriter, c *call) *refusal {
	z := c.find()
	if z == nil {
		if c.r.Header.Get("If-Match") != "" {
			return precondition(c.r, "")
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if f := precondition(c.r, z.etag); f != nil {
		return f
	}
	if z.deleting != nil {
		return busy(z)
	}
	wait := time.Duration(s.panel.Knobs().Propagation)
	s.seq++
	id := "RnJvbnRFbmRBc3luY09wZXJhdGlvbjtEZWxldGVEbnNab25l" + strconv.FormatUint(s.seq, 36)
	op := &operation{id: id, due: time.Now().Add(wait), zone: z}
	z.deleting = op
	if s.ops.byID == nil {
		s.ops.byID = map[string]*operation{}
	}
	s.ops.byID[id] = op
	s.ops.order = append(s.ops.order, id)
	s.ops.open = append(s.ops.open, op)
	if len(s.ops.order) > maxOperations {
		delete(s.ops.byID, s.ops.order[0])
		s.ops.order = s.ops.order[1:]
	}
	s.settle()
	root := base(c.r) + "/subscriptions/" + c.sub.id + "/resourceGroups/" + z.group + "/providers/Microsoft.Network/"
	w.Header().Set("Azure-AsyncOperation", root+"dnsOperationStatuses/"+id+"?api-version="+apiVersion)
	w.Header().Set("Location", root+"dnsOperationResults/"+id+"?api-version="+apiVersion)
	s.retryAfter(w, op)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// retryAfter says when to ask again, in whole seconds; nothing when it is done already.
func (s *Service) retryAfter(w http.ResponseWriter, op *operation) {
	if op.zone == nil {
		return
	}
	w.Header().Set("Retry-After", strconv.Itoa(seconds(time.Until(op.due))))
}

// settle carries out the deletions that are due; mu is held.
func (s *Service) settle() {
	if len(s.ops.open) == 0 {
		return
	}
	now := time.Now()
	s.ops.open = slices.DeleteFunc(s.ops.open, func(op *operation) bool {
		if op.due.After(now) {
			return false
		}
		z := op.zone
		delete(z.sub.zones, z.key)
		z.sub.sorted = removeSorted(z.sub.sorted, z.key)
		s.names.Withdraw(strings.ToLower(z.id()))
		op.zone = nil
		return true
	})
}

func (s *Service) operationStatus(w http.ResponseWriter, c *call) *refusal {
	op := s.ops.byID[c.zone]
	if op == nil {
		return arm(http.StatusNotFound, "NotFound", "The operation '%s' was not found.", shorten(c.zone))
	}
	status := "Succeeded"
	if op.zone != nil {
		status = "InProgress"
	}
	s.retryAfter(w, op)
	writeJSON(w, http.StatusOK, map[string]string{"status": status})
	return nil
}

func (s *Service) operationResult(w http.ResponseWriter, c *call) *refusal {
	op := s.ops.byID[c.zone]
	switch {
	case op == nil:
		return arm(http.StatusNotFound, "NotFound", "The operation '%s' was not found.", shorten(c.zone))
	case op.zone != nil:
		s.retryAfter(w, op)
		w.Header().Set("Location", base(c.r)+c.r.URL.RequestURI())
		w.WriteHeader(http.StatusAccepted)
	default:
		w.WriteHeader(http.StatusOK)
	}
	return nil
}
