// Package flow runs the one flow that every command enters somewhere: sources to desired zones,
// shaped for each target, compared with what was observed there, judged by guards, and carried
// out.
//
// In flows a configuration, a request (which zones, sources, targets) and a store; out flow
// findings, plans and reports as data. It joins the rooms below it and decides nothing of its
// own: what a zone should hold is decided by source and shape, what has to change by plan, how it
// is written by apply.
//
// A run has two phases. First every zone is loaded and every target read, all at once, bounded
// per account. Then each target is shaped and planned; by then the name servers of all providers
// of a zone and the contents of its child zones are known. One zone or target that fails is
// reported; the others go on.
//
//	p := flow.Planner{Config: cfg, Store: st}
//	run := p.Plan(ctx, flow.Request{Zones: names})
//	report, err := p.Apply(ctx, run.Plans, flow.ApplyOptions{…}, observe)
package flow
