package view

import (
	_ "embed"
	"html/template"
	"io"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/plan"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// The page's data: what the template shows, ready to print.
type (
	pageData struct {
		Title  string
		Held   int
		Groups []pageGroup
		Idle   string
		Made   string
	}
	pageGroup struct {
		Zone, Targets, Counts, DryRun, IDs string
		Missing                            bool
		Settings                           []pageSetting
		Rows                               []pageRow
		Held, Allowed, Notes               []pageRemark
	}
	pageSetting struct{ Key, Before, After string }
	pageRow     struct {
		Mark, Word, Name, IDN, Type string
		TTL                         []pagePart
		Values                      []pageValue
		Stay                        int
	}
	pageValue struct {
		Mark, Key string
		Parts     []pagePart
	}
	pagePart   struct{ Kind, Text string }
	pageRemark struct {
		ID, Severity, Text, Fix, Reason, At string
	}
)

// HTML writes plans as one page that needs nothing else: no script, no font, no image. It follows
// the reader's light or dark setting and prints well.
func HTML(w io.Writer, plans []*plan.Plan) error {
	gs, idle := groups(plans)
	s := plan.Summarize(plans)
	d := pageData{Title: "Plan: " + counts(s), Held: s.Held, Idle: idleText(idle, len(gs) > 0)}
	if len(gs) == 0 {
		d.Title = "Nothing to do"
	}
	if made := plan.Make(plans).Made; !made.IsZero() {
		d.Made = made.UTC().Format("2006-01-02 15:04:05 UTC")
	}
	for _, g := range gs {
		d.Groups = append(d.Groups, g.page())
	}
	return page.Execute(w, d)
}

func (g *group) page() pageGroup {
	out := pageGroup{
		Zone: g.zone, Targets: g.targets(), Counts: counts(plan.Summarize(g.plans[:1])),
		DryRun: g.plans[0].DryRun, Missing: g.missing,
		Held: g.pageRemarks(heldOf), Allowed: g.pageRemarks(allowedOf), Notes: g.pageRemarks(notesOf),
	}
	for i, p := range g.plans {
		if i > 0 {
			out.IDs += " "
		}
		out.IDs += p.ID[:min(12, len(p.ID))]
	}
	for _, c := range g.plans[0].Changes.Settings {
		out.Settings = append(out.Settings, pageSetting{c.Key, quoteEmpty(c.Before), quoteEmpty(c.After)})
	}
	for _, r := range g.rows {
		row := pageRow{Mark: string(rune(r.mark)), Word: word(r.mark), Name: r.name, IDN: r.idn, Type: r.typ, TTL: pageParts(r.ttl), Stay: r.stay}
		for _, v := range r.values {
			row.Values = append(row.Values, pageValue{Parts: pageParts(v)})
		}
		for _, e := range r.extras {
			row.Values = append(row.Values, pageValue{Mark: word(e.mark), Key: e.key, Parts: pageParts(e.text)})
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func pageParts(v value) []pagePart {
	out := make([]pagePart, len(v))
	for i, p := range v {
		out[i] = pagePart{kindClass(p.kind), p.text}
	}
	return out
}

func kindClass(kind byte) string {
	switch kind {
	case added:
		return "ins"
	case removed:
		return "del"
	}
	return ""
}

func word(kind byte) string {
	switch kind {
	case added:
		return "create"
	case removed:
		return "delete"
	}
	return "change"
}

func (g *group) pageRemarks(of func(*plan.Plan) []finding.Finding) []pageRemark {
	var out []pageRemark
	for _, r := range g.remarks(of) {
		out = append(out, pageRemark{r.ID, r.Severity.String(), place(r.Finding) + r.Text, r.Fix, r.Silenced, r.at(g)})
	}
	return out
}
