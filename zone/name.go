package zone

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Name is an absolute owner name in canonical form: lower case, A-labels. The zero Name is the
// root. Names compare with ==; Compare gives canonical order (RFC 4034, section 6.1).
//
// The key holds the labels from the root downwards, each ended by a zero byte; a zero byte
// inside a label is written 01 02 and a one byte 01 03, which keeps bytewise order the same as
// canonical order and makes "is below" a prefix test.
type Name struct{ key string }

// Root is the root of the name space.
var Root Name

// Errors of names. They are wrapped with the text concerned.
var (
	ErrEmptyLabel   = errors.New("empty label")
	ErrLabelTooLong = errors.New("label is longer than 63 octets")
	ErrNameTooLong  = errors.New("name is longer than 255 octets in wire form")
	ErrBadEscape    = errors.New("bad escape")
)

// ParseName reads a name in presentation form (RFC 1035, section 5.1: \DDD and \X escapes).
// With or without a final dot it is taken as absolute; "." and "" are the root. Labels with
// non-ASCII text are converted to A-labels (IDNA 2008).
func ParseName(s string) (Name, error) { return ParseNameIn(s, Root) }

// ParseNameIn reads a name that is relative to origin unless it ends in a dot; "@" is origin.
func ParseNameIn(s string, origin Name) (Name, error) {
	switch s {
	case "", "@":
		return origin, nil
	case ".":
		return Root, nil
	}
	var stack [128]string
	labels := stack[:0]
	absolute := false
	start := 0
	escaped, wide := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			escaped = true
			i++ // whatever follows is no separator
			if i >= len(s) {
				return Name{}, fmt.Errorf("name %q: %w at its end", s, ErrBadEscape)
			}
		case c == '.':
			label, err := finishLabel(s[start:i], escaped, wide)
			if err != nil {
				return Name{}, fmt.Errorf("name %q: %w", s, err)
			}
			if len(labels) == 127 {
				return Name{}, fmt.Errorf("name %q: %w", s, ErrNameTooLong)
			}
			labels = append(labels, label)
			start, escaped, wide = i+1, false, false
			absolute = i == len(s)-1
		case c >= utf8.RuneSelf:
			wide = true
		}
	}
	if start < len(s) {
		label, err := finishLabel(s[start:], escaped, wide)
		if err != nil {
			return Name{}, fmt.Errorf("name %q: %w", s, err)
		}
		labels = append(labels, label)
	}
	base := origin
	if absolute {
		base = Root
	}
	n, err := base.join(labels)
	if err != nil {
		return Name{}, fmt.Errorf("name %q: %w", s, err)
	}
	return n, nil
}

// Names reads many names, and keeps their keys in few blocks of memory: as long as one of them is
// used, all of its block stays. The zero value is ready. It is not safe for concurrent use.
type Names struct{ block []byte }

// Blocks of Names grow from small to large.
const (
	namesFirst = 512
	namesBlock = 128 << 10
)

// Plain is ParseNameIn for names that are made of letters, digits, "-", "_" and "*" in labels and are
// of moderate length. ok is false for all others, good or bad.
func (s *Names) Plain(text string, origin Name) (n Name, ok bool) {
	base := origin.key
	if text != "" && text[len(text)-1] == '.' {
		text, base = text[:len(text)-1], ""
	}
	size := len(base) + len(text) + 1
	if text == "" || size > 254 {
		return Name{}, false
	}
	if cap(s.block)-len(s.block) < size {
		s.block = make([]byte, 0, max(size, min(2*cap(s.block), namesBlock), namesFirst))
	}
	b := s.block[len(s.block) : len(s.block)+size]
	copy(b, base)
	for end := size - 1; ; { // where the label's end goes
		dot := strings.IndexByte(text, '.')
		label := text
		if dot >= 0 {
			label = text[:dot]
		}
		if uint(len(label)-1) > 62 {
			return Name{}, false
		}
		b[end] = 0
		to := b[end-len(label) : end]
		for i := range len(label) {
			c := plainLower[label[i]]
			if c == 0 {
				return Name{}, false
			}
			to[i] = c
		}
		if dot < 0 {
			break
		}
		end -= len(label) + 1
		text = text[dot+1:]
	}
	s.block = s.block[:len(s.block)+size]
	return Name{textOf(b)}, true
}

