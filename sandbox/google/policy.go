package google

import (
	"fmt"
	"regexp"

	"github.com/zonecast/zonecast/zone"
)

// A policy is a routing policy: https://cloud.google.com/dns/docs/routing-policies-overview.
type policy struct {
	Kind          string        `json:"kind,omitempty"`
	Geo           *geoPolicy    `json:"geo,omitempty"`
	WRR           *wrrPolicy    `json:"wrr,omitempty"`
	PrimaryBackup *backupPolicy `json:"primaryBackup,omitempty"`
	HealthCheck   string        `json:"healthCheck,omitempty"`
	first         []zone.Data   // what name servers answer here
}

type wrrPolicy struct {
	Kind  string    `json:"kind,omitempty"`
	Items []wrrItem `json:"items"`
}

type wrrItem struct {
	Kind             string         `json:"kind,omitempty"`
	Weight           float64        `json:"weight"`
	RRdatas          []string       `json:"rrdatas,omitempty"`
	SignatureRRdatas []string       `json:"signatureRrdatas,omitempty"`
	HealthChecked    *healthTargets `json:"healthCheckedTargets,omitempty"`
}

type geoPolicy struct {
	Kind          string    `json:"kind,omitempty"`
	Items         []geoItem `json:"items"`
	EnableFencing bool      `json:"enableFencing,omitempty"`
}

type geoItem struct {
	Kind             string         `json:"kind,omitempty"`
	Location         string         `json:"location"`
	RRdatas          []string       `json:"rrdatas,omitempty"`
	SignatureRRdatas []string       `json:"signatureRrdatas,omitempty"`
	HealthChecked    *healthTargets `json:"healthCheckedTargets,omitempty"`
}

type backupPolicy struct {
	Kind             string         `json:"kind,omitempty"`
	PrimaryTargets   *healthTargets `json:"primaryTargets,omitempty"`
	BackupGeoTargets *geoPolicy     `json:"backupGeoTargets,omitempty"`
	TrickleTraffic   float64        `json:"trickleTraffic,omitempty"`
}

type healthTargets struct {
	InternalLoadBalancers []loadBalancer `json:"internalLoadBalancers,omitempty"`
	ExternalEndpoints     []string       `json:"externalEndpoints,omitempty"`
}

type loadBalancer struct {
	Kind             string `json:"kind,omitempty"`
	LoadBalancerType string `json:"loadBalancerType,omitempty"`
	IPAddress        string `json:"ipAddress,omitempty"`
	Port             string `json:"port,omitempty"`
	IPProtocol       string `json:"ipProtocol,omitempty"`
	NetworkURL       string `json:"networkUrl,omitempty"`
	Project          string `json:"project,omitempty"`
	Region           string `json:"region,omitempty"`
}

// routable are the types that may have a routing policy.
var routable = map[zone.Type]bool{
	zone.TypeA: true, zone.TypeAAAA: true, zone.TypeCNAME: true, zone.TypeMX: true, zone.TypeSRV: true, zone.TypeTXT: true,
}

var region = regexp.MustCompile(`^[a-z]+(-[a-z]+)+[0-9]+$`)

// policy checks a routing policy and returns it in the service's form; the argument stays as it is.
func (rd *reader) policy(path string, r *record, in *policy) *policy {
	kinds := 0
	for _, given := range []bool{in.Geo != nil, in.WRR != nil, in.PrimaryBackup != nil} {
		if given {
			kinds++
		}
	}
	if kinds != 1 || !routable[r.typ] {
		rd.all.add(invalid(path, r.typ.String()))
		return nil
	}
	out := &policy{Kind: "dns#rRSetRoutingPolicy", HealthCheck: in.HealthCheck}
	switch {
	case in.WRR != nil:
		out.WRR = rd.wrr(path+".wrr", r, out, in.WRR)
	case in.Geo != nil:
		out.Geo = rd.geo(path+".geo", r, out, in.Geo)
	default:
		out.PrimaryBackup = rd.backup(path+".primaryBackup", r, out, in.PrimaryBackup)
	}
	return out
}

// item reads the rrdatas and targets of one item.
func (rd *reader) item(path string, r *record, rrdatas []string, h *healthTargets) ([]string, *healthTargets, []zone.Data) {
	var text []string
	var data []zone.Data
	if len(rrdatas) > 0 || h == nil {
		text, data = rd.values(path+".rrdata", r, rrdatas)
	}
	if h == nil {
		return text, nil, data
	}
	out, more := rd.targets(path+".healthCheckedTargets", r, h)
	return text, out, append(data, more...)
}

