// Package provider holds the contract between zonecast and one account at a DNS service: what a
// service can hold (Capabilities), what was seen there (Snapshot), what is to be changed
// (ChangeSet), what became of it (Receipt), the kinds of errors, and the registry of adapters.
//
// Adapters live in providers/NAME and register themselves from init, as drivers do for
// database/sql; third parties add one in their own module the same way:
//
//	func init() {
//		provider.Register(provider.Driver{
//			Name:    "example",
//			Options: []provider.Option{{Name: "token", Required: true, Secret: true, Help: "API token"}},
//			Open:    func(c provider.Config) (provider.Provider, error) { … },
//		})
//	}
//
// Reading flows up (Read gives a Snapshot), writing flows down (Write takes the Snapshot that a
// plan was computed from and a ChangeSet). An adapter never decides what should be in a zone,
// never retries on its own account beyond what httpkit does, and never guesses an outcome.
package provider
