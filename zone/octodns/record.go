package octodns

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// Keys of Extra that this package knows.
const (
	ExtraOctodns = "octodns"
	ExtraDynamic = "octodns/dynamic"
	ExtraGeo     = "octodns/geo"
	ExtraValues  = "octodns/values"
	ExtraTarget  = "target/" // followed by the id of a provider
)

// ownKey is the key below "octodns:" for what the format has no place for.
const ownKey = "zonecast"

var knownFields = []string{"type", "ttl", "value", "values", "octodns", "dynamic", "geo", "providers", "targets"}

// record reads one record of the entry.
func (e *entry) record(n *yaml11.Node) {
	if set, ok := e.plain(n); ok && !e.c.slow {
		e.c.add(set, e.place(n))
		return
	}
	if e.c.onlyProviders(n) {
		n = e.c.joined(n)
	}
	r := reading{entry: e, node: n}
	r.readType()
	if r.typ == "" {
		return
	}
	r.read()
}

// A reading is one record being read with everything that a record may have.
type reading struct {
	*entry
	checker
	node    *yaml11.Node
	num     zone.Type
	ttl     uint32
	lenient bool
	extra   map[string]string
	rdata   []any // octodns.zonecast.rdata
}

// readType finds out the type; an unknown one rejects the record, lenient or not.
func (r *reading) readType() {
	n := r.node.Get("type")
	written := text(n)
	f := finding.Finding{ID: idType, Severity: finding.Error, Place: placeOf(r.place(r.node)), Subject: r.key.Name}
	if written == "" {
		f.Text = fmt.Sprintf("record %q: missing type", r.key.Name)
		if near := nearField(r.node); near != "" {
			f.Fix = fmt.Sprintf("did you mean type where %s is written?", near)
		}
		r.c.report(f)
		return
	}
	if _, ok := kinds[written]; ok {
		r.num, _ = zone.ParseType(written)
		r.typ = written
		return
	}
	t, err := zone.ParseType(written)
	foreign := err == nil && t.OnWire() && !t.Meta() && written == strings.ToUpper(written)
	if err == nil && (t.Vendor() || foreign && r.c.opt.AllTypes) {
		r.num, r.typ = t, written
		return
	}
	f.Text = fmt.Sprintf("record %q: unknown record type %q", r.key.Name, clip(written))
	switch up := strings.ToUpper(written); {
	case kinds[up].check != nil:
		f.Fix = "write " + up
	case foreign:
		f.Fix = "octoDNS has no such type"
	default:
		if near := nearest(up, sortedKeys(kinds)); near != "" {
			f.Fix = "did you mean " + near + "?"
		}
	}
	r.c.report(f)
}

func nearField(n *yaml11.Node) string {
	for i := range n.Keys {
		if nearest(n.Keys[i].Name, []string{"type"}) != "" {
			return n.Keys[i].Name
		}
	}
	return ""
}

func (r *reading) read() {
	r.on, r.esc, r.extra = r.c.rulesFor(r.typ), !r.c.opt.RawSemicolons, map[string]string{}
	r.lenient = r.c.opt.Lenient
	r.readOctodns(r.node.Get("octodns"))
	if !r.clean {
		r.checkName(r.written, r.c.origin)
	}
	if r.err != nil && len(r.reasons) == 0 { // a record must not vanish without a word
		r.broken(r.err.Error(), "", "name-rfc")
	}
	r.checkOwner(recordName(r.owner, r.c.origin, false), r.err == nil && r.owner == r.c.origin)
	if r.typ == "SPF" {
		r.bad("the SPF record type is deprecated (RFC 7208)", "use TXT", "spf-record-type")
	}
	r.readTTL(r.node.Get("ttl"))
	items := r.items()
	values, data := r.readValues(items)
	r.readSteering()
	r.readFields()
	set := zone.RRset{Owner: r.owner, Type: r.num, TTL: r.ttl, Data: data}
	set = r.settle(set, values)
	set.Extra = zone.ExtraOf(r.extra)
	r.tell()
	if r.err == nil {
		r.c.add(set, r.place(r.node))
	}
}

// settle decides whether the values have to be kept beside the data.
func (r *reading) settle(set zone.RRset, values []any) zone.RRset {
	sortValues(r.typ, values)
	for i := 1; i < len(values); i++ {
		if compareTrees(values[i-1], values[i]) == 0 {
			r.hazard(idRepeated, fmt.Sprintf("value %s is written twice", clip(canonical(values[i]))), "remove one of them")
			break
		}
	}
	set = set.Clean()
	if r.rdata != nil {
		if exact, ok := exactData(set.Type, r.rdata, values); ok {
			set.Data = exact
			return set.Clean()
		}
		r.hazard(idUnknown, "octodns.zonecast.rdata does not fit the values and is ignored", "remove it")
	}
	if !gives(set, values) {
		r.extra[ExtraValues] = canonical(values)
	}
	return set
}

