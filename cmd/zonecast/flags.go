package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/plan"
	"github.com/zonecast/zonecast/zone"
)

// selection are the flags of commands that work on a part of the configuration.
type selection struct {
	zones   []zone.Name
	targets []string
	sources []string
}

func (s *selection) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&s.targets, "target", nil, "only this target (`ID` of a provider; repeatable)")
	f.StringSliceVar(&s.sources, "source", nil, "only zones that use this source (`ID`; repeatable)")
}

// args reads zones given as arguments.
func (s *selection) args(args []string) error {
	for _, arg := range args {
		n, err := zone.ParseName(arg)
		if err != nil {
			return usagef("write it like example.com.", "%q is no zone: %v", arg, err)
		}
		s.zones = append(s.zones, n)
	}
	return nil
}

// allowances are the pairs of --allow and --reason.
type allowances struct {
	guards  []string
	reasons []string
}

func (al *allowances) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&al.guards, "allow", nil, "let the objection of this `GUARD` pass once (repeatable; needs --reason)")
	f.StringArrayVar(&al.reasons, "reason", nil, "why, for the history (`TEXT`; one for all, or one for each --allow)")
}

// pairs joins guards and reasons: one reason for all, or one for each.
func (al *allowances) pairs() ([]plan.Allowance, error) {
	if len(al.guards) == 0 {
		return nil, nil
	}
	if len(al.reasons) == 0 || strings.TrimSpace(al.reasons[0]) == "" {
		return nil, usagef("add --reason TEXT: it is kept in the history", "--allow %s has no reason", al.guards[0])
	}
	if len(al.reasons) != 1 && len(al.reasons) != len(al.guards) {
		return nil, usagef("give one reason for all, or one for each --allow", "%d --allow and %d --reason do not pair", len(al.guards), len(al.reasons))
	}
	out := make([]plan.Allowance, len(al.guards))
	for i, g := range al.guards {
		if !isGuard(g) {
			fix := "guards are " + strings.Join(plan.GuardIDs(), ", ")
			if near := finding.Nearest(g, plan.GuardIDs()); near != "" {
				fix = "did you mean " + near + "?"
			}
			return nil, usagef(fix, "there is no guard %q", g)
		}
		out[i] = plan.Allowance{Guard: g, Reason: al.reasons[min(i, len(al.reasons)-1)]}
	}
	return out, nil
}

// reason is what the history keeps of the reasons.
func (al *allowances) reason() string { return strings.Join(al.reasons, "; ") }

// isGuard reports whether --allow takes an id.
func isGuard(id string) bool { return id == "*" || slices.Contains(plan.GuardIDs(), id) }

// request joins what was selected and allowed.
func (s *selection) request(al *allowances) (flow.Request, error) {
	req := flow.Request{Zones: s.zones, Sources: s.sources, Targets: s.targets}
	if al != nil {
		pairs, err := al.pairs()
		if err != nil {
			return req, err
		}
		req.Allow = pairs
	}
	return req, nil
}

// choice checks the value of a flag that takes one of a few words.
func choice(flag, value string, of ...string) error {
	for _, o := range of {
		if o == value {
			return nil
		}
	}
	fix := "write one of " + strings.Join(of, ", ")
	if near := finding.Nearest(value, of); near != "" {
		fix = "did you mean " + near + "?"
	}
	return usagef(fix, "--%s cannot be %q", flag, value)
}

// flagError words what pflag has against a flag and names the nearest one.
func flagError(cmd *cobra.Command, err error) error {
	u := &usageError{text: err.Error(), help: cmd.CommandPath()}
	if missing, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := missing.GetSpecifiedName()
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				known = append(known, f.Name)
			}
		})
		if len(name) == 1 {
			u.text = fmt.Sprintf("%s has no flag -%s", cmd.CommandPath(), name)
			return u
		}
		u.text = fmt.Sprintf("%s has no flag --%s", cmd.CommandPath(), name)
		if near := finding.Nearest(name, known); near != "" {
			u.fix = "did you mean --" + near + "?"
		}
	}
	return u
}

// atMost allows up to n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return &usageError{text: fmt.Sprintf("%s does not know what to do with %q", cmd.CommandPath(), args[n]), help: cmd.CommandPath()}
		}
		return nil
	}
}

// exactly demands n arguments; fix says what they are.
func exactly(n int, fix string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return &usageError{text: fmt.Sprintf("%s needs %s more", cmd.CommandPath(), plural(n-len(args), "argument")), fix: fix, help: cmd.CommandPath()}
		}
		return atMost(n)(cmd, args)
	}
}
