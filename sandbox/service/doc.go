// Package service holds what every emulated provider has in common: knobs that make it slow,
// throttled, faulty or dark, the front that applies them to its API, and the zones that its name
// servers show.
//
// An emulation is a package beside this one. It is written from the provider's public
// documentation, checks requests as the real service does, and refuses what that refuses; it knows
// nothing of zonecast's adapter. In go HTTP requests, out come HTTP answers, and after each
// accepted change a zone to Names, which the name servers (package names) answer from.
//
//	type Service struct { panel *service.Panel; names *service.Names; … }
//
//	func New(o Options) *Service {
//		s := &Service{panel: o.Panel, …}
//		s.names = service.NewNames(o.Panel)
//		s.handler = service.Front(mux, o.Panel, service.Refusals{Throttled: …, Unavailable: …})
//		return s
//	}
//
// It never looks at what an adapter expects, never talks to the Internet, and keeps all state in
// memory.
package service
