package route53

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/zonecast/zonecast/zone"
)

// aliasType is the type that octoDNS has for Route 53's alias records. One RRset of it holds all
// aliases of an owner, each of its own type.
var aliasType = func() zone.Type {
	t, err := zone.VendorType("Route53Provider/ALIAS")
	if err != nil {
		panic(err) // the name is a constant
	}
	return t
}()

// aliasTTL stands for the TTL that aliases do not have; octoDNS dumps the same.
const aliasTTL = 942942942

// An alias is one value of an RRset of aliasType; as JSON it is the RRset's data. Fields stand in
// the order of their names, which is the canonical one.
type alias struct {
	Evaluate bool   `json:"evaluate-target-health"`
	ZoneID   string `json:"hosted-zone-id,omitempty"` // of an AWS service; "": a set of the same zone
	Name     string `json:"name"`                     // relative to the zone, "" for the apex; of a service absolute
	Type     string `json:"type"`
}

// readAlias translates an alias record set.
func readAlias(set *types.ResourceRecordSet, h *hosted) (zone.Data, error) {
	t := set.AliasTarget
	a := alias{Evaluate: t.EvaluateTargetHealth, ZoneID: bareID(aws.ToString(t.HostedZoneId)), Name: aws.ToString(t.DNSName), Type: string(set.Type)}
	if a.ZoneID == "" || a.Name == "" || a.Type == "" {
		return "", errors.New("an alias without a target")
	}
	if a.ZoneID == h.id {
		target, err := parseName(a.Name)
		if err != nil {
			return "", fmt.Errorf("an alias to %q: %w", a.Name, err)
		}
		a.ZoneID, a.Name = "", relative(target, h.origin)
	}
	return a.data()
}

// data writes the value canonically.
func (a alias) data() (zone.Data, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(a)
	return zone.Data(strings.TrimSuffix(b.String(), "\n")), err
}

// relative is how octoDNS writes a target in the same zone.
func relative(target, origin zone.Name) string {
	if target == origin {
		return ""
	}
	return target.Relative(origin)
}

// services are parts of the names that alias targets of AWS have, as octoDNS tells them.
var services = []string{"amazonaws.com.", "cloudfront.net.", "elasticbeanstalk.com.", "awsglobalaccelerator.com."}

// parseAlias reads one value.
func parseAlias(d zone.Data) (alias, error) {
	var a alias
	if err := json.Unmarshal([]byte(d), &a); err != nil {
		return a, errors.New("the alias cannot be read")
	}
	if a.Type = strings.ToUpper(a.Type); a.Type == "" {
		return a, errors.New("the alias has no type")
	}
	t, err := zone.ParseType(a.Type)
	if err != nil || !slices.Contains(plainTypes, t) || t == zone.TypeNS {
		return a, fmt.Errorf("an alias cannot be of type %s", a.Type)
	}
	if a.ZoneID == "" && slices.ContainsFunc(services, func(s string) bool { return strings.Contains(a.Name+".", s) }) {
		return a, fmt.Errorf("the alias to %s lacks the hosted-zone-id of the service", a.Name)
	}
	return a, nil
}

// target is the name that an alias points to; same reports that it is in the zone itself.
func (a alias) target(origin zone.Name) (name zone.Name, same bool, err error) {
	if a.ZoneID != "" {
		return zone.Name{}, false, nil
	}
	name, err = zone.ParseNameIn(a.Name, origin)
	if a.Name == "" {
		name, err = origin, nil
	}
	if err == nil && !name.In(origin) {
		err = fmt.Errorf("the alias to %s leaves the zone and lacks a hosted-zone-id", name)
	}
	return name, true, err
}

// recordSet writes an alias for the API.
func (a alias) recordSet(owner zone.Name, h *hosted) (*types.ResourceRecordSet, error) {
	to := &types.AliasTarget{DNSName: aws.String(a.Name), HostedZoneId: aws.String(a.ZoneID), EvaluateTargetHealth: a.Evaluate}
	name, same, err := a.target(h.origin)
	if err != nil {
		return nil, err
	}
	if same {
		to.DNSName, to.HostedZoneId = aws.String(nameText(name)), aws.String(h.id)
	}
	return &types.ResourceRecordSet{Name: aws.String(nameText(owner)), Type: types.RRType(a.Type), AliasTarget: to}, nil
}

// aliases reads all values of an RRset, by type. A nil RRset has none.
func aliases(set *zone.RRset) (map[string]alias, error) {
	out := map[string]alias{}
	if set == nil {
		return out, nil
	}
	for _, d := range set.Data {
		a, err := parseAlias(d)
		if err != nil {
			return nil, err
		}
		if _, twice := out[a.Type]; twice {
			return nil, fmt.Errorf("there are two aliases of type %s", a.Type)
		}
		out[a.Type] = a
	}
	return out, nil
}