// plainLower has the characters of plain names, in lower case.
var plainLower = func() (p [256]byte) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789-_*") {
		p[c] = c
	}
	for c := 'A'; c <= 'Z'; c++ {
		p[c] = byte(c) + 'a' - 'A'
	}
	return p
}()

// MustName is ParseName for constants; it panics on a bad name.
func MustName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// finishLabel turns the text of one label into its octets.
func finishLabel(text string, escaped, wide bool) (string, error) {
	if text == "" {
		return "", ErrEmptyLabel
	}
	if wide {
		return toALabel(text)
	}
	if escaped {
		var err error
		if text, err = unescape(text); err != nil {
			return "", err
		}
	}
	if len(text) > 63 {
		return "", fmt.Errorf("%q: %w", text, ErrLabelTooLong)
	}
	return lower(text), nil
}

func unescape(s string) (string, error) {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b = append(b, s[i])
			continue
		}
		i++
		if i >= len(s) {
			return "", ErrBadEscape
		}
		if s[i] < '0' || s[i] > '9' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) || !digit(s[i+1]) || !digit(s[i+2]) {
			return "", fmt.Errorf("%w: \\ and a digit want three digits", ErrBadEscape)
		}
		v := int(s[i]-'0')*100 + int(s[i+1]-'0')*10 + int(s[i+2]-'0')
		if v > 255 {
			return "", fmt.Errorf("%w: \\%03d is over 255", ErrBadEscape, v)
		}
		b = append(b, byte(v))
		i += 2
	}
	return string(b), nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// idnaLookup maps as browsers do (UTS 46) but keeps the four deviation characters, as IDNA 2008
// wants: straße becomes xn--strae-oqa, not strasse.
var idnaLookup = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.BidiRule())

func toALabel(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("label %q is not valid UTF-8", text)
	}
	a, err := idnaLookup.ToASCII(text)
	if err != nil {
		return "", fmt.Errorf("label %q has no IDNA form: %w", text, err)
	}
	if len(a) > 63 {
		return "", fmt.Errorf("%q (as %q): %w", text, a, ErrLabelTooLong)
	}
	if a == "" || strings.Contains(a, ".") {
		return "", fmt.Errorf("label %q has no IDNA form", text)
	}
	return lower(a), nil
}

func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= 'A' && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// join puts labels (leftmost first, canonical octets) in front of n.
func (n Name) join(labels []string) (Name, error) {
	size := n.WireLen()
	var buf [512]byte
	b := append(buf[:0], n.key...)
	for i := len(labels) - 1; i >= 0; i-- {
		size += len(labels[i]) + 1
		b = appendLabel(b, labels[i])
	}
	if size > 255 {
		return Name{}, ErrNameTooLong
	}
	return Name{string(b)}, nil
}

func appendLabel(b []byte, label string) []byte {
	for i := 0; i < len(label); i++ {
		switch c := label[i]; c {
		case 0:
			b = append(b, 1, 2)
		case 1:
			b = append(b, 1, 3)
		default:
			b = append(b, c)
		}
	}
	return append(b, 0)
}

// WireLen is the length of the name in uncompressed wire form, in octets (1 to 255).
func (n Name) WireLen() int { return len(n.key) + 1 - strings.Count(n.key, "\x01") }

// Key returns the sortable form of the name: bytewise comparison of keys is canonical order,
// and a name is at or below another exactly if its key has the other's as a prefix.
func (n Name) Key() string { return n.key }

