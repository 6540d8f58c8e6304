package config

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/internal/yaml11"
	"github.com/zonecast/zonecast/zone"
)

// A document is a Config while zonecast.yaml is read: what zones inherit is known at the end.
type document struct {
	*Config
	sources []Ref
	targets []Ref
	section map[string]string // of an id: "sources" or "providers"
}

// nativeKeys are the top-level keys of zonecast.yaml. Keys that begin with "x-" park anchors.
var nativeKeys = []key[document]{
	{"sources", "where zones come from, by id", formRef("sources"), func(d *decoder, n *yaml11.Node, c *document) {
		c.accounts(d, n, "sources")
	}},
	{"providers", "accounts that zones are written to, by id", formRef("providers"), func(d *decoder, n *yaml11.Node, c *document) {
		c.accounts(d, n, "providers")
	}},
	{"zones", "the zones, by name, or a list of names", formRef("zones"), func(d *decoder, n *yaml11.Node, c *document) {
		c.Zones = d.zones(n, nativeZoneKeys)
	}},
	{"defaults", "what zones and providers do not say themselves", formRef("defaults"), func(d *decoder, n *yaml11.Node, c *document) {
		mapping(d, n, "defaults", defaultKeys, c, finding.Error, nil)
	}},
	{"guards", "limits beyond which a plan is held", formRef("guards"), func(d *decoder, n *yaml11.Node, c *document) {
		mapping(d, n, "guards", guardKeys, &c.Manager.Guards, finding.Error, nil)
	}},
	{"verify", "how writes are asked back over DNS", formRef("verify"), func(d *decoder, n *yaml11.Node, c *document) {
		mapping(d, n, "verify", verifyKeys, &c.Verify, finding.Error, nil)
	}},
	{"silence", "findings that do not count, each with a reason", form{"type": "array", "items": formRef("silence")}, func(d *decoder, n *yaml11.Node, c *document) {
		d.silence(n, c.Config)
	}},
	{"state", "folder of journal and history, relative to this file", formText(), func(d *decoder, n *yaml11.Node, c *document) {
		if s, ok := d.text(d.expand(n), "state"); ok && s != "" {
			c.State = s
		}
	}},
	{"parallel", "zones handled at the same time", formInt(1), func(d *decoder, n *yaml11.Node, c *document) {
		if v, ok := d.whole(d.expand(n), "parallel", 1, 10_000); ok {
			c.Manager.MaxWorkers = int(v)
		}
	}},
	{"processors", "processors by id", formRef("processors"), func(d *decoder, n *yaml11.Node, c *document) {
		c.Processors = d.entries(n, "processors", RoleProcessor)
	}},
	{"before", "processors that run before those of a zone", formTexts(), func(d *decoder, n *yaml11.Node, c *document) {
		c.Manager.Processors = d.refs(n, "before")
	}},
	{"after", "processors that run after those of a zone", formTexts(), func(d *decoder, n *yaml11.Node, c *document) {
		c.Manager.PostProcessors = d.refs(n, "after")
	}},
	{"validators", "which validation rules apply", formRef("validators"), func(d *decoder, n *yaml11.Node, c *document) {
		c.Manager.Validators = d.validators(n)
	}},
	{"auto_arpa", "make PTR records from addresses", form{"oneOf": []form{formBool(), formRef("autoArpa")}}, func(d *decoder, n *yaml11.Node, c *document) {
		readAutoArpa(d, n, &c.Manager)
	}},
	{"include_meta", "add a TXT octodns-meta to every zone and target", formBool(), func(d *decoder, n *yaml11.Node, c *document) {
		c.Manager.IncludeMeta, _ = d.truth(n, "include_meta")
	}},
	{"plan_outputs", "where plans are shown besides the terminal", formRef("outputs"), func(d *decoder, n *yaml11.Node, c *document) {
		c.Manager.PlanOutputs = d.entries(n, "plan_outputs", RolePlanOutput)
	}},
}

