// Package conformance is the suite that every provider adapter passes. It attacks an adapter
// through the contract of package provider alone, so that the same cases run against a real
// server in a test, against an emulation, and against a real account by `zonecast conformance`.
//
// A case is a complete desired state of a zone. A step reads the zone, computes the difference,
// writes it, demands that every change is reported as done, reads again, and demands that
// planning again finds nothing to do. Where the subject can be asked over DNS, the answers must
// be the planned ones too. Groups beyond that look at what goes wrong: two writers, stale
// snapshots, cancellation, a killed server, faults of the transport, wrong credentials. There the
// rule is honesty: Done means that it is there, NotDone that it is not, Unknown that a read tells.
//
// Groups are sorted into levels, L0 (reading) to L7 (size). A group that a subject cannot run is
// skipped with a reason; a capability that no passed group proves fails the run.
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, conformance.Subject{
//			Name:  "example against Example 4.2",
//			Open:  func(t conformance.T) provider.Provider { return open(t) },
//			Fresh: func(t conformance.T) provider.ZoneRef { return newZone(t) },
//		})
//	}
//
// Memory is a correct provider in memory: the suite's own measure, and a model for adapters.
package conformance
