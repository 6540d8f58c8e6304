package main

import (
	"context"
	"errors"
	"os/user"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/nameserver"
	"github.com/zonecast/zonecast/nameserver/conf"
	"github.com/zonecast/zonecast/nameserver/serve"
	"github.com/zonecast/zonecast/zone"
)

// A checked is what nameserver --check prints with --json.
type checked struct {
	Findings  []finding.Finding `json:"findings"`
	Zones     int               `json:"zones"`     // of files
	Files     int               `json:"files"`     // that were read
	Broken    int               `json:"broken"`    // of these, that cannot be used
	Primary   int               `json:"primary"`   // zones held here
	Secondary int               `json:"secondary"` // zones transferred in
	Catalogs  int               `json:"catalogs"`  // that are consumed
	Errors    int               `json:"errors"`
	Warnings  int               `json:"warnings"`

	strict bool // a warning is told that --strict minds
}

// checkNameserver says what would be wrong.
func (a *app) checkNameserver(ctx context.Context, c *conf.Config) error {
	o, err := c.Serve()
	if err != nil {
		if a.json {
			return a.checkedJSON(&checked{Findings: finding.Of(err, "nameserver-config")})
		}
		return err
	}
	var zones nameserver.Zones
	folders := serve.Folders{Zones: &zones, Claim: func(origin zone.Name, _ string) string { return o.Configured(origin) }}
	for _, f := range o.Folders {
		folders.Dirs = append(folders.Dirs, f.Dir)
	}
	r := folders.Scan(ctx, true)
	r.Findings = append(r.Findings, o.Check()...)
	if c.User != "" {
		if _, err := user.Lookup(c.User); err != nil {
			r.Findings = append(r.Findings, finding.Finding{ID: "nameserver-config", Severity: finding.Error, Text: "user: " + err.Error()})
		}
	}
	// A machine may get its addresses later, and the file may be checked on another one.
	addresses := c.CheckAddresses(ctx, usualEndpoints())
	if a.json {
		return a.checkedJSON(&checked{
			strict:   a.bad(r.Findings), // which addresses the machine has now, it does not mind
			Findings: append(r.Findings, addresses...), Zones: r.Zones, Files: r.Files, Broken: r.Broken,
			Primary: len(o.Primaries), Secondary: len(o.Secondaries), Catalogs: len(o.Catalogs),
		})
	}
	log := newServerLog(a)
	log.stamp = false
	if err := a.mayServe(log, r, len(o.Primaries)+len(o.Secondaries)+len(o.Catalogs) > 0); err != nil {
		return err
	}
	log.problems(addresses)
	a.say("%s from %s%s; %s held here, %s transferred in, %s consumed", plural(r.Zones, "zone"), plural(r.Files, "file"), log.broken(r),
		plural(len(o.Primaries), "zone"), plural(len(o.Secondaries), "zone"), plural(len(o.Catalogs), "catalog"))
	if r.Broken > 0 {
		return errors.New("not all zone files can be used")
	}
	if err := finding.AsError(append(addresses, r.Findings...)); err != nil {
		return exit(exitError) // which was told
	}
	return nil
}

// checkedJSON prints what was found. It exits as the words for people do.
func (a *app) checkedJSON(v *checked) error {
	v.Findings = append([]finding.Finding{}, tidy(v.Findings)...)
	for _, f := range v.Findings {
		switch f.Severity {
		case finding.Error:
			v.Errors++
		case finding.Warning:
			v.Warnings++
		}
	}
	if err := a.printJSON(v); err != nil {
		return err
	}
	if v.Errors > 0 || v.Broken > 0 || v.strict {
		return status(exitError)
	}
	return nil
}