// NameFromKey is the inverse of Key. It checks that key is one.
func NameFromKey(key string) (Name, error) {
	size, label := 1, 0
	for i := 0; i < len(key); i++ {
		switch c := key[i]; {
		case c == 0:
			if label == 0 {
				return Name{}, ErrEmptyLabel
			}
			size, label = size+label+1, 0
			continue
		case c == 1:
			i++
			if i >= len(key) || (key[i] != 2 && key[i] != 3) {
				return Name{}, ErrBadEscape
			}
		case c >= 'A' && c <= 'Z':
			return Name{}, errors.New("name key has upper case")
		}
		if label++; label > 63 {
			return Name{}, ErrLabelTooLong
		}
	}
	if label != 0 {
		return Name{}, errors.New("name key ends inside a label")
	}
	if size > 255 {
		return Name{}, ErrNameTooLong
	}
	return Name{key}, nil
}

// IsRoot reports whether n is the root.
func (n Name) IsRoot() bool { return n.key == "" }

// Compare orders names canonically (RFC 4034, section 6.1).
func (n Name) Compare(m Name) int { return strings.Compare(n.key, m.key) }

// In reports whether n is origin or below it.
func (n Name) In(origin Name) bool { return strings.HasPrefix(n.key, origin.key) }

// Below reports whether n is below origin and not origin itself.
func (n Name) Below(origin Name) bool { return len(n.key) > len(origin.key) && n.In(origin) }

// Parent returns n without its leftmost label. The parent of the root is the root.
func (n Name) Parent() Name {
	if n.key == "" {
		return n
	}
	return Name{n.key[:strings.LastIndexByte(n.key[:len(n.key)-1], 0)+1]}
}

// Labels counts the labels; the root has none.
func (n Name) Labels() int { return strings.Count(n.key, "\x00") }

// Label returns the octets of label i, counted from the left.
func (n Name) Label(i int) string {
	parts := n.split()
	return parts[len(parts)-1-i]
}

// Child returns n with one more label in front. The label is given as octets, not escaped.
func (n Name) Child(label string) (Name, error) {
	if label == "" {
		return Name{}, ErrEmptyLabel
	}
	if len(label) > 63 {
		return Name{}, fmt.Errorf("%q: %w", label, ErrLabelTooLong)
	}
	return n.join([]string{lower(label)})
}

// IsWildcard reports whether the leftmost label is a single asterisk (RFC 4592).
func (n Name) IsWildcard() bool {
	return strings.HasSuffix(n.key, "\x00*\x00") || n.key == "*\x00"
}

// split returns the labels from the root downwards, unescaped.
func (n Name) split() []string {
	if n.key == "" {
		return nil
	}
	parts := strings.Split(n.key[:len(n.key)-1], "\x00")
	if strings.IndexByte(n.key, 1) >= 0 {
		for i, p := range parts {
			parts[i] = labelUnescape.Replace(p)
		}
	}
	return parts
}

var labelUnescape = strings.NewReplacer("\x01\x02", "\x00", "\x01\x03", "\x01")

// String returns the name in presentation form with a final dot; octets that would not survive
// a zone file are escaped.
func (n Name) String() string {
	var buf [256]byte
	return string(n.AppendText(buf[:0]))
}

// AppendText appends what String returns.
func (n Name) AppendText(b []byte) []byte {
	if n.key == "" {
		return append(b, '.')
	}
	return n.appendLabels(b, 0)
}

// appendLabels writes the labels of n from the leftmost up to, not including, the part of the
// key that ends at stop; each is followed by a dot.
func (n Name) appendLabels(b []byte, stop int) []byte {
	end := len(n.key) - 1
	for end >= stop {
		start := strings.LastIndexByte(n.key[:end], 0) + 1
		b = appendPresentation(b, n.key[start:end])
		b = append(b, '.')
		end = start - 1
	}
	return b
}

