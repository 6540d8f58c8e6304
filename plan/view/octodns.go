package view

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/octodns"
	"github.com/zonecast/zonecast/zone/rdata"
)

// OctoDNS writes plans as octoDNS's plan outputs do (octodns/provider/plan.py), for pipelines that
// read them. Plans without changes are left out, as octoDNS has none for them.
type OctoDNS struct {
	// Class is the name of a target's class as octoDNS prints it: "Route53Provider"; nil: the driver.
	Class func(plan.Target) string
	// Indent is PlanJson's indent; "" writes one line.
	Indent string
}

// due returns plans with something to do, children before parents, as octoDNS sorts them.
func due(plans []*plan.Plan) []*plan.Plan {
	var out []*plan.Plan
	for _, p := range plans {
		if !p.Empty() {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *plan.Plan) int {
		x, y := a.Target.Zone.String(), b.Target.Zone.String()
		return cmp.Or(cmp.Compare(len(y), len(x)), strings.Compare(x, y))
	})
	return out
}

// A change with its records in octoDNS's normal form.
type octoChange struct {
	class         string // "Create", "Update", "Delete"
	key           zone.Key
	name          string // relative, A-labels
	existing, new *octodns.Record
}

// octoChanges sorts as octoDNS does: deletes, creates, updates; by name and type inside.
func octoChanges(p *plan.Plan) []octoChange {
	order := map[string]int{"Delete": 0, "Create": 1, "Update": 2}
	out := make([]octoChange, 0, len(p.Changes.Sets))
	for _, c := range p.Changes.Sets {
		o := octoChange{class: "Update", key: c.Key()}
		if c.Creates() {
			o.class = "Create"
		} else if c.Deletes() {
			o.class = "Delete"
		}
		if o.name = c.Key().Owner.Relative(p.Target.Zone); o.name == "@" {
			o.name = ""
		}
		o.existing, o.new = normal(c.Before, p.Target.Zone), normal(c.After, p.Target.Zone)
		out = append(out, o)
	}
	slices.SortStableFunc(out, func(a, b octoChange) int {
		return cmp.Or(cmp.Compare(order[a.class], order[b.class]), strings.Compare(a.name, b.name),
			strings.Compare(a.key.Type.String(), b.key.Type.String()))
	})
	return out
}

func normal(r *zone.RRset, origin zone.Name) *octodns.Record {
	if r == nil {
		return nil
	}
	rec, err := octodns.Normal(*r, origin)
	if err != nil { // shown as presentation form instead
		rec.Values = nil
		for _, d := range r.Data {
			rec.Values = append(rec.Values, rdata.Text(r.Type, d))
		}
	}
	return &rec
}

const stars = "********************************************************************************\n"

// Logger writes what octoDNS's PlanLogger logs.
func (o OctoDNS) Logger(w io.Writer, plans []*plan.Plan) error {
	b := bufio.NewWriter(w)
	b.WriteByte('\n')
	list := due(plans)
	current := ""
	for _, p := range list {
		if name := p.Target.Zone.Unicode(); name != current {
			current = name
			b.WriteString(stars + "* " + term.Clean(name) + "\n" + stars)
		}
		fmt.Fprintf(b, "* %s (%s)\n*   ", term.Clean(p.Target.Provider), o.class(p.Target))
		if p.Base != nil && p.Base.Missing {
			fmt.Fprintf(b, "Create %s\n*   ", zoneRepr(p))
		}
		for _, c := range octoChanges(p) {
			switch c.class {
			case "Create":
				fmt.Fprintf(b, "Create %s (%s)", c.repr(c.new), source(p, c.key))
			case "Delete":
				fmt.Fprintf(b, "Delete %s", c.repr(c.existing))
			default:
				fmt.Fprintf(b, "Update\n*     %s ->\n*     %s (%s)", c.repr(c.existing), c.repr(c.new), source(p, c.key))
			}
			b.WriteString("\n*   ")
		}
		if len(p.Changes.Settings) > 0 {
			b.WriteString("Meta: \n" + metaRepr(p) + "\n")
		}
		b.WriteString("Summary: " + octoSummary(p) + "\n")
	}
	if len(list) == 0 {
		b.WriteString(stars + "No changes were planned\n")
	}
	b.WriteString(stars + "\n")
	return b.Flush()
}

func (o OctoDNS) class(t plan.Target) string {
	if o.Class == nil {
		return t.Driver
	}
	return o.Class(t)
}

