// Package lint looks for mistakes in one zone: what resolvers will refuse or answer differently
// than meant (RFC 1034, 1912, 2181, 4592, 6672, 7208, 9471).
//
// In comes a zone; out come findings, each with an id, a severity, the place where the RRset was
// written, a text and a fix. Nothing is asked over the network and nothing outside the zone is
// known: a target outside the zone is never called missing.
//
// A finding can be silenced with a reason: for a record by `octodns: {zonecast: {silence:
// {ID: reason}}}` or the Extra key "lint/silence", for a whole configuration by Options.Silence.
// Silenced findings are returned too, marked, so that they can be listed.
//
//	for _, f := range lint.Zone(z, lint.Options{Place: loaded.Place}) {
//		fmt.Println(f)
//	}
package lint