func appendPresentation(b []byte, label string) []byte {
	for i := 0; i < len(label); i++ {
		c := label[i]
		if c == 1 { // escaped octet of the key
			i++
			c = label[i] - 2
			b = append(b, '\\', '0', '0', '0'+c)
			continue
		}
		switch {
		case c == '.' || c == '\\' || c == '"' || c == '(' || c == ')' || c == ';' || c == '@' || c == '$':
			b = append(b, '\\', c)
		case c < '!' || c > '~':
			b = append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		default:
			b = append(b, c)
		}
	}
	return b
}

// Relative returns the name relative to origin in presentation form, without a final dot: "@"
// for origin itself, "www" below it. A name outside origin comes back absolute.
func (n Name) Relative(origin Name) string {
	switch {
	case n == origin:
		return "@"
	case !n.In(origin):
		return n.String()
	case origin.IsRoot():
		s := n.String()
		return s[:len(s)-1]
	}
	var buf [256]byte
	b := n.appendLabels(buf[:0], len(origin.key))
	return string(b[:len(b)-1])
}

// Unicode returns the name as people read it: U-labels where an A-label has one, with a final
// dot. Labels that do not convert back to themselves stay as they are.
func (n Name) Unicode() string {
	if !strings.Contains(n.key, "xn--") {
		return n.String()
	}
	var b strings.Builder
	parts := n.split()
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteString(unicodeLabel(parts[i]))
		b.WriteByte('.')
	}
	return b.String()
}

func unicodeLabel(label string) string {
	if strings.HasPrefix(label, "xn--") {
		if u, err := idnaLookup.ToUnicode(label); err == nil && u != label {
			if back, err := toALabel(u); err == nil && back == label {
				return u
			}
		}
	}
	key := appendLabel(nil, label)
	return string(appendPresentation(nil, string(key[:len(key)-1])))
}

// AppendWire appends the uncompressed wire form (RFC 1035, section 3.1).
func (n Name) AppendWire(b []byte) []byte {
	end := len(n.key) - 1
	for end >= 0 {
		start := strings.LastIndexByte(n.key[:end], 0) + 1
		at := len(b)
		b = append(b, 0)
		for i := start; i < end; i++ {
			c := n.key[i]
			if c == 1 {
				i++
				c = n.key[i] - 2
			}
			b = append(b, c)
		}
		b[at] = byte(len(b) - at - 1)
		end = start - 1
	}
	return append(b, 0)
}

// NameFromWire reads an uncompressed name at the start of b and returns how many octets it took.
// Compression pointers are an error: they belong to messages, which package wire reads.
func NameFromWire(b []byte) (Name, int, error) {
	var starts [128]int
	count, i := 0, 0
	for {
		if i >= len(b) {
			return Name{}, 0, errors.New("name ends too early")
		}
		l := int(b[i])
		if l == 0 {
			i++
			break
		}
		if l > 63 {
			return Name{}, 0, errors.New("compression pointer or unknown label type in name")
		}
		if i+1+l >= len(b) {
			return Name{}, 0, errors.New("name ends too early")
		}
		starts[count] = i
		count++
		if i += l + 1; i > 254 {
			return Name{}, 0, ErrNameTooLong
		}
	}
	var buf [512]byte
	key := buf[:0]
	for c := count - 1; c >= 0; c-- {
		s := starts[c]
		for _, x := range b[s+1 : s+1+int(b[s])] {
			switch {
			case x <= 1:
				key = append(key, 1, x+2)
			case x >= 'A' && x <= 'Z':
				key = append(key, x+'a'-'A')
			default:
				key = append(key, x)
			}
		}
		key = append(key, 0)
	}
	return Name{string(key)}, i, nil
}

// MarshalText writes the presentation form, so that names read well in JSON.
func (n Name) MarshalText() ([]byte, error) { return n.AppendText(nil), nil }

// UnmarshalText reads the presentation form.
func (n *Name) UnmarshalText(b []byte) (err error) {
	*n, err = ParseName(string(b))
	return err
}