func source(p *plan.Plan, k zone.Key) string {
	if p.From == nil {
		return ""
	}
	return term.Clean(p.From(k))
}

func zoneRepr(p *plan.Plan) string { return "Zone<" + term.Clean(p.Target.Zone.Unicode()) + ">" }

func octoSummary(p *plan.Plan) string {
	c, u, d := p.Counts()
	meta := "False"
	if len(p.Changes.Settings) > 0 {
		meta = "True"
	}
	return fmt.Sprintf("Creates=%d, Updates=%d, Deletes=%d, Existing=%d, Meta=%s", c, u, d, p.Existing, meta)
}

func metaRepr(p *plan.Plan) string {
	parts := make([]string, 0, len(p.Changes.Settings))
	for _, c := range p.Changes.Settings {
		parts = append(parts, pyText(c.Key)+": {'current': "+pyText(c.Before)+", 'desired': "+pyText(c.After)+"}")
	}
	return "{ " + strings.Join(parts, ",\n  ") + "}"
}

// repr is what Python prints for a record: <ARecord A 300, www.example.com., ['192.0.2.1']>.
func (c octoChange) repr(rec *octodns.Record) string {
	typ := c.key.Type.String()
	class := strings.ToUpper(typ[:1]) + strings.ToLower(typ[1:]) + "Record"
	if vendor, kind, ok := strings.Cut(typ, "/"); ok {
		class = strings.TrimSuffix(vendor, "Provider") + strings.ToUpper(kind[:1]) + strings.ToLower(kind[1:]) + "Record"
	}
	values := make([]string, len(rec.Values))
	for i, v := range rec.Values {
		values[i] = octoValue(c.key.Type, v)
	}
	single := c.key.Type == zone.TypeCNAME || c.key.Type == zone.TypeALIAS || c.key.Type == zone.TypeDNAME
	list := "['" + strings.Join(values, "', '") + "']"
	if single {
		list = strings.Join(values, "")
	}
	tail := ""
	switch {
	case rec.Dynamic != nil:
		list = "[" + quoteAll(values) + "]"
		if single {
			list = strings.Join(values, "")
		}
		tail = ", " + pyRepr(rec.Dynamic["pools"]) + ", " + pyRepr(rec.Dynamic["rules"])
	case len(rec.Geo) > 0:
		list, tail = "["+quoteAll(values)+"]", ", "+geoRepr(rec.Geo)
	case len(rec.Octodns) > 0:
		tail = ", " + pyRepr(rec.Octodns)
	}
	return term.Clean(fmt.Sprintf("<%s %s %d, %s, %s%s>", class, typ, rec.TTL, c.key.Owner.Unicode(), list, tail))
}

func quoteAll(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = pyText(v)
	}
	return strings.Join(out, ", ")
}

// JSON writes what octoDNS's PlanJson does.
func (o OctoDNS) JSON(w io.Writer, plans []*plan.Plan) error {
	type change struct {
		Existing   json.RawMessage `json:"existing,omitempty"`
		Name       string          `json:"name"`
		New        json.RawMessage `json:"new,omitempty"`
		RecordType string          `json:"record_type"`
		Type       string          `json:"type"`
	}
	type body struct {
		Changes []change       `json:"changes"`
		Meta    map[string]any `json:"meta"`
	}
	doc := map[string]map[string]body{}
	for _, p := range due(plans) {
		b := body{Changes: []change{}}
		for _, c := range octoChanges(p) {
			out := change{Name: c.name, RecordType: c.key.Type.String(), Type: strings.ToLower(c.class)}
			if c.existing != nil {
				out.Existing = c.existing.Data()
			}
			if c.new != nil {
				out.New = c.new.Data()
			}
			b.Changes = append(b.Changes, out)
		}
		for _, c := range p.Changes.Settings {
			if b.Meta == nil {
				b.Meta = map[string]any{}
			}
			b.Meta[c.Key] = map[string]any{"current": c.Before, "desired": c.After}
		}
		if doc[p.Target.Provider] == nil {
			doc[p.Target.Provider] = map[string]body{}
		}
		doc[p.Target.Provider][p.Target.Zone.String()] = b
	}
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", o.Indent)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := w.Write(pyJSON(raw.Bytes(), o.Indent == ""))
	return err
}

