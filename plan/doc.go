// Package plan computes what has to change at one target, lets guards object, and gives the
// result an identity. It is a function of its input: no I/O, no clock, no logging, and equal
// inputs give equal plans, byte for byte.
//
// In come an observed snapshot and a desired zone that shape made for the target; out comes a
// Plan, which is data: plan/view shows it, a file keeps it, apply carries it out.
//
//	p := plan.Compute(plan.Input{Target: t, Observed: snap, Desired: want, Guards: plan.DefaultGuards(policy)})
//	for _, c := range p.Changes.Sets { … }
//
// Encode and Decode keep plans in files (docs/plan-format.md); DefaultGuards makes the guards of a
// Policy, whose objections hold a plan until somebody allows them with a reason.
//
// Tests are text scripts in testdata: "zone observed" and "zone desired" are followed by indented
// lines "owner ttl type rdata | rdata [{key=value}]" (h{1..9} stands for nine owners), "policy",
// "set", "fact", "allow", "kept" and "foreign" say what else there is, "plan" computes, and what
// view.Text shows stands below "----". "==" begins a new case; go test -update rewrites.
//
// A plan is computed by RRset and to the byte; whatever a provider normalises was already
// evened out by shape, so that planning again after an apply demands nothing.
package plan
