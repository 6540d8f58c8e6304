//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strconv"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A talk is what is said over one connection. Queries are made beforehand; only their names change.
type talk interface {
	// control is what is to be said beside queries.
	control() []byte
	// ask appends queries that are sent together.
	ask(out []byte, random *rand.PCG, names int) []byte
	// answers looks at what has come, and returns how much of it is done with and how many answers
	// that was.
	answers(in []byte) (used, count int, err error)
}

// draw puts a random name into a query.
func draw(q []byte, random *rand.PCG, names int) {
	hi, _ := bits.Mul64(random.Uint64(), uint64(names))
	ask(q, int(hi))
}

// check looks at an answer.
func check(m []byte) error {
	if len(m) < 12 || m[3]&15 != 0 || m[7] == 0 {
		return fmt.Errorf("wrong answer: %x", m)
	}
	return nil
}

// framed is TCP or TLS.
type framed struct{ query []byte }

func (f *framed) control() []byte { return nil }

func (f *framed) ask(out []byte, random *rand.PCG, names int) []byte {
	if f.query == nil {
		q := queryFor(work{})
		f.query = append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)
	}
	for range atOnce {
		at := len(out)
		out = append(out, f.query...)
		draw(out[at+2:], random, names)
	}
	return out
}

func (f *framed) answers(in []byte) (used, count int, err error) {
	for len(in)-used >= 2 {
		n := int(binary.BigEndian.Uint16(in[used:]))
		if len(in)-used < 2+n {
			break
		}
		if err := check(in[used+2 : used+2+n]); err != nil {
			return 0, 0, err
		}
		used += 2 + n
		count++
	}
	return used, count, nil
}

// web is DNS over HTTPS, with no more of HTTP/2 than that needs: net/http would cost more than the
// servers. Headers are the same each time, so that all but the first are references to the table.
type web struct {
	first, rest []byte // HEADERS and DATA of a request
	query       int    // octets of a query
	stream      uint32
	said        []byte
	unread      uint32 // octets that the server was not yet told to be read
}

const frameHead = 9

func newHTTP() *web {
	h := &web{stream: 1}
	var block, out bytes.Buffer
	encode := hpack.NewEncoder(&block)
	q := queryFor(work{})
	request := func() []byte {
		block.Reset()
		for _, f := range [...]hpack.HeaderField{
			{Name: ":method", Value: "POST"},
			{Name: ":scheme", Value: "https"},
			{Name: ":authority", Value: "127.0.0.1"},
			{Name: ":path", Value: "/dns-query"},
			{Name: "content-type", Value: "application/dns-message"},
			{Name: "accept", Value: "application/dns-message"},
			{Name: "content-length", Value: strconv.Itoa(len(q))},
		} {
			_ = encode.WriteField(f) // a buffer takes all
		}
		out.Reset()
		f := http2.NewFramer(&out, nil)
		_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true})
		_ = f.WriteData(1, true, q)
		return bytes.Clone(out.Bytes())
	}
	h.first, h.rest, h.query = request(), request(), len(q)
	out.Reset()
	out.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&out, nil)
	_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
	_ = f.WriteWindowUpdate(0, 1<<28)
	h.said = bytes.Clone(out.Bytes())
	return h
}

func (h *web) control() []byte {
	if h.unread > 1<<24 {
		h.said = append(h.said, 0, 0, 4, byte(http2.FrameWindowUpdate), 0, 0, 0, 0, 0)
		h.said = binary.BigEndian.AppendUint32(h.said, h.unread)
		h.unread = 0
	}
	out := h.said
	h.said = h.said[:0:0]
	return out
}

func (h *web) ask(out []byte, random *rand.PCG, names int) []byte {
	for range atOnce {
		at, request := len(out), h.rest
		if h.stream == 1 {
			request = h.first
		}
		out = append(out, request...)
		end := len(out) - h.query
		binary.BigEndian.PutUint32(out[at+5:], h.stream)
		binary.BigEndian.PutUint32(out[end-4:], h.stream)
		draw(out[end:], random, names)
		h.stream += 2
	}
	return out
}

func (h *web) answers(in []byte) (used, count int, err error) {
	for len(in)-used >= frameHead {
		f := in[used:]
		n := int(f[0])<<16 | int(f[1])<<8 | int(f[2])
		if len(f) < frameHead+n {
			break
		}
		kind, ends, body := http2.FrameType(f[3]), f[4]&1 != 0, f[frameHead:frameHead+n]
		used += frameHead + n
		switch kind {
		case http2.FrameData:
			h.unread += uint32(n)
			if n > 0 { // answers are small: they come in one frame
				if err := check(body); err != nil {
					return 0, 0, err
				}
			}
			if ends {
				count++
			}
		case http2.FrameHeaders:
			if ends {
				return 0, 0, errors.New("an answer without a body")
			}
		case http2.FrameSettings, http2.FramePing:
			if !ends { // the flag is that of an acknowledgement
				h.said = append(h.said, 0, 0, 0, byte(kind), 1, 0, 0, 0, 0)
				if kind == http2.FramePing {
					h.said[len(h.said)-frameHead+2] = byte(n)
					h.said = append(h.said, body...)
				}
			}
		case http2.FrameGoAway, http2.FrameRSTStream:
			return 0, 0, fmt.Errorf("the server ends it: %x", f[:frameHead+n])
		}
	}
	return used, count, nil
}