// Markdown writes what octoDNS's PlanMarkdown does.
func (o OctoDNS) Markdown(w io.Writer, plans []*plan.Plan) error {
	b := bufio.NewWriter(w)
	list := due(plans)
	current := ""
	for _, p := range list {
		if name := p.Target.Zone.Unicode(); name != current {
			current = name
			b.WriteString("## " + term.Clean(name) + "\n\n")
		}
		fmt.Fprintf(b, "### %s\n\n| Operation | Name | Type | TTL | Value | Source |\n|--|--|--|--|--|--|\n", term.Clean(p.Target.Provider))
		if p.Base != nil && p.Base.Missing {
			fmt.Fprintf(b, "| Create | %s | | | | |\n", zoneRepr(p))
		}
		for _, c := range octoChanges(p) {
			fmt.Fprintf(b, "| %s | %s | %s | ", c.class, c.name, c.key.Type)
			if c.existing != nil {
				fmt.Fprintf(b, "%d | %s | |\n", c.existing.TTL, cell(c.values(c.existing, "; ")))
				if c.new != nil {
					b.WriteString("| | | | ")
				}
			}
			if c.new != nil {
				fmt.Fprintf(b, "%d | %s | %s |\n", c.new.TTL, cell(c.values(c.new, "; ")), source(p, c.key))
			}
		}
		if len(p.Changes.Settings) > 0 {
			b.WriteString("\nMeta: " + metaRepr(p) + "\n")
		}
		b.WriteString("\nSummary: " + octoSummary(p) + "\n\n")
	}
	if len(list) == 0 {
		b.WriteString("## No changes were planned\n")
	}
	return b.Flush()
}

// cell keeps a value inside its cell of a table.
func cell(s string) string { return strings.ReplaceAll(term.Clean(s), "|", `\|`) }

// values joins values and those of the geo block.
func (c octoChange) values(rec *octodns.Record, sep string) string {
	var out []string
	for _, v := range rec.Values {
		out = append(out, octoValue(c.key.Type, v))
	}
	codes := make([]string, 0, len(rec.Geo))
	for code := range rec.Geo {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	for _, code := range codes {
		list, _ := rec.Geo[code].([]any)
		parts := make([]string, len(list))
		for i, v := range list {
			parts[i] = fmt.Sprint(v)
		}
		out = append(out, code+": "+strings.Join(parts, ", "))
	}
	return strings.Join(out, sep)
}

// HTML writes what octoDNS's PlanHtml does, with values escaped and tables closed.
func (o OctoDNS) HTML(w io.Writer, plans []*plan.Plan) error {
	b := bufio.NewWriter(w)
	list := due(plans)
	current := ""
	td := func(s string) { b.WriteString("    <td>" + s + "</td>\n") }
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	esc := func(s string) string { return escape.Replace(term.Clean(s)) }
	for _, p := range list {
		if name := p.Target.Zone.Unicode(); name != current {
			current = name
			b.WriteString("<h2>" + esc(name) + "</h2>\n")
		}
		b.WriteString("<h3>" + esc(p.Target.Provider) + "</h3>\n<table>\n  <tr>\n")
		for _, h := range []string{"Operation", "Name", "Type", "TTL", "Value", "Source"} {
			b.WriteString("    <th>" + h + "</th>\n")
		}
		b.WriteString("  </tr>\n")
		if p.Base != nil && p.Base.Missing {
			b.WriteString("  <tr>\n    <td>Create</td>\n    <td colspan=5>" + esc(zoneRepr(p)) + "</td>\n  </tr>\n")
		}
		for _, c := range octoChanges(p) {
			b.WriteString("  <tr>\n")
			td(c.class)
			td(esc(c.name))
			td(esc(c.key.Type.String()))
			side := func(rec *octodns.Record, from string) {
				td(strconv.FormatUint(uint64(rec.TTL), 10))
				td(strings.ReplaceAll(esc(c.values(rec, "\n")), "\n", "<br/>"))
				td(esc(from))
				b.WriteString("  </tr>\n")
			}
			if c.existing != nil {
				side(c.existing, "")
				if c.new != nil {
					b.WriteString("  <tr>\n    <td colspan=3></td>\n")
				}
			}
			if c.new != nil {
				side(c.new, source(p, c.key))
			}
		}
		if len(p.Changes.Settings) > 0 {
			b.WriteString("  <tr>\n    <td colspan=6>Meta: " + esc(metaRepr(p)) + "</td>\n  </tr>\n")
		}
		b.WriteString("  <tr>\n    <td colspan=6>Summary: " + octoSummary(p) + "</td>\n  </tr>\n</table>\n")
	}
	if len(list) == 0 {
		b.WriteString("<b>No changes were planned</b>")
	}
	return b.Flush()
}
