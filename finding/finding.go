package finding

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Severity says how much a finding matters. The zero Severity is Info.
type Severity uint8

const (
	Info    Severity = iota // worth knowing; never changes an exit code
	Warning                 // probably not what was meant; an error under --strict
	Error                   // cannot be used as it stands
)

// String returns "info", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case Warning:
		return "warning"
	case Error:
		return "error"
	default:
		return "info"
	}
}

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Severity) UnmarshalText(b []byte) error {
	switch string(b) {
	case "info":
		*s = Info
	case "warning":
		*s = Warning
	case "error":
		*s = Error
	default:
		return fmt.Errorf("severity %q is unknown; write info, warning or error", b)
	}
	return nil
}

// A Place is where something was written. Line and Col count from 1; zero means unknown.
// File may also name something that is no file, such as "provider cloudflare".
type Place struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Col  int    `json:"col,omitempty"`
}

// IsZero reports whether nothing is known of the place.
func (p Place) IsZero() bool { return p == Place{} }

// String returns "file:line:col" without the parts that are unknown.
func (p Place) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		b.WriteString(":" + strconv.Itoa(p.Line))
		if p.Col > 0 {
			b.WriteString(":" + strconv.Itoa(p.Col))
		}
	}
	return b.String()
}

// Compare orders places by file, line and column.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Col, q.Col))
}

// A Finding is one thing that a person is told.
type Finding struct {
	ID       string   `json:"id"`                // stable, lower case with hyphens: "mx-relative"
	Severity Severity `json:"severity"`          //
	Place    Place    `json:"place,omitzero"`    // where it was written; zero when unknown
	Zone     string   `json:"zone,omitempty"`    // zone concerned, in text form; "" when none
	Subject  string   `json:"subject,omitempty"` // what it is about: "www.example.org. A", "target route53"
	Text     string   `json:"text"`              // what is wrong, one line, lower case start, no final stop
	Fix      string   `json:"fix,omitempty"`     // what to do, one line
	Related  []Place  `json:"related,omitempty"` // other places involved, such as the first definition of a duplicate
	Silenced string   `json:"silenced,omitempty"`
	// Silenced is the reason given by whoever silenced or allowed the finding; "" when it counts.
}

// String returns the finding as one line: "file:line:col: severity: text; fix [id]".
func (f Finding) String() string {
	var b strings.Builder
	if !f.Place.IsZero() {
		b.WriteString(f.Place.String() + ": ")
	}
	b.WriteString(f.Severity.String() + ": " + f.Text)
	if f.Fix != "" {
		b.WriteString("; " + f.Fix)
	}
	if f.ID != "" {
		b.WriteString(" [" + f.ID + "]")
	}
	if f.Silenced != "" {
		b.WriteString(" (silenced: " + f.Silenced + ")")
	}
	return b.String()
}

// Err returns the finding as an error.
func (f Finding) Err() error { return &Problem{Findings: []Finding{f}} }

// A Problem is an error that consists of findings.
type Problem struct{ Findings []Finding }

// Error returns one line per finding.
func (p *Problem) Error() string {
	lines := make([]string, len(p.Findings))
	for i, f := range p.Findings {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// AsError returns a *Problem with the findings that are errors and not silenced, or nil when
// there are none.
func AsError(fs []Finding) error {
	var bad []Finding
	for _, f := range fs {
		if f.Severity == Error && f.Silenced == "" {
			bad = append(bad, f)
		}
	}
	if bad == nil {
		return nil
	}
	return &Problem{Findings: bad}
}

// Of returns the findings that an error carries, or the error itself as one finding with the
// given id when it carries none. Of(nil, …) is nil.
func Of(err error, id string) []Finding {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Findings
	}
	return []Finding{{ID: id, Severity: Error, Text: err.Error()}}
}

// Worst returns the highest severity among findings that are not silenced, and false when there
// are none.
func Worst(fs []Finding) (Severity, bool) {
	worst, any := Info, false
	for _, f := range fs {
		if f.Silenced == "" {
			worst, any = max(worst, f.Severity), true
		}
	}
	return worst, any
}

// Sort orders findings by place, then severity (errors first), id and text. It is stable.
func Sort(fs []Finding) {
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Or(a.Place.Compare(b.Place), cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(a.ID, b.ID), cmp.Compare(a.Text, b.Text))
	})
}

var _ json.Marshaler = (*Problem)(nil)

// MarshalJSON writes the findings as a list.
func (p *Problem) MarshalJSON() ([]byte, error) { return json.Marshal(p.Findings) }
