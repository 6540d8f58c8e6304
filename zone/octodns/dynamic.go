package octodns

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/internal/yaml11"
)

// idDynamic is the rule for dynamic records.
const idDynamic = "dynamic"

// A dynamicChecker reads the "dynamic:" mapping of one record.
type dynamicChecker struct {
	*checker
	names    map[string]bool   // of all pools
	pools    map[string]any    // those that could be read, in normal form
	fallback map[string]string // by pool; "" for none
	used     map[string]bool   // by a rule
	targeted map[string]bool   // by a rule that is not the catch-all
	geoRule  map[string]int    // number of the rule in which a geo code was met
	subnets  map[netip.Prefix]int
}

// dynamic returns the mapping in octoDNS's normal form; ok is false where it cannot be made.
func (c *checker) dynamic(n *yaml11.Node) (map[string]any, bool) {
	if n.Kind != yaml11.Mapping {
		c.broken("dynamic is not a mapping", "", idDynamic)
		return nil, false
	}
	d := dynamicChecker{
		checker: c, names: map[string]bool{}, pools: map[string]any{}, fallback: map[string]string{},
		used: map[string]bool{}, targeted: map[string]bool{},
		geoRule: map[string]int{}, subnets: map[netip.Prefix]int{},
	}
	good := d.readPools(n.Get("pools"))
	rules, ok := d.readRules(n.Get("rules"))
	d.checkUse()
	if !good || !ok {
		return nil, false
	}
	return map[string]any{"pools": d.pools, "rules": rules}, true
}

func (d *dynamicChecker) readPools(n *yaml11.Node) bool {
	switch {
	case n == nil || n.Kind == yaml11.Null || n.Kind == yaml11.Mapping && len(n.Keys) == 0:
		d.broken("missing pools", "", idDynamic)
		return false
	case n.Kind != yaml11.Mapping:
		d.broken("pools must be a mapping", "", idDynamic)
		return false
	}
	good := true
	for i := range n.Keys {
		name, pool := n.Keys[i].Name, n.Keys[i].Value
		d.names[name] = true
		if pool.Kind != yaml11.Mapping {
			d.broken(fmt.Sprintf("pool %q must be a mapping", name), "", idDynamic)
			good = false
			continue
		}
		var fallback any
		if f := present(pool, "fallback"); f != nil {
			fallback = text(f)
			d.fallback[name] = text(f)
		}
		values, ok := d.readPool(name, present(pool, "values"))
		if !ok {
			good = false
			continue
		}
		d.pools[name] = map[string]any{"fallback": fallback, "values": values}
	}
	d.checkFallbacks()
	return good
}

// readPool reads the values of one pool.
func (d *dynamicChecker) readPool(name string, n *yaml11.Node) ([]any, bool) {
	if n == nil || n.Kind == yaml11.Sequence && len(n.Items) == 0 {
		d.broken(fmt.Sprintf("pool %q is missing values", name), "", idDynamic)
		return nil, false
	}
	if n.Kind != yaml11.Sequence {
		d.broken(fmt.Sprintf("pool %q: values must be a list", name), "", idDynamic)
		return nil, false
	}
	var out []any
	good := true
	for i, item := range n.Items {
		where := fmt.Sprintf("pool %q value %d", name, i+1)
		v := present(item, "value")
		if v == nil {
			d.broken("missing value in "+where, "", idDynamic)
			good = false
			continue
		}
		value, ok := d.poolValue(v, where)
		good = good && ok
		weight := int64(1)
		if w := present(item, "weight"); w != nil {
			if weight, ok = asInt(w); !ok {
				d.broken(fmt.Sprintf("invalid weight %q in %s", quoted(w), where), "", idDynamic)
				good = false
			} else if weight < 1 || weight > 100 {
				d.bad(fmt.Sprintf("invalid weight \"%d\" in %s", weight, where), "write 1 to 100", idDynamic)
			}
		}
		status := "obey"
		if s := present(item, "status"); s != nil {
			status = text(s)
			if status != "up" && status != "down" && status != "obey" {
				d.bad(fmt.Sprintf("invalid status %q in %s", quoted(s), where), "write up, down or obey", idDynamic)
			}
		}
		out = append(out, map[string]any{"status": status, "value": value, "weight": number(weight)})
	}
	if good && len(out) == 1 {
		if m := out[0].(map[string]any); m["weight"] != number(1) {
			d.bad(fmt.Sprintf("pool %q has single value with weight!=1", name), "remove the weight", idDynamic)
			m["weight"] = number(1)
		}
	}
	slices.SortStableFunc(out, func(a, b any) int {
		return compareTrees(a.(map[string]any)["value"], b.(map[string]any)["value"])
	})
	return out, good
}

