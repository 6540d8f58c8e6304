package yaml11

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// Bytes returns the file with all edits.
func (d *Doc) Bytes() []byte {
	d.settle()
	var b bytes.Buffer
	if d.bom {
		b.WriteString("\xef\xbb\xbf")
	}
	header := d.header
	if slices.ContainsFunc(d.parts, func(p *part) bool { return p.changed }) {
		header = openHeader(header)
	}
	b.WriteString(header)
	gap, live := "", 0
	for _, p := range d.parts {
		gap = joinGaps(gap, p.gap, live == 0 && gap == "" && p != d.parts[0])
		if p.deleted {
			continue
		}
		endLine(&b)
		b.WriteString(gap)
		b.WriteString(p.lead)
		b.WriteString(p.body)
		gap = ""
		live++
	}
	if strings.TrimSpace(gap) == "" { // stood above an entry that was the last
		gap = ""
	}
	if rest := joinGaps(gap, d.tail, false); rest != "" {
		endLine(&b)
		b.WriteString(rest)
	}
	if d.open && live > 0 && gap == "" && strings.TrimSpace(d.tail) == "" && !d.lastIsBlock() {
		b.Truncate(len(bytes.TrimRight(b.Bytes(), "\n")))
	}
	if d.crlf {
		return bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte("\r\n"))
	}
	return b.Bytes()
}

// keepsLineEnd is the header of a block scalar whose last line end counts.
var keepsLineEnd = regexp.MustCompile(`(?m)(^|[ ])[|>][0-9+]*( +#.*| *)$`)

// lastIsBlock reports whether the last entry may end in a block scalar, to
// which the last line end belongs.
func (d *Doc) lastIsBlock() bool {
	for _, p := range slices.Backward(d.parts) {
		if !p.deleted {
			return keepsLineEnd.MatchString(p.body)
		}
	}
	return true
}

func endLine(b *bytes.Buffer) {
	if n := b.Len(); n > 0 && b.Bytes()[n-1] != '\n' && !bytes.Equal(b.Bytes(), []byte("\xef\xbb\xbf")) {
		b.WriteByte('\n')
	}
}

// joinGaps joins what stood above a deleted entry to what stands below it,
// without doubling blank lines. first: nothing at all is left above.
func joinGaps(above, below string, first bool) string {
	if above == "\n" || strings.HasSuffix(above, "\n\n") || first && above == "" {
		below = strings.TrimLeft(below, "\n")
	}
	return above + below
}

// openHeader drops the {} of a mapping that was empty and no longer is.
func openHeader(header string) string {
	lines := strings.SplitAfter(header, "\n")
	for i, s := range lines {
		content := strings.TrimSpace(s)
		switch {
		case content == "{}":
			lines[i] = ""
		case strings.HasPrefix(s, "---") && strings.TrimSpace(s[3:]) == "{}":
			lines[i] = "---\n"
		}
	}
	return strings.Join(lines, "")
}
