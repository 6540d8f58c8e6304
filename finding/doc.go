// Package finding holds the one type for everything that zonecast tells a person about what
// they wrote or what a plan would do: validation results, parse errors with a place, objections
// of guards, losses of a translation.
//
// A Finding has a stable id (to look it up in the documentation, to silence it, to allow it
// once), a severity, a place where one is known, a text that says what is wrong, and a fix that
// says what to do. Rooms return findings as data; only the commands print them.
//
// The package depends on nothing, and everything may depend on it.
//
//	f := finding.Finding{
//		ID:       "mx-relative",
//		Severity: finding.Error,
//		Place:    finding.Place{File: "zones/example.org.yaml", Line: 14, Col: 9},
//		Text:     `MX exchange "mail" is relative`,
//		Fix:      `write "mail.example.org."`,
//	}
//	fmt.Println(f) // zones/example.org.yaml:14:9: error: MX exchange "mail" is relative; write "mail.example.org." [mx-relative]
package finding
