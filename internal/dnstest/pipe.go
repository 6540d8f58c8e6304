package dnstest

import (
	"encoding/binary"
	"io"
	"net"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Pipe is a connection, in memory, to a server that takes one request and calls
// send for each message of its answer. On network "tcp" each message has its
// length before it, on "udp" it has none. Time in a bubble of testing/synctest
// passes for it as for everything else there.
func Pipe(network string, serve func(request []byte, send func([]byte) error)) net.Conn {
	here, there := net.Pipe()
	go func() {
		defer there.Close()
		request, err := receive(there, network)
		if err != nil {
			return
		}
		serve(request, func(m []byte) error {
			if network == "tcp" {
				m = append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)
			}
			_, err := there.Write(m)
			return err
		})
	}()
	return here
}

func receive(c net.Conn, network string) ([]byte, error) {
	if network != "tcp" {
		b := make([]byte, 65535)
		n, err := c.Read(b)
		return b[:n], err
	}
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}

// SOA answers who asks for the SOA of a zone as a primary does, and REFUSED where
// find returns nil. What is no question gets no answer.
func SOA(query []byte, find func(origin zone.Name) *zone.Zone) []byte {
	m, err := wire.Unpack(query)
	if err != nil || len(m.Questions) != 1 {
		return nil
	}
	out := &wire.Message{ID: m.ID, Response: true, Authoritative: true, Questions: m.Questions, EDNS: m.EDNS, RCODE: wire.Refused}
	if z := find(m.Questions[0].Name); z != nil {
		out.RCODE = wire.NoError
		soa, _ := z.Set(m.Questions[0].Name, zone.TypeSOA)
		out.Answers = []wire.Record{{Owner: soa.Owner, Type: soa.Type, Class: wire.ClassIN, TTL: soa.TTL, Data: soa.Data[0]}}
	}
	b, err := out.Pack()
	if err != nil {
		return nil
	}
	return b
}