// native reads a zonecast.yaml.
func (d *decoder) native(root *yaml11.Node) {
	doc := &document{Config: d.cfg, section: map[string]string{}}
	names := make([]string, len(nativeKeys))
	for i, k := range nativeKeys {
		names[i] = k.name
	}
	mapping(d, root, "the configuration", nativeKeys, doc, finding.Error, func(k yaml11.Key) {
		if !strings.HasPrefix(k.Name, "x-") {
			d.unknownKey(k, "the configuration", names, finding.Error)
		}
	})
	if !has(root, "zones") {
		d.err("missing-key", finding.Place{File: d.cfg.Path, Line: 1, Col: 1}, "add zones: with at least one name", "the configuration has no zones")
	}
	for i := range d.cfg.Zones {
		z := &d.cfg.Zones[i]
		if z.IsAlias() {
			continue
		}
		if z.Sources == nil {
			z.Sources = doc.sources
		}
		if z.Targets == nil && z.missingTargets {
			z.Targets, z.missingTargets = doc.targets, doc.targets == nil
		}
		if len(z.Sources) == 0 {
			d.err("missing-sources", z.Place, "add sources: to it or to defaults:", "zone %s has no sources", clip(z.Written))
		}
	}
}

// accounts reads sources or providers; both share one space of ids.
func (c *document) accounts(d *decoder, n *yaml11.Node, section string) {
	for _, e := range d.entries(n, section, RoleProvider) {
		if have, ok := c.section[e.ID]; ok {
			d.err("id-taken", e.Place, "give one of them another id", "id %q is used under %s and %s", clip(e.ID), have, section)
			continue
		}
		c.section[e.ID] = section
		if section == "providers" && e.Known.Name != "" && !e.Writable() {
			d.err("wrong-section", e.Place, "move it to sources:", "provider %s (%s) can only be read", clip(e.ID), e.Class)
		}
		c.Providers = append(c.Providers, e)
	}
}

var defaultKeys = append([]key[document]{
	{"sources", "sources of zones that name none", formTexts(), func(d *decoder, n *yaml11.Node, c *document) {
		c.sources = d.refs(n, "defaults.sources")
	}},
	{"targets", "targets of zones that name none", formTexts(), func(d *decoder, n *yaml11.Node, c *document) {
		c.targets = d.refs(n, "defaults.targets")
	}},
}, policyOf(func(c *document) *Policy { return &c.Defaults })...)

var nativeZoneKeys = slices.Concat(zoneKeys, []key[Zone]{
	{"dry_run", "plan and show, never apply", formBool(), readDryRun},
	{"guards", "limits for this zone", formRef("guards"), func(d *decoder, n *yaml11.Node, z *Zone) {
		mapping(d, n, "guards", guardKeys, &z.Guards, finding.Error, nil)
	}},
}, policyOf(func(z *Zone) *Policy { return &z.Policy }))

// nativeEntryKeys are the common keys of sources and providers in zonecast.yaml.
var nativeEntryKeys = append([]key[Entry]{
	{"dry_run", "plan and show, never apply", formBool(), readApplyDisabled},
	{"guards", "limits for this provider", formRef("guards"), func(d *decoder, n *yaml11.Node, e *Entry) {
		mapping(d, n, "guards", guardKeys, &e.Guards, finding.Error, nil)
	}},
	{"verify", "how writes are asked back over DNS", formRef("verify"), func(d *decoder, n *yaml11.Node, e *Entry) {
		mapping(d, n, "verify", verifyKeys, &e.Verify, finding.Error, nil)
	}},
	{"parallel", "calls to the account at the same time", formInt(1), func(d *decoder, n *yaml11.Node, e *Entry) {
		if v, ok := d.whole(d.expand(n), "parallel", 1, 10_000); ok {
			e.InFlight = int(v)
		}
	}},
	{"name_servers", "names that the zones of this account are served under, for the apex NS of all providers", formTexts(), func(d *decoder, n *yaml11.Node, e *Entry) {
		for _, s := range d.texts(n, "name_servers") {
			name, err := zone.ParseName(s)
			if err != nil {
				d.err("name", place(n.Pos), `write names such as "ns1.example.net."`, "name_servers: %v", err)
				continue
			}
			e.NameServers = append(e.NameServers, name)
		}
	}},
}, policyOf(func(e *Entry) *Policy { return &e.Policy })...)

