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
// A plan is computed by RRset and to the byte; whatever a provider normalises was already
// evened out by shape, so that planning again after an apply demands nothing.
package plan
