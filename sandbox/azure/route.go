package azure

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// apiVersion is the stable version that the SDKs send.
const apiVersion = "2018-05-01"

// maxContent is the largest request that Resource Manager takes, in octets:
// https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
const maxContent = 4 << 20

// A call is one request of Resource Manager, taken apart.
type call struct {
	path
	r     *http.Request
	query url.Values
	body  []byte
	sub   *subscription
}

// A path names a resource. Resource Manager compares all names without regard to case.
type path struct {
	subID, group string
	kind         string // dnszones, getdnsresourcereference, dnsoperationstatuses, dnsoperationresults
	zone         string // or the id of an operation
	rtype        string // in upper case; "ALL" and "RECORDSETS" list every type
	name         string // relative name of a record set
}

func split(r *http.Request) (path, bool) {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for i, p := range parts {
		u, err := url.PathUnescape(p)
		if err != nil {
			return path{}, false
		}
		parts[i] = u
	}
	var p path
	if len(parts) < 2 || !strings.EqualFold(parts[0], "subscriptions") {
		return path{}, false
	}
	p.subID, parts = parts[1], parts[2:]
	if len(parts) >= 2 && strings.EqualFold(parts[0], "resourceGroups") {
		p.group, parts = parts[1], parts[2:]
	}
	if len(parts) < 3 || !strings.EqualFold(parts[0], "providers") || !strings.EqualFold(parts[1], "Microsoft.Network") {
		return path{}, false
	}
	p.kind, parts = strings.ToLower(parts[2]), parts[3:]
	if len(parts) > 0 {
		p.zone = parts[0]
	}
	if len(parts) > 1 {
		p.rtype = strings.ToUpper(parts[1])
	}
	if len(parts) > 2 { // names may have slashes, which the SDKs send as they are
		p.name = strings.Join(parts[2:], "/")
	}
	return p, !slices.Contains(parts, "")
}

// pattern is the path as the panel counts it.
func (p path) pattern() string {
	s := "/subscriptions/{subscriptionId}"
	if p.group != "" {
		s += "/resourceGroups/{resourceGroupName}"
	}
	s += "/providers/Microsoft.Network/"
	switch p.kind {
	case "dnszones":
		s += "dnsZones"
	case "getdnsresourcereference":
		return s + "getDnsResourceReference"
	case "dnsoperationstatuses":
		return s + "dnsOperationStatuses/{operationId}"
	case "dnsoperationresults":
		return s + "dnsOperationResults/{operationId}"
	default:
		return s + "{other}"
	}
	switch {
	case p.zone == "":
	case p.rtype == "":
		s += "/{zoneName}"
	case p.name == "" && p.rtype == "ALL":
		s += "/{zoneName}/all"
	case p.name == "" && p.rtype == "RECORDSETS":
		s += "/{zoneName}/recordsets"
	case p.name == "":
		s += "/{zoneName}/{recordType}"
	default:
		s += "/{zoneName}/{recordType}/{relativeRecordSetName}"
	}
	return s
}

// scope is the id of the resource, as messages write it.
func (p path) scope() string {
	s := "/subscriptions/" + p.subID
	if p.group != "" {
		s += "/resourceGroups/" + p.group
	}
	if p.kind != "dnszones" || p.zone == "" {
		return s
	}
	s += "/providers/Microsoft.Network/dnsZones/" + p.zone
	if p.name != "" {
		s += "/" + p.rtype + "/" + p.name
	}
	return s
}

// action is what roles allow: https://learn.microsoft.com/en-us/azure/dns/dns-protect-zones-recordsets
func action(r *http.Request) string {
	p, ok := split(r)
	if !ok {
		return "Microsoft.Network/unknown/read"
	}
	s := "Microsoft.Network/dnsZones"
	switch {
	case p.kind != "dnszones":
		return "Microsoft.Network/" + p.kind + "/read"
	case p.rtype == "ALL" || p.rtype == "RECORDSETS":
		s += "/" + strings.ToLower(p.rtype)
	case types[p.rtype] != 0:
		s += "/" + p.rtype
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return s + "/read"
	case http.MethodDelete:
		return s + "/delete"
	}
	return s + "/write"
}

func (s *Service) route(w http.ResponseWriter, r *http.Request) {
	if s.entra(w, r) {
		return
	}
	w.Header().Set("x-ms-request-id", s.requestID())
	w.Header().Set("x-ms-correlation-request-id", w.Header().Get("x-ms-request-id"))
	w.Header().Set("Cache-Control", "no-cache")
	c, f := s.admit(w, r)
	if f == nil {
		f = s.dispatch(w, c)
	}
	if f != nil {
		f.write(w)
	}
}

