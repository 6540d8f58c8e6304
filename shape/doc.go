// Package shape makes of a desired zone what one target should hold.
//
// In flow the zone as the sources gave it, what the target can hold (provider.Capabilities), what
// was observed there, and options. Out flow the zone to compare with what was observed, which
// RRsets are to be left alone, and findings about what the target cannot have.
//
// Shaping does in this order: per-target records, what is ignored or excluded, SOA and apex NS,
// ALIAS, types and steering that the target lacks, the caller's last word (processors), and at the
// end everything that would make a difference where there is none: TTL limits, the borders between
// the character-strings of TXT, keys of Extra that the target does not keep. Where desired and
// observed say the same in two ways the observed way is taken, so that shaping what a target
// returned gives it back and a plan right after an apply is empty.
//
//	r, err := shape.Zone(shape.Input{Desired: want, Provider: "cf", Capabilities: caps, Observed: snap})
//	p := plan.Compute(plan.Input{Observed: snap, Desired: r.Zone, Kept: r.Kept, Hidden: r.Hidden})
//
// It reads no configuration and does no I/O; what needs the network (flattening an ALIAS) is a
// function that the caller hands in. It never changes what was observed.
package shape
