package zonefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

func (p *parser) directive(s *scanner) {
	toks := s.toks
	word := strings.ToUpper(toks[0].Text)
	if len(toks) == 1 {
		p.errorAt(s.at[0], "zonefile-directive", fmt.Sprintf("%s has no value", clip(toks[0].Text)), "")
		return
	}
	switch word {
	case "$ORIGIN":
		n, err := p.name(toks[1].Text)
		if err != nil {
			p.errorAt(s.at[1], "zonefile-name", "$ORIGIN "+err.Error(), p.nameFix(err))
			return
		}
		p.setOrigin(n)
	case "$TTL":
		v, ok := rdata.ParseTTL(toks[1].Text)
		if !ok || v > math.MaxInt32 {
			p.errorAt(s.at[1], "zonefile-ttl", fmt.Sprintf("$TTL %s is no time from 0 to %d seconds", clip(toks[1].Text), math.MaxInt32), "write seconds, or units as in 1h30m")
			return
		}
		p.defaultTTL, p.hasDefaultTTL = v, true
	case "$INCLUDE":
		p.include(s)
	case "$GENERATE":
		p.generate(s)
	default:
		p.errorAt(s.at[0], "zonefile-directive", fmt.Sprintf("directive %s is unknown", clip(toks[0].Text)), "known are $ORIGIN, $TTL, $INCLUDE and $GENERATE")
		return
	}
	if max := map[string]int{"$ORIGIN": 2, "$TTL": 2, "$INCLUDE": 3}[word]; max > 0 && len(toks) > max {
		p.errorAt(s.at[max], "zonefile-directive", fmt.Sprintf("%s is followed by %s, which has no meaning there", word, clip(toks[max].Text)), "")
	}
}

// include reads another file in place (RFC 1035, section 5.1). Origin and owner are as before
// afterwards.
func (p *parser) include(s *scanner) {
	name := s.toks[1].Text
	fail := func(why, fix string) {
		p.errorAt(s.at[1], "zonefile-include", fmt.Sprintf("$INCLUDE %s: %s", clip(name), why), fix)
	}
	if p.opt.Root == nil {
		fail("there is no folder to include from here", "put the records into this file")
		return
	}
	if p.includes++; p.includes > p.opt.MaxIncludes {
		p.stopped = true
		fail(fmt.Sprintf("more than %d files are included", p.opt.MaxIncludes), "")
		return
	}
	origin := p.origin
	if len(s.toks) > 2 {
		n, err := p.name(s.toks[2].Text)
		if err != nil {
			p.errorAt(s.at[2], "zonefile-name", "$INCLUDE origin "+err.Error(), p.nameFix(err))
			return
		}
		origin = n
	}
	file, text, err := p.openInclude(name)
	if err != nil {
		fail(err.Error(), "included files must be inside the zone's folder")
		return
	}
	if slices.Contains(p.open, file) || len(p.open) >= maxIncludeDepth || path.Base(p.opt.File) == file && len(p.open) == 1 {
		fail("the file includes itself", "")
		return
	}
	saved := *p
	p.fileNo = uint16(len(p.files))
	p.files = append(p.files, path.Join(path.Dir(p.opt.File), file))
	p.open = append(slices.Clone(p.open), file)
	if p.hasOrigin || len(s.toks) > 2 {
		p.setOrigin(origin)
	}
	keep := p.keep
	p.keep = nil
	p.file(text)
	p.keep = keep
	p.fileNo, p.open = saved.fileNo, saved.open
	p.origin, p.hasOrigin = saved.origin, saved.hasOrigin
	p.owner, p.hasOwner, p.ownerText = saved.owner, saved.hasOwner, saved.ownerText
}

// openInclude looks for the file in the folder, then beside the file that includes it.
func (p *parser) openInclude(name string) (file, text string, err error) {
	if path.IsAbs(name) || strings.ContainsAny(name, "\\\x00") {
		return "", "", errors.New("the path is not relative to the zone's folder")
	}
	beside := path.Join(path.Dir(p.open[len(p.open)-1]), name)
	for _, file = range []string{path.Clean(name), beside} {
		if !fs.ValidPath(file) {
			return "", "", errors.New("the path leaves the zone's folder")
		}
		f, openErr := p.opt.Root.Open(file)
		if openErr != nil {
			if errors.Is(openErr, fs.ErrNotExist) {
				err = errors.New("the file does not exist")
				if len(p.open) == 1 {
					break
				}
				continue
			}
			return "", "", openErr
		}
		defer func() { _ = f.Close() }()
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return "", "", errors.New("it is no regular file")
		}
		b, readErr := io.ReadAll(io.LimitReader(f, int64(p.opt.MaxBytes)+1))
		return file, string(b), readErr
	}
	return "", "", err
}

// generate expands $GENERATE start-stop[/step] owner [TTL] [class] type RDATA (BIND 9
// Administrator Reference Manual).
func (p *parser) generate(s *scanner) {
	toks := s.toks
	start, stop, step, ok := parseRange(toks[1].Text)
	if !ok {
		p.errorAt(s.at[1], "zonefile-generate", fmt.Sprintf("$GENERATE range %s is not of the form start-stop or start-stop/step", clip(toks[1].Text)), "")
		return
	}
	count := (stop-start)/step + 1
	if count > p.opt.MaxGenerate || p.generated+count > maxGenerateTotal {
		p.errorAt(s.at[1], "zonefile-generate", fmt.Sprintf("$GENERATE makes %d records; the most is %d, and %d in the zone", count, p.opt.MaxGenerate, maxGenerateTotal), "")
		return
	}
	p.generated += count
	if len(toks) < 4 {
		p.errorAt(s.at[0], "zonefile-generate", "$GENERATE needs range, owner, type and data", "")
		return
	}
	h, ok := p.header(s, toks[3:], s.at[3:])
	if !ok {
		return
	}
	rhs := toks[3+h.used:]
	for v := start; v <= stop; v += step {
		if !p.generateOne(s, h, toks[2], rhs, v) {
			return // one message for the directive is enough
		}
	}
}