// admit does what Resource Manager does before a resource provider sees the request.
func (s *Service) admit(w http.ResponseWriter, r *http.Request) (*call, *refusal) {
	p, ok := split(r)
	if ok {
		r.Pattern = p.pattern()
	} else {
		r.Pattern = "/{other}"
	}
	who, f := s.authenticate(r)
	if f != nil {
		return nil, f
	}
	if !ok {
		return nil, arm(http.StatusNotFound, "NotFound", "The requested resource was not found.")
	}
	c := &call{path: p, r: r, query: r.URL.Query()}
	switch v := c.query.Get("api-version"); {
	case v == "":
		return nil, arm(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	case v != apiVersion:
		return nil, arm(http.StatusBadRequest, "NoRegisteredProviderFound",
			"No registered resource provider found for location 'global' and API version '%s' for type 'dnszones'. The supported api-versions are '%s'.", shorten(v), apiVersion)
	}
	if f := s.authorize(c, who); f != nil {
		return nil, f
	}
	if f := s.limit(w, c, who); f != nil {
		return nil, f
	}
	if c.sub = s.subs[strings.ToLower(p.subID)]; c.sub == nil {
		return nil, arm(http.StatusNotFound, "SubscriptionNotFound", "The subscription '%s' could not be found.", shorten(p.subID))
	}
	if p.group != "" && c.sub.groups[strings.ToLower(p.group)] == "" {
		return nil, arm(http.StatusNotFound, "ResourceGroupNotFound", "Resource group '%s' could not be found.", shorten(p.group))
	}
	var err error
	if c.body, err = io.ReadAll(io.LimitReader(r.Body, maxContent+1)); err != nil || len(c.body) > maxContent {
		return nil, arm(http.StatusRequestEntityTooLarge, "RequestContentTooLarge", "The request content size exceeds the maximum size of %d bytes.", maxContent)
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); len(c.body) > 0 && !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		return nil, arm(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The content media type '%s' is not supported. Only 'application/json' is supported.", shorten(kind))
	}
	return c, nil
}

func (s *Service) authorize(c *call, who claims) *refusal {
	client, known := s.client(who.AppID)
	reads := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead || c.kind == "getdnsresourcereference"
	if known && (reads || !client.ReadOnly) {
		return nil
	}
	return arm(http.StatusForbidden, "AuthorizationFailed",
		"The client '%s' with object id '%s' does not have authorization to perform action '%s' over scope '%s' or the scope is invalid. If access was recently granted, please refresh your credentials.",
		who.AppID, who.ObjectID, action(c.r), shorten(c.scope()))
}

// dispatch finds who answers; mu is taken here, for writing unless the call only reads.
func (s *Service) dispatch(w http.ResponseWriter, c *call) *refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	m := c.r.Method
	switch {
	case c.kind == "dnsoperationstatuses" && c.zone != "" && m == http.MethodGet:
		return s.operationStatus(w, c)
	case c.kind == "dnsoperationresults" && c.zone != "" && m == http.MethodGet:
		return s.operationResult(w, c)
	case c.kind == "getdnsresourcereference" && c.zone == "" && m == http.MethodPost:
		return s.references(w, c)
	case c.kind != "dnszones":
		return arm(http.StatusNotFound, "InvalidResourceType", "The resource type '%s' could not be found in the namespace 'Microsoft.Network' for api version '%s'.", shorten(c.kind), apiVersion)
	case c.zone == "":
		if m == http.MethodGet {
			return s.listZones(w, c)
		}
	case c.group == "":
		return arm(http.StatusNotFound, "NotFound", "The requested resource was not found.")
	case c.rtype == "":
		switch m {
		case http.MethodGet:
			return s.getZone(w, c)
		case http.MethodPut:
			return s.putZone(w, c)
		case http.MethodPatch:
			return s.patchZone(w, c)
		case http.MethodDelete:
			return s.deleteZone(w, c)
		}
	default:
		return s.dispatchSet(w, c)
	}
	return notAllowed(m)
}

func (s *Service) dispatchSet(w http.ResponseWriter, c *call) *refusal {
	all := c.rtype == "ALL" || c.rtype == "RECORDSETS"
	if !all && types[c.rtype] == 0 || all && c.name != "" {
		return arm(http.StatusNotFound, "InvalidResourceType", "The resource type 'dnszones/%s' could not be found in the namespace 'Microsoft.Network' for api version '%s'. The supported api-versions are ''.", shorten(c.rtype), apiVersion)
	}
	z := c.find()
	if z == nil {
		return arm(http.StatusNotFound, "ParentResourceNotFound",
			"Failed to perform '%s' on resource(s) of type 'dnszones/%s', because the parent resource '%s' could not be found.",
			action(c.r)[strings.LastIndexByte(action(c.r), '/')+1:], c.rtype, path{subID: c.subID, group: c.group, kind: c.kind, zone: c.zone}.scope())
	}
	switch m := c.r.Method; {
	case c.name == "" && m == http.MethodGet:
		return s.listSets(w, c, z)
	case c.name == "":
		return notAllowed(m)
	case m == http.MethodGet:
		return s.getSet(w, c, z)
	case m == http.MethodPut:
		return s.putSet(w, c, z)
	case m == http.MethodPatch:
		return s.patchSet(w, c, z)
	case m == http.MethodDelete:
		return s.deleteSet(w, c, z)
	}
	return notAllowed(c.r.Method)
}

func notAllowed(method string) *refusal {
	return arm(http.StatusMethodNotAllowed, "HttpMethodNotSupported", "The HTTP method '%s' is not supported at this scope.", shorten(method))
}

// top reads $top: the default is 100, as the reference of each list says.
func (s *Service) top(c *call) (int, *refusal) {
	v := c.query.Get("$top")
	if v == "" {
		return min(100, s.opts.MaxPage), nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 1 {
		return 0, badRequest("The value '%s' of the query parameter '$top' is invalid.", shorten(v))
	}
	return int(min(n, int64(s.opts.MaxPage))), nil
}
