// Package google keeps zones in managed zones of Google Cloud DNS
// (https://cloud.google.com/dns/docs/reference/rest/v1), through Google's own client library.
//
// Every change of an RRset goes as a deletion of the exact old set and an addition of the new one,
// in one change of the service. Cloud DNS carries out a change wholly or not at all, refuses a
// deletion that does not match what it holds to the letter (the order of values included), and an
// addition of what exists: that is the compare-and-set of this adapter. Sets that the service holds
// in other words or in another order than this adapter would write them are remembered from Read; a
// Write from a saved plan reads them again when the service says that they do not match.
//
// Sets with a routing policy (weighted, by region, primary and backup) are foreign: shown, never
// written, never deleted. The SOA belongs to the service; its serial number is not counted up.
//
// A project may hold several managed zones of one name; the ID of a reference tells them apart.
// Tokens are fetched by the first call, with the same transport as everything else.
//
//	p, err := google.Open(provider.Config{ID: "gcp", Values: map[string]provider.Value{
//		"project": {Text: "my-project"}, "credentials_file": {Text: "key.json"},
//	}})
package google