// octoEntryKeys are the options common to all providers of octoDNS.
var octoEntryKeys = []key[Entry]{
	{"apply_disabled", "plan but never apply", formBool(), readApplyDisabled},
	{"update_pcent_threshold", "share of a zone that may be updated at once", formShare(), func(d *decoder, n *yaml11.Node, e *Entry) {
		e.Guards.UpdateShare = d.share(d.expand(n), "update_pcent_threshold")
	}},
	{"delete_pcent_threshold", "share of a zone that may be deleted at once", formShare(), func(d *decoder, n *yaml11.Node, e *Entry) {
		e.Guards.DeleteShare = d.share(d.expand(n), "delete_pcent_threshold")
	}},
	{"strict_supports", "what the provider cannot hold is an error", formBool(), func(d *decoder, n *yaml11.Node, e *Entry) {
		e.StrictSupports = d.maybe(n, "strict_supports")
	}},
	{"root_ns_warnings", "tell about NS at the apex", formBool(), func(d *decoder, n *yaml11.Node, e *Entry) {
		e.RootNSWarnings = d.maybe(n, "root_ns_warnings")
	}},
	{"always_ask", "types whose changes always need a yes", formAsk(), func(d *decoder, n *yaml11.Node, e *Entry) {
		d.alwaysAsk(n, &e.Guards)
	}},
	{"for", "with always_ask: the types", formTexts(), func(d *decoder, n *yaml11.Node, e *Entry) {
		d.askFor(n, &e.Guards)
	}},
}

// commonKeys are the keys of an entry that are no options of its class.
func (d *decoder) commonKeys(role Role) []key[Entry] {
	switch {
	case role != RoleProvider && role != RoleSource:
		return nil
	case d.cfg.Format == Zonecast:
		return nativeEntryKeys
	}
	return octoEntryKeys
}

func readApplyDisabled(d *decoder, n *yaml11.Node, e *Entry) {
	if v := d.maybe(n, "apply_disabled"); v != nil {
		e.ApplyDisabled = *v
	}
}

// maybe reads a boolean that may be absent or a reference to the environment.
func (d *decoder) maybe(n *yaml11.Node, what string) *bool {
	if n = d.expand(n); isNull(n) {
		return nil
	}
	if v, ok := d.truth(n, what); ok {
		return &v
	}
	return nil
}

var guardKeys = []key[Guards]{
	{"update_share", "share of the existing RRsets that may be updated at once", formShare(), func(d *decoder, n *yaml11.Node, g *Guards) {
		g.UpdateShare = d.share(n, "update_share")
	}},
	{"delete_share", "share of the existing RRsets that may be deleted at once", formShare(), func(d *decoder, n *yaml11.Node, g *Guards) {
		g.DeleteShare = d.share(n, "delete_share")
	}},
	{"share_from", "existing RRsets from which on shares count", formInt(0), func(d *decoder, n *yaml11.Node, g *Guards) {
		g.ShareFrom = d.count(n, "share_from")
	}},
	{"max_updates", "RRsets that may be updated at once; 0: any number", formInt(0), func(d *decoder, n *yaml11.Node, g *Guards) {
		g.MaxUpdates = d.count(n, "max_updates")
	}},
	{"max_deletes", "RRsets that may be deleted at once; 0: any number", formInt(0), func(d *decoder, n *yaml11.Node, g *Guards) {
		g.MaxDeletes = d.count(n, "max_deletes")
	}},
	{"replace_from", "records in an RRset from which on replacing all of them is held; 0: never", formInt(0), func(d *decoder, n *yaml11.Node, g *Guards) {
		g.ReplaceFrom = d.count(n, "replace_from")
	}},
	{"always_ask", "types, besides MX, NS, SOA and DS, whose changes need a yes; false for none", formAsk(), func(d *decoder, n *yaml11.Node, g *Guards) {
		d.alwaysAsk(n, g)
		if len(g.AlwaysAsk) > 0 {
			g.AlwaysAsk = union(DefaultAlwaysAsk, g.AlwaysAsk)
		}
	}},
	{"disabled", "ids of guards that never object", form{"type": "array", "items": formEnum(guardIDs...)}, func(d *decoder, n *yaml11.Node, g *Guards) {
		g.Disabled = []string{}
		for _, item := range d.items(n, "guards.disabled") {
			if id := enum(d, item, "guards.disabled", guardIDs...); id != "" {
				g.Disabled = append(g.Disabled, id)
			}
		}
	}},
}