// poolValue reads a value by the rules of the record's type.
func (d *dynamicChecker) poolValue(n *yaml11.Node, where string) (any, bool) {
	k := kinds[d.typ]
	sub := checker{typ: d.typ, on: d.on, esc: d.esc}
	v, ok := k.check(&sub, n)
	for _, r := range sub.reasons {
		d.reasons = append(d.reasons, reason{r.id, r.text + " in " + where, r.fix})
	}
	for _, h := range sub.hazards {
		d.hazard(h.id, h.text+" in "+where, h.fix)
	}
	return v, ok
}

// checkFallbacks wants every fallback to exist, and no chain of them to come back to itself.
func (d *dynamicChecker) checkFallbacks() {
	position := map[string]int{} // on the path that is being followed, from 1; -1 when done with
	for _, name := range sortedKeys(d.fallback) {
		if next := d.fallback[name]; !d.names[next] {
			d.bad(fmt.Sprintf("undefined fallback %q for pool %q", next, name), d.nearest(next), idDynamic)
		}
		var path []string
		at := name
		for at != "" && position[at] == 0 {
			path = append(path, at)
			position[at] = len(path)
			at = d.fallback[at]
		}
		if first := position[at]; at != "" && first > 0 {
			d.bad("loop in pool fallbacks: "+clip(strings.Join(append(path[first-1:], at), " -> ")), "", idDynamic)
		}
		for _, p := range path {
			position[p] = -1
		}
	}
}

func (d *dynamicChecker) readRules(n *yaml11.Node) ([]any, bool) {
	switch {
	case n == nil || n.Kind == yaml11.Null || n.Kind == yaml11.Sequence && len(n.Items) == 0:
		d.broken("missing rules", "", idDynamic)
		return nil, false
	case n.Kind != yaml11.Sequence:
		d.broken("rules must be a list", "", idDynamic)
		return nil, false
	}
	var out []any
	good := true
	rank, catchAll := 0, 0
	for i, item := range n.Items {
		number, last := i+1, i == len(n.Items)-1
		if item.Kind != yaml11.Mapping {
			d.broken(fmt.Sprintf("rule %d must be a mapping", number), "", idDynamic)
			good = false
			continue
		}
		rule := map[string]any{}
		geos, ok := d.list(item, "geos", number)
		subnets, ok2 := d.list(item, "subnets", number)
		good = good && ok && ok2
		if geos != nil {
			d.checkGeos(geos, number)
			rule["geos"] = sortedTexts(geos)
		}
		if subnets != nil {
			if subnets, ok = d.checkSubnets(subnets, number); ok {
				rule["subnets"] = sortedTexts(subnets)
			} else {
				good = false
			}
		}
		d.checkOrder(number, last, geos, subnets, &rank, &catchAll)
		pool, ok := d.rulePool(item.Get("pool"), number, geos != nil || subnets != nil)
		rule["pool"] = pool
		good = good && ok
		out = append(out, rule)
	}
	return out, good
}

// checkOrder wants rules by subnets alone first, then subnets with geos, then geos alone, then
// exactly one rule without either.
func (d *dynamicChecker) checkOrder(number int, last bool, geos, subnets []string, rank, catchAll *int) {
	mine, what := 0, "subnets only"
	switch {
	case geos != nil && subnets != nil:
		mine, what = 1, "subnets and geos"
	case geos != nil:
		mine, what = 2, "geos only"
	case subnets == nil:
		mine = 3
		if *catchAll++; *catchAll > 1 || !last {
			d.bad(fmt.Sprintf("rule %d duplicate default", number), "only the last rule goes without geos and subnets", idDynamic)
		}
	}
	if mine < *rank && mine < 3 && *rank < 3 {
		d.bad(fmt.Sprintf("rule %d with %s should appear before rule %d", number, what, number-1), "", idDynamic)
	}
	*rank = mine
	if last && mine < 3 {
		has := `"geos"`
		if geos == nil {
			has = `"subnets"`
		}
		d.bad("final rule has "+has+" and is not catchall", "add a last rule with nothing but a pool", idDynamic)
	}
}

func (d *dynamicChecker) rulePool(n *yaml11.Node, number int, targeted bool) (string, bool) {
	switch {
	case n == nil || n.Kind == yaml11.Null:
		d.broken(fmt.Sprintf("rule %d missing pool", number), "", idDynamic)
		return "", false
	case n.Kind == yaml11.Mapping || n.Kind == yaml11.Sequence:
		d.broken(fmt.Sprintf("rule %d invalid pool %q", number, quoted(n)), "", idDynamic)
		return "", false
	}
	pool := text(n)
	if !d.names[pool] {
		d.bad(fmt.Sprintf("rule %d undefined pool %q", number, pool), d.nearest(pool), idDynamic)
	}
	if targeted {
		if d.targeted[pool] {
			d.bad(fmt.Sprintf("rule %d invalid, target pool %q reused", number, pool), "", idDynamic)
		}
		d.targeted[pool] = true
	}
	d.used[pool] = true
	return pool, true
}