func (rd *reader) targets(path string, r *record, h *healthTargets) (*healthTargets, []zone.Data) {
	if r.typ != zone.TypeA && r.typ != zone.TypeAAAA || len(h.InternalLoadBalancers)+len(h.ExternalEndpoints) == 0 {
		rd.all.add(invalid(path, "<empty>"))
		return nil, nil
	}
	out := &healthTargets{}
	var data []zone.Data
	if len(h.ExternalEndpoints) > 0 {
		out.ExternalEndpoints, data = rd.values(path+".externalEndpoints", r, h.ExternalEndpoints)
	}
	for i, lb := range h.InternalLoadBalancers {
		d, ok := value(r.typ, lb.IPAddress)
		if !ok {
			rd.all.add(invalid(fmt.Sprintf("%s.internalLoadBalancers[%d].ipAddress", path, i), lb.IPAddress))
			continue
		}
		lb.Kind = "dns#rRSetRoutingPolicyLoadBalancerTarget"
		out.InternalLoadBalancers = append(out.InternalLoadBalancers, lb)
		data = append(data, d)
	}
	return out, data
}

func (rd *reader) items(path string, n int) bool {
	switch {
	case n == 0:
		rd.all.add(required(path + ".items"))
	case n > rd.quota.ItemsPerRoutingPolicy:
		rd.all.add(exceeded("items per routing policy"))
	default:
		return true
	}
	return false
}

func (rd *reader) wrr(path string, r *record, p *policy, in *wrrPolicy) *wrrPolicy {
	if !rd.items(path, len(in.Items)) {
		return nil
	}
	out := &wrrPolicy{Kind: "dns#rRSetRoutingPolicyWrrPolicy"}
	heaviest := -1.0
	for i, it := range in.Items {
		at := fmt.Sprintf("%s.items[%d]", path, i)
		if it.Weight < 0 || it.Weight > 1000 {
			rd.all.add(invalid(at+".weight", fmt.Sprint(it.Weight)))
		}
		text, targets, data := rd.item(at, r, it.RRdatas, it.HealthChecked)
		out.Items = append(out.Items, wrrItem{Kind: "dns#rRSetRoutingPolicyWrrPolicyWrrPolicyItem", Weight: it.Weight, RRdatas: text, HealthChecked: targets})
		if it.Weight > heaviest {
			heaviest, p.first = it.Weight, data
		}
	}
	return out
}

func (rd *reader) geo(path string, r *record, p *policy, in *geoPolicy) *geoPolicy {
	if !rd.items(path, len(in.Items)) {
		return nil
	}
	out := &geoPolicy{Kind: "dns#rRSetRoutingPolicyGeoPolicy", EnableFencing: in.EnableFencing}
	seen := map[string]bool{}
	for i, it := range in.Items {
		at := fmt.Sprintf("%s.items[%d]", path, i)
		if !region.MatchString(it.Location) || seen[it.Location] {
			rd.all.add(invalid(at+".location", it.Location))
		}
		seen[it.Location] = true
		text, targets, data := rd.item(at, r, it.RRdatas, it.HealthChecked)
		out.Items = append(out.Items, geoItem{Kind: "dns#rRSetRoutingPolicyGeoPolicyGeoPolicyItem", Location: it.Location, RRdatas: text, HealthChecked: targets})
		if i == 0 && p.first == nil {
			p.first = data
		}
	}
	return out
}

func (rd *reader) backup(path string, r *record, p *policy, in *backupPolicy) *backupPolicy {
	if in.PrimaryTargets == nil {
		rd.all.add(required(path + ".primaryTargets"))
		return nil
	}
	if in.BackupGeoTargets == nil {
		rd.all.add(required(path + ".backupGeoTargets"))
		return nil
	}
	if in.TrickleTraffic < 0 || in.TrickleTraffic > 1 {
		rd.all.add(invalid(path+".trickleTraffic", fmt.Sprint(in.TrickleTraffic)))
	}
	out := &backupPolicy{Kind: "dns#rRSetRoutingPolicyPrimaryBackupPolicy", TrickleTraffic: in.TrickleTraffic}
	out.PrimaryTargets, p.first = rd.targets(path+".primaryTargets", r, in.PrimaryTargets)
	out.BackupGeoTargets = rd.geo(path+".backupGeoTargets", r, p, in.BackupGeoTargets)
	return out
}

// octets counts those of all rrdata in a policy.
func (p *policy) octets() int {
	if p == nil {
		return 0
	}
	n := 0
	count := func(texts []string, h *healthTargets) {
		for _, t := range texts {
			n += len(t)
		}
		if h == nil {
			return
		}
		for _, t := range h.ExternalEndpoints {
			n += len(t)
		}
		for _, lb := range h.InternalLoadBalancers {
			n += len(lb.IPAddress)
		}
	}
	geo := func(g *geoPolicy) {
		if g != nil {
			for _, it := range g.Items {
				count(it.RRdatas, it.HealthChecked)
			}
		}
	}
	if p.WRR != nil {
		for _, it := range p.WRR.Items {
			count(it.RRdatas, it.HealthChecked)
		}
	}
	geo(p.Geo)
	if p.PrimaryBackup != nil {
		count(nil, p.PrimaryBackup.PrimaryTargets)
		geo(p.PrimaryBackup.BackupGeoTargets)
	}
	return n
}
