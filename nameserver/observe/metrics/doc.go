// Package metrics shows how a name server is, for Prometheus.
//
// A Source says where the figures come from: functions that the parts of a running server have anyway.
// They are called when somebody asks, and never in the way of an answer. What is nil is left out.
//
//	page := metrics.New(metrics.Source{Engine: engine.Counts, Sockets: sockets.Counters, Observer: observer})
//	mux.Handle("GET /metrics", page.Handler())
//
// How many lines the page has is bounded, whatever is served: zones have lines of their own only when
// they are among those that are asked most (observe.Options.TopZones) or are in trouble
// (Source.Troubled). All names begin with zonecast_, but for go_ and process_, which all programs in Go
// have alike.
//
// The metrics are in a registry of their own: a program that uses this package keeps its own page.
package metrics
