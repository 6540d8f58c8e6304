package zonefile

import (
	"strings"

	"github.com/zonecast/zonecast/zone/rdata"
)

// maxTokens bounds one entry: TXT RDATA of the greatest length can hold 65535 empty strings.
const maxTokens = 70000

// A scanner cuts a master file into entries: one line, or several within parentheses.
type scanner struct {
	text string
	pos  int
	line int // of pos, from 1
	bol  int // offset where that line begins

	// The entry read last.
	toks    []rdata.Token
	at      []spot // of each token
	off     []int  // offset of each token, quotes included
	blank   bool   // it begins with a blank, so that its owner is that of the entry before
	start   int    // offset of its first line
	first   int    // number of that line
	end     int    // offset behind its last line break
	comment string // its last comment, without ";"

	fault    string // why the entry cannot be used; "" when it can
	faultAt  spot
	faultFix string

	room *room   // that toks, at and off come from
	more *window // where the text goes on; nil: nowhere
	cut  bool    // the end of the text was met within the entry
}

// A spot is a place in the scanner's text.
type spot struct{ line, col uint32 }

func (s *scanner) here(pos int) spot { return spot{uint32(s.line), uint32(pos - s.bol + 1)} }

// stop has the characters that end a word or need a closer look.
var stop = [256]bool{
	' ': true, '\t': true, '\r': true, '\n': true, '(': true, ')': true, ';': true, '"': true, '\\': true, 0: true,
}

func newScanner(text string) *scanner {
	return &scanner{text: strings.TrimPrefix(text, "\uFEFF"), line: 1}
}

// next reads the next entry that has tokens or a fault; false at the end of the file.
func (s *scanner) next() bool {
	for s.pos < len(s.text) || s.more != nil {
		if s.pos == len(s.text) {
			s.more.load(s)
			continue
		}
		s.toks, s.at, s.off = s.toks[:0], s.at[:0], s.off[:0]
		s.fault, s.faultFix, s.comment, s.cut = "", "", "", false
		s.start, s.first = s.pos, s.line
		c := s.text[s.pos]
		s.blank = c == ' ' || c == '\t'
		bol := s.bol
		s.entry()
		if s.cut && s.more != nil { // once more, with more text
			s.pos, s.line, s.bol = s.start, s.first, bol
			s.more.load(s)
			continue
		}
		s.end = s.pos
		if len(s.toks) > 0 || s.fault != "" {
			return true
		}
	}
	return false
}

// entry reads to the end of the entry and leaves pos behind its line break.
func (s *scanner) entry() {
	depth := 0
	var open spot
	var resume struct{ pos, line, bol int } // where to go on when a parenthesis is never closed
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case ' ', '\t', '\r':
			s.pos++
		case '\n':
			s.newline()
			if depth == 0 {
				return
			}
			if resume.line == 0 {
				resume.pos, resume.line, resume.bol = s.pos, s.line, s.bol
			}
		case ';':
			s.skipComment()
		case '(':
			if depth == 0 {
				open = s.here(s.pos)
				resume.line = 0
			}
			depth++
			s.pos++
		case ')':
			if depth == 0 {
				s.fail(s.here(s.pos), `")" closes no parenthesis`, `delete it`)
				return
			}
			depth--
			s.pos++
		case '"':
			if !s.quoted() {
				return
			}
		default:
			if !s.word() {
				return
			}
		}
		if len(s.toks) > maxTokens {
			break
		}
	}
	s.cut = s.pos >= len(s.text)
	if depth > 0 || len(s.toks) > maxTokens {
		if resume.line > 0 {
			s.pos, s.line, s.bol = resume.pos, resume.line, resume.bol
		}
		if depth > 0 {
			s.faultAt, s.fault, s.faultFix = open, `"(" is not closed`, `add ")"`
		} else {
			s.fail(s.here(s.pos), "entry is too long", "")
		}
	}
}

func (s *scanner) newline() {
	s.pos++
	s.line++
	s.bol = s.pos
}

func (s *scanner) skipComment() {
	n := strings.IndexByte(s.text[s.pos:], '\n')
	if n < 0 {
		n = len(s.text) - s.pos
	}
	s.comment = s.text[s.pos+1 : s.pos+n]
	s.pos += n
}

// fail gives up the entry and goes on after the line where it went wrong.
func (s *scanner) fail(at spot, text, fix string) {
	s.fault, s.faultAt, s.faultFix = text, at, fix
	if n := strings.IndexByte(s.text[s.pos:], '\n'); n >= 0 {
		s.pos += n
		s.newline()
	} else {
		s.pos, s.cut = len(s.text), true
	}
}

// maxToken bounds a word: the longest RDATA is 65,535 octets, each written as \DDD.
const maxToken = 4 * 65535

const tooLong = "a word of more than 262140 characters is longer than any RDATA"

// word reads an unquoted token.
func (s *scanner) word() bool {
	start := s.pos
	i := start
	for ; i < len(s.text); i++ {
		c := s.text[i]
		if !stop[c] {
			continue
		}
		if c == '\\' && i+1 < len(s.text) && s.text[i+1] != '\n' {
			i++
			continue
		}
		if c == '"' && i > start && s.text[i-1] == '=' { // alpn="h2,h3"
			end, ok := s.quoteEnd(i + 1)
			if !ok {
				return false
			}
			i = end
			continue
		}
		if i-start > maxToken {
			break
		}
		if c == 0 || c == '\\' {
			s.pos = i
			what := "a backslash at the end of the line escapes nothing"
			if c == 0 {
				what = "a zero byte cannot stand in a zone file"
			}
			s.fail(s.here(i), what, "")
			return false
		}
		break
	}
	if i-start > maxToken {
		s.fail(s.here(start), tooLong, "is this a zone file?")
		return false
	}
	s.toks = append(s.toks, rdata.Token{Text: s.text[start:i]})
	s.at = append(s.at, s.here(start))
	s.off = append(s.off, start)
	s.pos = i
	return true
}

// quoted reads a quoted string.
func (s *scanner) quoted() bool {
	end, ok := s.quoteEnd(s.pos + 1)
	if !ok {
		return false
	}
	if end-s.pos > maxToken {
		s.fail(s.here(s.pos), tooLong, "is this a zone file?")
		return false
	}
	s.toks = append(s.toks, rdata.Token{Text: s.text[s.pos+1 : end], Quoted: true})
	s.at = append(s.at, s.here(s.pos))
	s.off = append(s.off, s.pos)
	s.pos = end + 1
	return true
}

// quoteEnd finds the closing quote on the same line.
func (s *scanner) quoteEnd(i int) (int, bool) {
	begin := i - 1
	for ; i < len(s.text); i++ {
		switch s.text[i] {
		case '"':
			return i, true
		case '\\':
			if i+1 < len(s.text) && s.text[i+1] != '\n' {
				i++
			}
		case '\n':
			s.pos = begin
			s.fail(s.here(begin), "quoted string does not end on its line", `add the closing "`)
			return 0, false
		}
	}
	s.pos = begin
	s.fail(s.here(begin), "quoted string does not end", `add the closing "`)
	return 0, false
}
