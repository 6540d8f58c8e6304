package main

import (
	"context"
	"errors"
	"slices"

	"github.com/zonecast/zonecast/apply"
	"github.com/zonecast/zonecast/finding"
	"github.com/zonecast/zonecast/flow"
	"github.com/zonecast/zonecast/plan"
)

// An ending is what a report says besides what became of the targets that were written.
type ending struct {
	failed   []plan.Target // that could not even be planned
	findings []finding.Finding
	code     func(*apply.Report) int // the exit code, when nothing comes after
}

// carryOut shows plans, asks, applies and reports. All ways of writing end here.
//
// What reads the lines of --json goes by the last report. A second round that could not be planned has
// none, and what a first round leaves to be said is not in that of the second: then one more report
// says how the run ended.
func (s *session) carryOut(ctx context.Context, run *flow.Run, x applyFlags) error {
	err := s.oneRound(ctx, run, x)
	if code := exitOf(err); s.told != nil && *s.told != code {
		s.jsonApply().report(&apply.Report{Run: s.planner.Run, Results: []apply.Result{}, Cancelled: errors.Is(ctx.Err(), context.Canceled)}, s.end, code)
	}
	return err
}

// exitOf is the exit code of a command that ends with err.
func exitOf(err error) int {
	if code, ok := errors.AsType[status](err); ok {
		return int(code)
	}
	if err != nil {
		return exitError
	}
	return exitOK
}

// unsilenced are the findings of a report: those that standard error has too.
func unsilenced(fs []finding.Finding) []finding.Finding {
	return slices.DeleteFunc(tidy(fs), func(f finding.Finding) bool { return f.Silenced != "" })
}
