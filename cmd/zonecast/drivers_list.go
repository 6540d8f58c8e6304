package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/internal/term"
	"github.com/zonecast/zonecast/provider"
)

// A driverDoc is one kind of provider or source.
type driverDoc struct {
	Type    string      `json:"type"`
	Title   string      `json:"title"`
	Role    string      `json:"role"`
	Classes []string    `json:"classes,omitempty"`
	Adapter bool        `json:"adapter"`
	Options []optionDoc `json:"options,omitempty"`
}

type optionDoc struct {
	Name     string   `json:"name"`
	Aliases  []string `json:"aliases,omitempty"`
	Kind     string   `json:"kind"`
	Required bool     `json:"required,omitempty"`
	Secret   bool     `json:"secret,omitempty"`
	Default  string   `json:"default,omitempty"`
	Help     string   `json:"help,omitempty"`
	Ignored  string   `json:"ignored,omitempty"`
}

// driverDocs lists adapters, then sources, then the classes of octoDNS that are known without an
// adapter.
func driverDocs() []driverDoc {
	var out []driverDoc
	have := map[string]bool{}
	for _, d := range provider.Drivers() {
		have[d.Name] = true
		out = append(out, driverDoc{d.Name, d.Title, "provider", d.Classes, true, optionDocs(d.Options)})
	}
	for _, d := range config.Sources() {
		if have[d.Name] { // read by a source of its own, written by the adapter above
			continue
		}
		have[d.Name] = true
		out = append(out, driverDoc{d.Name, d.Title, "source", d.Classes, true, optionDocs(d.Options)})
	}
	known := map[string]int{}
	for _, c := range config.Classes() {
		if have[c.Type] || c.Role != config.RoleProvider && c.Role != config.RoleSource {
			continue
		}
		i, ok := known[c.Type]
		if !ok || c.Type == "" {
			known[c.Type] = len(out)
			out = append(out, driverDoc{Type: c.Type, Title: "no adapter in this version", Role: string(c.Role), Classes: []string{c.Name}, Options: optionDocs(c.Options)})
			continue
		}
		out[i].Classes = append(out[i].Classes, c.Name)
	}
	return out
}

func optionDocs(list []provider.Option) []optionDoc {
	var out []optionDoc
	for _, o := range list {
		kind := string(o.Kind)
		if kind == "" {
			kind = string(provider.Text)
		}
		out = append(out, optionDoc{o.Name, o.Aliases, kind, o.Required, o.Secret, o.Default, o.Help, o.Ignored})
	}
	return out
}

func (a *app) drivers() error {
	list := driverDocs()
	if a.json {
		return a.printJSON(map[string]any{"drivers": list})
	}
	p := a.outPaint()
	for i, d := range list {
		if !d.Adapter {
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		fmt.Fprintf(a.stdout, "%s  %s\n", p.Bold(d.Type), d.Title)
		if len(d.Classes) > 0 {
			fmt.Fprintf(a.stdout, "  in octoDNS: %s\n", strings.Join(slices.Compact(slices.Clone(d.Classes)), ", "))
		}
		width := 0
		for _, o := range d.Options {
			width = max(width, term.Columns(o.Name))
		}
		for _, o := range d.Options {
			name := o.Name
			for _, part := range term.Fold(o.text(), a.width()-width-4) {
				fmt.Fprintf(a.stdout, "  %s  %s\n", term.Pad(name, width), part)
				name = ""
			}
		}
	}
	var without []string
	for _, d := range list {
		if !d.Adapter && d.Type != "" {
			without = append(without, d.Type)
		}
	}
	if len(without) > 0 {
		slices.Sort(without)
		fmt.Fprintf(a.stdout, "\n%s their configuration is read and checked;\nzones cannot be written to them yet:\n", p.Yellow("Known without an adapter:"))
		for _, part := range term.Fold(strings.Join(slices.Compact(without), ", "), cmp.Or(a.width(), 100)-2) {
			fmt.Fprintf(a.stdout, "  %s\n", part)
		}
	}
	return nil
}

// text says what an option is, in one line.
func (o optionDoc) text() string {
	if o.Ignored != "" {
		return "no effect: " + o.Ignored
	}
	var traits []string
	if o.Kind != string(provider.Text) {
		traits = append(traits, o.Kind)
	}
	if o.Required {
		traits = append(traits, "required")
	}
	if o.Secret {
		traits = append(traits, "secret")
	}
	if o.Default != "" {
		traits = append(traits, "default "+o.Default)
	}
	if len(o.Aliases) > 0 {
		traits = append(traits, "also "+strings.Join(o.Aliases, ", "))
	}
	if len(traits) == 0 {
		return o.Help
	}
	return strings.TrimSpace(o.Help + " (" + strings.Join(traits, ", ") + ")")
}
