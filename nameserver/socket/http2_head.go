package socket

import (
	"bytes"
	"slices"
	"strconv"

	"golang.org/x/net/http2/hpack"
)

// h2Known is how many headers are kept.
const h2Known = 32

// goodHead begins the headers of an answer. They are few different ones: once the client's table has
// all their fields, the same octets say them each time.
func (h *h2) goodHead(fresh uint32) {
	h.block.Reset()
	if known, ok := h.known[fresh]; ok {
		h.block.Write(known)
		return
	}
	h.write(":status", "200")
	h.write("content-type", messageType)
	if h.web.altSvc != "" {
		h.write("alt-svc", h.web.altSvc)
	}
	h.write("cache-control", "max-age="+strconv.FormatUint(uint64(fresh), 10))
	fields := 3
	if h.web.altSvc != "" {
		fields++
	}
	if !references(h.block.Bytes(), fields) {
		clear(h.known) // the table has changed, and with it what octets mean
		return
	}
	if len(h.known) >= h2Known {
		clear(h.known)
	}
	if h.known == nil {
		h.known = map[uint32][]byte{}
	}
	h.known[fresh] = bytes.Clone(h.block.Bytes())
}

// references reports whether headers are all one octet long, and so nothing but references to fields
// that the table has (RFC 7541, section 6.1).
func references(block []byte, fields int) bool {
	return len(block) == fields && !slices.ContainsFunc(block, func(b byte) bool { return b < 0x80 || b == 0xff })
}

// write adds a header to the answer's.
func (h *h2) write(name, value string) {
	_ = h.encode.WriteField(hpack.HeaderField{Name: name, Value: value}) // a buffer takes all
}

// lengthHead adds the length: dig takes no answer without it. Lengths vary and would only fill the
// table, so that this is a literal that is never indexed, whose name is entry 28 of the static table.
func (h *h2) lengthHead(n int) {
	b := strconv.AppendInt(append(h.length[:0], 0x1f, 28-15, 0), int64(n), 10)
	b[2] = byte(len(b) - 3)
	h.block.Write(b)
}
