package archtest

import (
	"fmt"
	"slices"
	"strings"
)

const module = "github.com/zonecast/zonecast"

// A room and why the rooms before it must not import it.
type room struct{ name, why string }

// rooms in their order. It is the order of docs/architecture.md.
var rooms = []room{
	{"finding", "what a person is told stands first, and depends on nothing"},
	{"zone", "a finding speaks of places and texts; it must be usable for what is not DNS"},
	{"wire", "zones are values; they must not know that networks exist"},
	{"steering", "a policy is evaluated over zones and messages, which do not know of policies"},
	{"provider", "zones, messages and policies mean the same at every provider"},
	{"providers", "the contract must not lean on one of its implementations; they register themselves"},
	{"source", "a provider takes records, wherever they come from"},
	{"config", "sources and providers are given their options; reading files of configuration is not theirs"},
	{"shape", "what is desired is read and configured before it is fitted to a target"},
	{"plan", "shaping works without knowing what a target holds now"},
	{"apply", "a plan is data; computing it must not be able to write anything"},
	{"conformance", "the product must not depend on the suite that judges it"},
	{"dnssec", "plans and writes treat signatures as records; keys stay away from them"},
	{"nameserver", "everything before it works without answering queries"},
	{"monitor", "watching comes after writing and must not be needed for it"},
	{"store", "rooms declare what they need kept; none of them knows that databases exist"},
	{"flow", "each room of the flow works without knowing who joins them"},
	{"control", "commands work without a control plane"},
	{"web", "the page shows what the control plane offers, never the other way round"},
	{"sandbox", "the product must not depend on emulations of providers"},
}

// tops use every room and are used by none.
var tops = []string{"cmd", "bench", "e2e"}

// inInternal are the rooms that packages of internal may import.
var inInternal = []string{"finding", "zone"}

// forTests are packages that are no test files and that only tests import, with
// the rooms of this module that they may import beside those of inInternal.
var forTests = map[string][]string{
	"internal/dnstest":    {"wire"},
	"internal/golden":     nil,
	"internal/patience":   nil,
	"internal/testserver": nil,
	"store/storetest":     nil,
}

// A pkg is what go list tells of one package.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// A door is one import of one package.
type door struct {
	from, to string // import paths below the module, or whole ones outside it
	test     bool   // only test files use it
}

// violations of the rules, one sentence each, sorted.
func violations(pkgs []pkg) []string {
	var out []string
	for _, p := range pkgs {
		from := below(p.ImportPath)
		for _, d := range p.doors(from) {
			if why := d.closed(); why != "" {
				kind := "imports"
				if d.test {
					kind = "imports in a test"
				}
				out = append(out, fmt.Sprintf("%s %s %s: %s", d.from, kind, d.to, why))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (p pkg) doors(from string) []door {
	var all []door
	for _, to := range p.Imports {
		all = append(all, door{from, below(to), false})
	}
	for _, to := range slices.Concat(p.TestImports, p.XTestImports) {
		all = append(all, door{from, below(to), true})
	}
	return all
}

// closed gives the reason why a door must not be; "" lets it pass.
func (d door) closed() string {
	from, to := top(d.from), top(d.to)
	switch {
	case strings.HasPrefix(d.to, "github.com/miekg/dns"):
		return d.miekg()
	case !inModule(d.to):
		return ""
	case !d.test && isForTests(d.to) && !isForTests(d.from):
		return "it is made for tests, and nothing that is shipped or measured leans on it"
	case slices.Contains(tops, from):
		return ""
	case slices.Contains(tops, to) || d.to == module:
		return "commands, benchmarks and end-to-end tests are imported by nobody"
	case to == "internal":
		return ""
	case from == "internal":
		return d.internal(to)
	case from == "providers":
		if why, decided := d.providers(to); decided {
			return why
		}
	}
	f, t := order(from), order(to)
	switch {
	case f < 0:
		return fmt.Sprintf("%s is not a room; add it to the order in internal/archtest/rules.go, or put the package into a room", from)
	case t < 0:
		return fmt.Sprintf("%s is not a room; add it to the order in internal/archtest/rules.go, or put the package into a room", to)
	case t > f:
		return fmt.Sprintf("%s stands after %s in the order of rooms; %s", to, from, rooms[t].why)
	}
	return ""
}

// miekg: one library for DNS stays behind two doors, so that it can be swapped,
// and its types cannot appear in a signature of another room.
func (d door) miekg() string {
	if d.test || within(d.from, "zone/rdata") || within(d.from, "wire") {
		return ""
	}
	// Their purpose is to check zonecast with another implementation.
	if within(d.from, "internal/testserver") || within(d.from, "internal/dnstest") {
		return ""
	}
	return "miekg/dns is used in zone/rdata, wire and tests only, so that it can be replaced there"
}

func (d door) internal(to string) string {
	if within(d.from, "internal/testserver") && !d.test {
		return "testserver judges the product with another implementation, so it uses none of its rooms"
	}
	if slices.Contains(inInternal, to) || slices.Contains(forTests[strings.TrimPrefix(d.from, "./")], to) {
		return ""
	}
	return "internal has no domain knowledge; of the rooms it may use finding and zone"
}

// providers decides on imports of an adapter, as far as its own rules go.
func (d door) providers(to string) (why string, decided bool) {
	if to == "providers" {
		if sibling(d.from) == sibling(d.to) {
			return "", true
		}
		return "an adapter must not lean on another one; what they share belongs to provider/httpkit or provider/budget", true
	}
	if d.test && (to == "conformance" || to == "sandbox" || to == "nameserver") {
		return "", true
	}
	return "", false
}

func isForTests(path string) bool {
	_, ok := forTests[strings.TrimPrefix(path, "./")]
	return ok
}

// below is an import path without the module's own prefix.
func below(path string) string {
	if rest, ok := strings.CutPrefix(path, module+"/"); ok {
		return "./" + rest
	}
	return path
}

func inModule(path string) bool { return path == module || strings.HasPrefix(path, "./") }

// top is the room of a package.
func top(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "./"), "/")
	return name
}

// sibling is the adapter that a package below providers belongs to.
func sibling(path string) string {
	rest := strings.TrimPrefix(path, "./providers/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func within(path, folder string) bool {
	path = strings.TrimPrefix(path, "./")
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func order(name string) int {
	return slices.IndexFunc(rooms, func(r room) bool { return r.name == name })
}