func (p *parser) generateOne(s *scanner, h header, lhs rdata.Token, rhs []rdata.Token, v int) bool {
	owner, err := expand(lhs.Text, v)
	if err != nil {
		p.errorAt(s.at[2], "zonefile-generate", fmt.Sprintf("$GENERATE owner %s: %v", clip(lhs.Text), err), "")
		return false
	}
	if !p.setOwner(rdata.Token{Text: owner}, s.at[2]) {
		return false
	}
	var toks []rdata.Token
	for i, tok := range rhs {
		text, err := expand(tok.Text, v)
		if err != nil {
			p.errorAt(s.at[len(s.at)-len(rhs)+i], "zonefile-generate", fmt.Sprintf("$GENERATE data %s: %v", clip(tok.Text), err), "")
			return false
		}
		// BIND takes the right side as one token, so data with blanks is quoted there: "10 mail$".
		if tok.Quoted && len(rhs) == 1 && h.typ != zone.TypeTXT && h.typ != zone.TypeSPF {
			if toks, err = rdata.Split(text); err != nil {
				p.errorAt(s.at[len(s.at)-1], "zonefile-generate", "$GENERATE data: "+err.Error(), "")
				return false
			}
			break
		}
		toks = append(toks, rdata.Token{Text: text, Quoted: tok.Quoted})
	}
	data, err := p.pack(h.typ, toks)
	if err != nil {
		p.errorAt(s.at[0], "zonefile-generate", fmt.Sprintf("$GENERATE %d: %v", v, err), "")
		return false
	}
	ttl, ok := p.ttl(h, data)
	if !ok {
		p.errorAt(s.at[0], "zonefile-ttl", "$GENERATE has no TTL, and neither $TTL nor a record above gives one", "put $TTL 3600 at the top of the file")
		return false
	}
	p.add(h.typ, ttl, data, s.at[0])
	return true
}

func parseRange(s string) (start, stop, step int, ok bool) {
	step = 1
	span, by, hasStep := strings.Cut(s, "/")
	from, to, ok := strings.Cut(span, "-")
	var errs [3]error
	start, errs[0] = strconv.Atoi(from)
	stop, errs[1] = strconv.Atoi(to)
	if hasStep {
		step, errs[2] = strconv.Atoi(by)
	}
	ok = ok && errors.Join(errs[:]...) == nil && start >= 0 && start <= stop && stop <= math.MaxInt32 && step > 0 && step <= math.MaxInt32
	return start, stop, step, ok
}

// expand replaces $ and ${offset[,width[,base]]} by the number; \$ and $$ stand for a dollar sign.
func expand(s string, v int) (string, error) {
	if strings.IndexByte(s, '$') < 0 {
		return s, nil
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			b = append(b, s[i], s[i+1])
			i++
		case s[i] != '$':
			b = append(b, s[i])
		case i+1 < len(s) && s[i+1] == '$':
			b = append(b, '\\', '$')
			i++
		case i+1 < len(s) && s[i+1] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return "", errors.New(`"${" is not closed`)
			}
			var err error
			if b, err = appendModified(b, s[i+2:i+end], v); err != nil {
				return "", err
			}
			i += end
		default:
			b = strconv.AppendInt(b, int64(v), 10)
		}
		if len(b) > rdata.MaxLen {
			return "", errors.New("the text becomes too long")
		}
	}
	return string(b), nil
}

func appendModified(b []byte, mod string, v int) ([]byte, error) {
	parts := strings.Split(mod, ",")
	bad := fmt.Errorf("${%s} is not of the form ${offset,width,base} with base d, o, x, X, n or N", mod)
	if len(parts) > 3 {
		return b, bad
	}
	offset, err := strconv.Atoi(parts[0])
	width, base := 0, "d"
	if len(parts) > 1 && err == nil {
		width, err = strconv.Atoi(parts[1])
	}
	if len(parts) > 2 {
		base = parts[2]
	}
	if err != nil || width < 0 || width > 255 || offset < -math.MaxInt32 || offset > math.MaxInt32 {
		return b, bad
	}
	if v += offset; v < 0 {
		return b, fmt.Errorf("${%s} gives the negative number %d", mod, v)
	}
	switch base {
	case "d", "o", "x", "X":
		return fmt.Appendf(b, "%0*"+base, width, v), nil
	case "n", "N":
		digits := "0123456789abcdef"
		if base == "N" {
			digits = "0123456789ABCDEF"
		}
		for { // width counts the dots too
			b = append(b, digits[v&15])
			v >>= 4
			width--
			if v == 0 && width <= 0 {
				return b, nil
			}
			b = append(b, '.')
			width--
			if v == 0 && width <= 0 {
				return b, nil
			}
		}
	}
	return b, bad
}

func clip(s string) string { return strconv.Quote(short(s)) }
