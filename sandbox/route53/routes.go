package route53

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A call is one authenticated request.
type call struct {
	*http.Request
	query url.Values
}

// A result is an answer that is not an error.
type result struct {
	status   int
	location string
	body     any
}

// routes are the actions of the API
// (https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations_Amazon_Route_53.html).
func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	add := func(pattern, name string, f func(*call) (*result, error), query ...string) {
		mux.HandleFunc(pattern, s.operation(name, f, query))
	}
	const v = " /2013-04-01/"
	add("POST"+v+"hostedzone", "CreateHostedZone", s.createHostedZone)
	add("GET"+v+"hostedzone", "ListHostedZones", s.listHostedZones, "marker", "maxitems", "delegationsetid", "hostedzonetype")
	add("GET"+v+"hostedzonesbyname", "ListHostedZonesByName", s.listHostedZonesByName, "dnsname", "hostedzoneid", "maxitems")
	add("GET"+v+"hostedzonecount", "GetHostedZoneCount", s.getHostedZoneCount)
	add("GET"+v+"hostedzone/{id}", "GetHostedZone", s.getHostedZone)
	add("POST"+v+"hostedzone/{id}", "UpdateHostedZoneComment", s.updateComment)
	add("DELETE"+v+"hostedzone/{id}", "DeleteHostedZone", s.deleteHostedZone)
	add("GET"+v+"hostedzone/{id}/dnssec", "GetDNSSEC", s.getDNSSEC)
	add("GET"+v+"hostedzonelimit/{id}/{type}", "GetHostedZoneLimit", s.getHostedZoneLimit)
	add("GET"+v+"accountlimit/{type}", "GetAccountLimit", s.getAccountLimit)
	for _, slash := range []string{"", "/{$}"} { // older clients end the path in a slash
		add("POST"+v+"hostedzone/{id}/rrset"+slash, "ChangeResourceRecordSets", s.changeResourceRecordSets)
		add("GET"+v+"hostedzone/{id}/rrset"+slash, "ListResourceRecordSets", s.listResourceRecordSets, "name", "type", "identifier", "maxitems")
	}
	add("GET"+v+"change/{id}", "GetChange", s.getChange)
	add("POST"+v+"delegationset", "CreateReusableDelegationSet", s.createDelegationSet)
	add("GET"+v+"delegationset/{id}", "GetReusableDelegationSet", s.getDelegationSet)
	add("DELETE"+v+"delegationset/{id}", "DeleteReusableDelegationSet", s.deleteDelegationSet)
	add("POST"+v+"healthcheck", "CreateHealthCheck", s.createHealthCheck)
	add("GET"+v+"healthcheck", "ListHealthChecks", s.listHealthChecks, "marker", "maxitems")
	add("GET"+v+"healthcheck/{id}", "GetHealthCheck", s.getHealthCheck)
	add("DELETE"+v+"healthcheck/{id}", "DeleteHealthCheck", s.deleteHealthCheck)
	mux.HandleFunc("POST /{$}", s.token)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, refuse(http.StatusNotFound, "UnknownOperationException", "The emulation does not have this operation"), false)
	})
	return mux
}

// operation wraps an action: who calls, whether there are too many calls, whether the caller may,
// and whether the query is known.
func (s *Service) operation(name string, f func(*call) (*result, error), query []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		res, err := s.run(r, name, f, query)
		if err != nil {
			fail(w, err, s.opt.BatchErrors)
			return
		}
		if res.location != "" {
			w.Header().Set("Location", "https://route53.amazonaws.com/2013-04-01/"+res.location)
		}
		write(w, res.status, requestID(), res.body)
	}
}

func (s *Service) run(r *http.Request, name string, f func(*call) (*result, error), query []string) (*result, error) {
	p, err := s.authenticate(r, "route53")
	if err != nil {
		return nil, err
	}
	if s.limited() {
		return nil, refuse(http.StatusBadRequest, "Throttling", "Rate exceeded")
	}
	if action := "route53:" + name; !p.may(action) {
		return nil, refuse(http.StatusForbidden, "AccessDenied",
			"User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
			p.arn, action, resource(r), action)
	}
	c := &call{Request: r}
	if c.query, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return nil, invalid("Invalid query: %v", err)
	}
	for k, v := range c.query {
		if len(v) != 1 || !slices.Contains(query, k) {
			return nil, invalid("Unknown or repeated query parameter '%s'", k)
		}
	}
	return f(c)
}

// resource is the ARN of what the path names
// (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonroute53.html).
func resource(r *http.Request) string {
	id := r.PathValue("id")
	if id == "" {
		return "*"
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/2013-04-01/"), "/")
	if kind == "hostedzonelimit" {
		kind = "hostedzone"
	}
	return "arn:aws:route53:::" + kind + "/" + id
}

func ok(body any) *result { return &result{status: http.StatusOK, body: body} }

// items reads maxitems: usual when there is none, and more than most is as much as most.
func (c *call) items(usual, most int) (int, error) {
	text := c.query.Get("maxitems")
	if !c.query.Has("maxitems") {
		return usual, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 1 {
		return 0, invalid("1 validation error detected: Value '%s' at 'maxItems' failed to satisfy constraint: Member must be a number of 1 or more", text)
	}
	return min(int(n), most), nil
}