// guardIDs are the ids that guards object with.
var guardIDs = []string{
	"always-ask", "apex-ns", "delegated", "delete-count", "delete-share", "empty-type", "empty-zone",
	"foreign-in-the-way", "ownership", "replace-all", "root-ns", "source-shrunk", "ttl-policy", "update-count", "update-share",
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (d *decoder) count(n *yaml11.Node, what string) *int {
	v, ok := d.whole(n, what, 0, 1<<31-1)
	if !ok {
		return nil
	}
	return new(int(v))
}

var verifyKeys = []key[Verify]{
	{"enabled", "ask the name servers after a write", formBool(), func(d *decoder, n *yaml11.Node, v *Verify) {
		if on, ok := d.truth(n, "verify.enabled"); ok {
			v.Off = new(!on)
		}
	}},
	{"timeout", "how long to ask, such as 60s", formDuration(), func(d *decoder, n *yaml11.Node, v *Verify) {
		if t, ok := d.duration(n, "verify.timeout"); ok {
			v.Timeout = t
		}
	}},
	{"addresses", "name servers to ask instead of the published ones, as host:port", formTexts(), func(d *decoder, n *yaml11.Node, v *Verify) {
		for _, item := range d.items(n, "verify.addresses") {
			if a := d.address(item); a != "" {
				v.Addresses = append(v.Addresses, a)
			}
		}
	}},
}

// silence reads the list of silenced findings.
func (d *decoder) silence(n *yaml11.Node, c *Config) {
	if !isNull(n) && n.Kind != yaml11.Sequence {
		d.wrongType(n, "silence", "a list")
		return
	}
	for _, item := range d.items(n, "silence") {
		s := Silence{Place: place(item.Pos)}
		mapping(d, item, "silence", silenceKeys, &s, finding.Error, nil)
		for what, text := range map[string]string{"finding": s.Finding, "reason": s.Reason} {
			if strings.TrimSpace(text) == "" && item.Kind == yaml11.Mapping {
				d.err("missing-key", s.Place, "add "+what+": to it", "an item of silence has no %s", what)
			}
		}
		c.Silence = append(c.Silence, s)
	}
}

var silenceKeys = []key[Silence]{
	{"finding", "id of the finding", formText(), func(d *decoder, n *yaml11.Node, s *Silence) {
		s.Finding, _ = d.text(n, "silence.finding")
	}},
	{"zone", "zones, shell style; all when absent", formText(), func(d *decoder, n *yaml11.Node, s *Silence) {
		s.Zone, _ = d.text(n, "silence.zone")
	}},
	{"name", "owner names relative to the zone, shell style, @ for the apex; all when absent", formText(), func(d *decoder, n *yaml11.Node, s *Silence) {
		s.Name, _ = d.text(n, "silence.name")
	}},
	{"type", "type of the RRset; all when absent", formText(), func(d *decoder, n *yaml11.Node, s *Silence) {
		if t := d.types(n, "silence.type"); len(t) == 1 {
			s.Type = t[0]
		}
	}},
	{"reason", "why the finding does not count", formText(), func(d *decoder, n *yaml11.Node, s *Silence) {
		s.Reason, _ = d.text(n, "silence.reason")
	}},
}

// StateDir is the folder of journal and history.
func (c *Config) StateDir() string {
	if filepath.IsAbs(c.State) {
		return c.State
	}
	return filepath.Join(c.Dir, c.State)
}
