// Package view shows plans and findings: as text for terminals, as JSON, as Markdown for pull
// requests, as one HTML page, and in the formats of octoDNS's plan outputs.
//
// In flow plans, out flows text to a writer. A view decides nothing: what is shown is what the plan
// holds. Colour never carries meaning alone: "+", "~" and "-" say what happens, [-old-] and [+new+]
// what changes inside a value. Only what changes is shown. Targets of one zone with the same
// changes are shown once.
//
//	view.Text(os.Stdout, plans, view.Style{Colour: true, Width: 100})
//
// Text from elsewhere is made harmless before it is printed: control characters are escaped in
// text, and markup is in Markdown and HTML.
package view
