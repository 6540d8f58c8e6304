package socket

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// Inherited is a socket that somebody else has opened and bound, such as systemd (socket
// activation). It stays open for whoever comes next: over UDP it is read by one thread, one datagram
// a call, and bound to one address rather than all, since answers leave from the address that the
// system chooses.
type Inherited struct {
	Service Service
	File    *os.File // Listen leaves it open
}

// inherit takes a socket over.
func (s *Server) inherit(i Inherited) error {
	l, err := net.FileListener(i.File)
	if err == nil {
		if i.Service.secure() && s.o.Certificates == nil {
			return errors.Join(fmt.Errorf("%s at %s needs a certificate", i.Service, l.Addr()), l.Close())
		}
		if i.Service == DoQ || i.Service == DoH3 {
			return errors.Join(fmt.Errorf("%s was handed over for %s and is no socket of UDP", i.File.Name(), i.Service), l.Close())
		}
		s.doors = append(s.doors, &door{i.Service, l})
		s.bound = append(s.bound, Endpoint{i.Service, addrPort(l.Addr())})
		return nil
	}
	c, err := net.FilePacketConn(i.File)
	if err != nil {
		return fmt.Errorf("%s was handed over and is no socket that listens: %w", i.File.Name(), cause(err))
	}
	conn, ok := c.(*net.UDPConn)
	if ok && (i.Service == DoQ || i.Service == DoH3) {
		if s.o.Certificates == nil {
			return errors.Join(fmt.Errorf("%s at %s needs a certificate", i.Service, c.LocalAddr()), c.Close())
		}
		s.addQUIC(i.Service, conn)
		return nil
	}
	if !ok || i.Service != DNS {
		return errors.Join(fmt.Errorf("%s was handed over for %s and is a socket of %T", i.File.Name(), i.Service, c), c.Close())
	}
	s.packets = append(s.packets, newPortable(conn, &s.o))
	s.bound = append(s.bound, Endpoint{DNS, addrPort(conn.LocalAddr())})
	return nil
}