// checkUse wants every pool to be reachable.
func (d *dynamicChecker) checkUse() {
	for _, f := range d.fallback {
		d.used[f] = true
	}
	var unused []string
	for name := range d.names {
		if !d.used[name] {
			unused = append(unused, fmt.Sprintf("%q", name))
		}
	}
	if unused != nil {
		slices.Sort(unused)
		d.bad("unused pools: "+strings.Join(unused, ", "), "use them in a rule or as a fallback, or remove them", idDynamic)
	}
}

// list reads a list of texts of a rule; nil when the field is absent or empty.
func (d *dynamicChecker) list(rule *yaml11.Node, field string, number int) ([]string, bool) {
	n := present(rule, field)
	if n == nil || n.Kind == yaml11.Sequence && len(n.Items) == 0 {
		return nil, true
	}
	if n.Kind != yaml11.Sequence {
		d.broken(fmt.Sprintf("rule %d %s must be a list", number, field), "", idDynamic)
		return nil, false
	}
	var out []string
	for _, item := range n.Items {
		out = append(out, text(item))
	}
	return out, true
}

// checkGeos wants known codes, each once in the record and before all that contain it.
func (d *dynamicChecker) checkGeos(geos []string, number int) {
	for _, code := range geos {
		if why := geoProblem(code); why != "" {
			fix := ""
			if code == "EU-UK" {
				fix = "write EU-GB"
			}
			d.bad(fmt.Sprintf("rule %d %s", number, why), fix, idDynamic)
		}
		if first, ok := d.geoRule[code]; ok {
			d.bad(fmt.Sprintf("rule %d duplicate geo %q, first in rule %d", number, code, first), "", idDynamic)
			continue
		}
		d.geoRule[code] = number
	}
	for _, code := range geos {
		for parent := code; strings.Contains(parent, "-"); {
			parent = parent[:strings.LastIndexByte(parent, '-')]
			if first, ok := d.geoRule[parent]; ok {
				d.bad(fmt.Sprintf("rule %d targets geo %s which is more specific than the previously seen %s in rule %d",
					number, code, parent, first), "put the more specific rule first", idDynamic)
			}
		}
	}
}

// checkSubnets wants networks without host bits, each once and before all that contain it. It
// returns them in normal form.
func (d *dynamicChecker) checkSubnets(subnets []string, number int) ([]string, bool) {
	out := make([]string, 0, len(subnets))
	good := true
	var here []netip.Prefix
	for _, s := range subnets {
		p, err := netip.ParsePrefix(s)
		if a, aerr := netip.ParseAddr(s); aerr == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		switch {
		case err != nil:
			d.broken(fmt.Sprintf("rule %d invalid subnet %q", number, clip(s)), "", idDynamic)
			good = false
			continue
		case p != p.Masked():
			d.broken(fmt.Sprintf("rule %d invalid subnet %q has host bits set", number, s), "write "+p.Masked().String(), idDynamic)
			good = false
			continue
		}
		out = append(out, s)
		if first, ok := d.subnets[p]; ok {
			d.bad(fmt.Sprintf("rule %d duplicate subnet %q, first in rule %d", number, s, first), "", idDynamic)
			continue
		}
		d.subnets[p] = number
		here = append(here, p)
	}
	for _, p := range here {
		for bits := p.Bits() - 1; bits >= 0; bits-- {
			wide, _ := p.Addr().Prefix(bits)
			if first, ok := d.subnets[wide]; ok {
				d.bad(fmt.Sprintf("rule %d targets subnet %s which is more specific than the previously seen %s in rule %d",
					number, p, wide, first), "put the more specific rule first", idDynamic)
			}
		}
	}
	return out, good
}

func (d *dynamicChecker) nearest(typed string) string {
	if near := nearest(typed, slices.Collect(maps.Keys(d.names))); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// geo reads the legacy "geo:" mapping of addresses by place.
func (c *checker) geo(n *yaml11.Node) (map[string]any, bool) {
	const id = "geo"
	if n.Kind != yaml11.Mapping {
		c.broken("geo is not a mapping", "", id)
		return nil, false
	}
	out := map[string]any{}
	good := true
	for i := range n.Keys {
		code, list := n.Keys[i].Name, n.Keys[i].Value
		if !geoShape(code) {
			c.bad(fmt.Sprintf("invalid geo %q", clip(code)), "", id)
		}
		items := []*yaml11.Node{list}
		if list.Kind == yaml11.Sequence {
			items = list.Items
		}
		var values []any
		for _, item := range items {
			v, ok := kinds[c.typ].check(c, item)
			if good = good && ok; ok {
				values = append(values, v)
			}
		}
		slices.SortFunc(values, compareTrees)
		out[code] = values
	}
	return out, good
}
