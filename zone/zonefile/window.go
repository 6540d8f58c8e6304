package zonefile

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// windowSize is how much of a large file is in memory, unless an entry is longer. It is no less than
// OriginOf looks at.
const windowSize = 1 << 20

// A window is the part of a file that is in memory.
type window struct {
	p   *parser
	r   io.Reader
	buf []byte
	err error // of reading
}

// load drops what the scanner has read and reads more behind the rest. At the end of the file it
// takes itself away from the scanner.
func (w *window) load(s *scanner) {
	w.p.ownerText = strings.Clone(w.p.ownerText) // the only text that is kept from entry to entry
	rest := copy(w.buf, s.text[s.pos:])
	if rest > len(w.buf)/2 {
		w.buf = append(w.buf, make([]byte, len(w.buf))...)
	}
	n, err := io.ReadFull(w.r, w.buf[rest:])
	if err != nil {
		s.more = nil
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			w.err, w.p.stopped = err, true
		}
	}
	s.text = textOf(w.buf[:rest+n])
	s.bol -= s.pos
	s.pos = 0
}

// sizeOf tells where a file is and how much follows there.
func sizeOf(s io.Seeker) (from, size int64, ok bool) {
	from, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, 0, false
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, 0, false
	}
	_, err = s.Seek(from, io.SeekStart)
	return from, end - from, err == nil
}

// readWindows is Parse for a file that is read in parts.
func readWindows(r io.ReadSeeker, from, size int64, opt Options, part int) (*Result, error) {
	buf := make([]byte, part)
	for whole := false; ; whole = true {
		failed := func(err error) (*Result, error) {
			return &Result{Place: noPlace}, fmt.Errorf("%s: %w", opt.File, err)
		}
		if _, err := r.Seek(from, io.SeekStart); err != nil {
			return failed(err)
		}
		w := &window{r: io.LimitReader(r, size), buf: buf}
		n, err := io.ReadFull(w.r, w.buf)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return failed(err)
		}
		p := newParser(w.buf[:n], opt)
		p.whole = p.whole || whole
		w.p = p
		if p.fits(int(min(size, int64(p.opt.MaxBytes)+1))) {
			s := newScanner(textOf(w.buf[:n]))
			if err == nil {
				s.more = w
			}
			p.scan(s)
		}
		if w.err != nil {
			return failed(w.err)
		}
		if p.finish() || whole {
			return p.result()
		}
	}
}