// gives reports whether the data alone gives the values back, which are sorted.
func gives(set zone.RRset, values []any) bool {
	have, err := dataValues(set.Type, set.Data)
	return err == nil && slices.EqualFunc(have, values, func(a, b any) bool { return canonical(a) == canonical(b) })
}

// tell reports what was found.
func (r *reading) tell() {
	if len(r.reasons) == 0 && len(r.hazards) == 0 {
		return
	}
	subject := displayName(r.owner, r.c.origin, r.written, r.err) + " " + r.typ
	at := placeOf(r.place(r.node))
	report := func(x reason, sev finding.Severity) {
		r.c.report(finding.Finding{ID: x.id, Severity: sev, Place: at, Subject: subject, Text: subject + ": " + x.text, Fix: x.fix})
	}
	sev := finding.Error
	if r.lenient {
		sev = finding.Warning
	}
	r.reasons, r.hazards = unique(r.reasons), unique(r.hazards)
	for _, x := range r.reasons {
		if r.err != nil { // there is no name to keep the record under
			sev = finding.Error
		}
		report(x, sev)
	}
	for _, x := range r.hazards {
		report(x, finding.Warning)
	}
}

// unique drops what several values have in common.
func unique(list []reason) []reason {
	out := list[:0]
	seen := make(map[reason]bool, len(list))
	for _, x := range list {
		if !seen[x] {
			seen[x] = true
			out = append(out, x)
		}
	}
	return out
}

func displayName(owner, origin zone.Name, written string, err error) string {
	if err != nil || written == "@" {
		return written + "." + origin.Unicode()
	}
	return owner.Unicode()
}

func (r *reading) readOctodns(n *yaml11.Node) {
	if n == nil || n.Kind == yaml11.Null {
		return
	}
	if n.Kind != yaml11.Mapping {
		r.broken(fmt.Sprintf("octodns is %s, not a mapping", article(n.Kind)), "")
		return
	}
	m, _ := tree(n).(map[string]any)
	if l, ok := n.Get("lenient").Bool(); ok && l {
		r.lenient = true
	}
	if hc := present(n, "healthcheck"); hc != nil {
		switch p := present(hc, "protocol"); {
		case hc.Kind != yaml11.Mapping:
			r.bad("healthcheck is not a mapping", "", "healthcheck")
		case p != nil && !slices.Contains([]string{"HTTP", "HTTPS", "ICMP", "TCP", "UDP"}, text(p)):
			r.bad(fmt.Sprintf("invalid healthcheck protocol %q", quoted(p)), "write HTTP, HTTPS, ICMP, TCP or UDP", "healthcheck")
		}
	}
	if own, ok := m[ownKey].(map[string]any); ok {
		r.readOwn(own)
		if own["lenient"] == true { // added by Write
			delete(m, "lenient")
		}
		delete(m, ownKey)
	}
	if len(m) > 0 {
		r.extra[ExtraOctodns] = canonical(m)
	}
}

// readOwn takes back what Write put below octodns.zonecast.
func (r *reading) readOwn(own map[string]any) {
	if extra, ok := own["extra"].(map[string]any); ok {
		for k, v := range extra {
			if s, ok := v.(string); ok && !strings.HasPrefix(k, "octodns") {
				r.extra[k] = s
			}
		}
	}
	r.rdata, _ = own["rdata"].([]any)
}

func (r *reading) readTTL(n *yaml11.Node) {
	r.ttl = r.c.ttl
	if n == nil {
		return
	}
	v, ok := asInt(n)
	switch {
	case !ok:
		fix := "write a number of seconds"
		if t, ok := unitTTL(n); ok {
			fix = fmt.Sprintf("write %d", t)
		}
		r.broken(fmt.Sprintf("invalid ttl %q", quoted(n)), fix, "ttl-rfc")
	case v < 0:
		r.broken("invalid ttl", "write a number of seconds from 0", "ttl-rfc")
	default:
		if v > math.MaxInt32 {
			r.hazard(idTTL, fmt.Sprintf("ttl %d is over 2147483647, the most that DNS allows (RFC 2181, section 8)", v), "")
		}
		r.ttl = uint32(min(v, math.MaxUint32))
	}
}

// items returns the nodes of all values; what stands there for providers is taken out.
func (r *reading) items() []*yaml11.Node {
	k := kinds[r.typ]
	field := "value"
	if !k.single && r.node.Get("values") != nil {
		field = "values"
	}
	n := r.node.Get(field)
	if n != nil {
		n = r.perProvider(n)
	}
	switch {
	case n == nil || n.Kind == yaml11.Null:
		what, fix := "missing value(s)", ""
		if k.single {
			what = "missing value"
			if r.node.Get("values") != nil {
				fix = r.typ + " takes one value, in the field value"
			}
		}
		r.missing(what, fix, n)
		return nil
	case n.Kind == yaml11.Sequence && k.single:
		r.broken(fmt.Sprintf("value is a list; %s takes one value", r.typ), "", k.ids...)
		return nil
	case n.Kind == yaml11.Sequence && len(n.Items) == 0:
		r.missing("missing value(s)", "", n)
		return nil
	case n.Kind == yaml11.Sequence:
		return n.Items
	}
	return []*yaml11.Node{n}
}

