// Package archtest keeps the architecture true: its test lists the imports of
// every package of the module and compares them with the order of the rooms.
//
// A room is a top-level folder. Rooms stand in one order, and a package imports
// only from rooms that stand before its own:
//
//	finding zone wire steering provider providers source config shape plan
//	apply conformance dnssec nameserver monitor store control web sandbox
//
// cmd, bench and e2e may import everything and are imported by nobody; internal
// is open to all and knows no room but finding and zone. What is made for tests
// alone (forTests in rules.go) is imported by nothing else. Some doors are closed
// beyond that order; each has its reason in rules.go, and the reason is what the
// test prints.
//
// The linter has the same order (depguard in .golangci.yml), so that an editor
// shows a wrong import while it is typed. This test is the exact one: it knows
// test files, packages that build only elsewhere, and siblings.
package archtest
