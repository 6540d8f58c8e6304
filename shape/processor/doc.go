// Package processor has octoDNS's processors: small rules that filter or rewrite a desired zone,
// what was observed at a target, or the changes of a plan
// (https://github.com/octodns/octodns, octodns/processor).
//
// In flow zones and changes, out flow zones, changes and findings. Each processor is a value that
// New makes from a class name and options; it keeps no state between zones and does no I/O. What
// varies from run to run (the time, a resolver) comes in through Env; what a step may look at
// besides its zone comes in through Context. AutoArpa is different in that it looks at all zones:
// Arpa collects addresses and makes PTR records of them.
//
//	p, err := processor.New("only-web", "octodns.processor.filter.TypeAllowlistFilter",
//		processor.Options{"allowlist": []any{"A", "AAAA"}}, processor.Env{})
//	desired, findings := p.Source(desired, processor.Context{})
package processor
