package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/zonecast/zonecast/config"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/plan/view"
)

func validateCommand(a *app) *cobra.Command {
	var sel selection
	cmd := &cobra.Command{
		Use:     "validate [ZONE…]",
		GroupID: "main",
		Short:   "Look for mistakes in configuration and zones",
		Long: `Reads the configuration and its zones and prints what is wrong with them, one finding
a line: file:line:col: severity: text [id].

Targets are not asked: neither their credentials nor the network are needed. Exits 1 on
errors; warnings count with --strict.`,
		Example: `  zonecast validate
  zonecast validate --strict example.com
  zonecast validate -c config/production.yaml --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := sel.args(args); err != nil {
				return err
			}
			return a.validate(cmd.Context(), sel)
		},
	}
	sel.flags(cmd.Flags())
	return cmd
}

// A verdict is what validate prints with --json.
type verdict struct {
	Findings []finding.Finding `json:"findings"`
	Zones    int               `json:"zones"`
	RRsets   int               `json:"rrsets"`
	Errors   int               `json:"errors"`
	Warnings int               `json:"warnings"`
	Silenced int               `json:"silenced"`
}

func (a *app) validate(ctx context.Context, sel selection) error {
	v := verdict{Findings: []finding.Finding{}}
	s, err := a.load()
	if err != nil {
		// Also when there is no configuration at all: then the finding has no place.
		v.Findings = finding.Of(err, "configuration")
	} else {
		defer s.close()
		req, err := sel.request(nil)
		if err != nil {
			return err
		}
		finds := s.findings
		zones, more := s.planner.Load(ctx, req)
		finds = append(finds, more...)
		for _, d := range zones {
			if s.cfg.Format == config.OctoDNS {
				finds = append(finds, s.planner.Lint(d, req)...)
			}
			if d.Loaded != nil && d.Loaded.Zone != nil {
				v.Zones++
				v.RRsets += d.Loaded.Zone.Len()
			}
		}
		v.Findings = append(v.Findings, tidy(finds)...)
	}
	for _, f := range v.Findings {
		switch {
		case f.Silenced != "":
			v.Silenced++
		case f.Severity == finding.Error:
			v.Errors++
		case f.Severity == finding.Warning:
			v.Warnings++
		}
	}
	if err := a.verdict(v); err != nil {
		return err
	}
	if a.bad(v.Findings) {
		return status(exitError)
	}
	return nil
}

func (a *app) verdict(v verdict) error {
	if a.json {
		return a.printJSON(v)
	}
	shown := v.Findings[:0:0]
	for _, f := range v.Findings {
		if f.Silenced == "" && (!a.quiet || f.Severity == finding.Error || a.strict && f.Severity == finding.Warning) {
			shown = append(shown, f)
		}
	}
	if err := view.Findings(a.stdout, shown, a.style(a.stdout)); err != nil {
		return err
	}
	text := ""
	if v.Zones > 0 { // else the configuration itself is wrong
		text = fmt.Sprintf("%s with %s: ", plural(v.Zones, "zone"), plural(v.RRsets, "RRset"))
	}
	p := a.errPaint()
	switch {
	case v.Errors > 0:
		text += p.Red(plural(v.Errors, "error")) + ", " + plural(v.Warnings, "warning")
	case v.Warnings > 0:
		text += p.Yellow(plural(v.Warnings, "warning"))
	default:
		text += p.Green("no mistakes found")
	}
	if v.Silenced > 0 {
		text += fmt.Sprintf(" (%d silenced)", v.Silenced)
	}
	a.say("%s", text)
	return nil
}

// printJSON prints one document as the result.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// plural counts in words: "1 zone", "2 zones".
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