// missing reports a record without values. octoDNS accepts that for structured values.
func (r *reading) missing(what, fix string, n *yaml11.Node) {
	if k := kinds[r.typ]; k.fields != nil && (n == nil || n.Kind == yaml11.Sequence) {
		r.hazard(idValue, "the record has no values", "remove it")
		return
	}
	r.broken(what, fix, kinds[r.typ].ids...)
}

// readValues reads all values, in normal form and as data.
func (r *reading) readValues(items []*yaml11.Node) (values []any, data []zone.Data) {
	tags := map[string]bool{}
	for _, item := range items {
		v, ok := r.value(item)
		if !ok {
			if item.Kind != yaml11.Null {
				values = append(values, tree(item))
			}
			continue
		}
		values = append(values, v)
		d, err := encode(r.num, v)
		if err != nil {
			r.hazard(idOpaque, fmt.Sprintf("%s cannot be put into DNS: %v", clip(canonical(v)), err), "")
			continue
		}
		data = append(data, d)
		if m, ok := v.(map[string]any); ok && r.typ == "CAA" {
			tags[m["tag"].(string)] = true
		}
	}
	if tags["issue"] && !tags["issuewild"] {
		r.bad("CAA has issue but no issuewild", "", "caa-value-best-practice")
	}
	return values, data
}

// value reads one value.
func (r *reading) value(n *yaml11.Node) (any, bool) {
	if k, ok := kinds[r.typ]; ok {
		return k.check(&r.checker, n)
	}
	if !r.num.Vendor() { // presentation form
		s, ok := r.required(n, "value")
		if !ok {
			return nil, false
		}
		if _, err := encode(r.num, s); err != nil {
			r.broken(fmt.Sprintf("invalid value %q: %v", clip(s), err), "")
			return nil, false
		}
		return s, true
	}
	if r.typ == "Route53Provider/ALIAS" {
		return r.route53Alias(n)
	}
	return tree(n), n.Kind != yaml11.Null
}

var aliasFields = []string{"evaluate-target-health", "hosted-zone-id", "name", "type"}

// route53Alias reads the one vendor type whose values have a normal form.
func (r *reading) route53Alias(n *yaml11.Node) (any, bool) {
	if n.Kind != yaml11.Mapping {
		r.broken("value is not a mapping", "write type and, if needed, name, hosted-zone-id and evaluate-target-health")
		return nil, false
	}
	m, _ := tree(n).(map[string]any)
	// Other fields are dropped, and octoDNS dumps an id that is not there as null.
	maps.DeleteFunc(m, func(k string, v any) bool { return v == nil || !slices.Contains(aliasFields, k) })
	if m["type"] == nil {
		r.broken("missing type", "")
		return nil, false
	}
	if m["name"] == nil {
		m["name"] = ""
	}
	if m["evaluate-target-health"] == nil {
		m["evaluate-target-health"] = false
	}
	return m, true
}

// readSteering reads the dynamic and geo fields where the type has them.
func (r *reading) readSteering() {
	dynamic, geo := present(r.node, "dynamic"), present(r.node, "geo")
	if dynamic != nil && slices.Contains([]string{"A", "AAAA", "CNAME", "DNAME"}, r.typ) {
		if geo != nil {
			r.bad(`"dynamic" record with "geo" content`, "remove geo", idDynamic)
		}
		m, ok := r.dynamic(dynamic)
		if !ok {
			m, ok = tree(dynamic).(map[string]any)
		}
		if ok {
			r.extra[ExtraDynamic] = canonical(m)
		}
	}
	if geo != nil && (r.typ == "A" || r.typ == "AAAA") {
		m, ok := r.geo(geo)
		if !ok {
			m, ok = tree(geo).(map[string]any)
		}
		if ok {
			r.extra[ExtraGeo] = canonical(m)
		}
	}
}

// readFields looks for fields that nothing reads, and for those of providers.
func (r *reading) readFields() {
	for i := range r.node.Keys {
		k := r.node.Keys[i]
		switch {
		case k.Name == "providers" || k.Name == "targets":
			r.readTargets(k.Value)
		case slices.Contains(knownFields, k.Name):
		case slices.Contains(r.c.opt.ProviderIDs, k.Name):
			r.readTarget(k.Name, k.Value)
		default:
			fix := ""
			if near := nearest(k.Name, knownFields); near != "" {
				fix = "did you mean " + near + "?"
			}
			r.hazard(idUnknown, fmt.Sprintf("field %q is unknown and ignored", clip(k.Name)), fix)
		}
	}
}
