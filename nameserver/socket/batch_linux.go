//go:build amd64 || arm64

package socket

import (
	"context"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	// perCall is how many datagrams one call takes and sends. From 16 on it makes no difference.
	perCall = 64
	// room is for one datagram. It is no power of two, so that the beginnings of datagrams, which
	// is all that most have, do not compete for the same lines of the processor's cache.
	room = MaxDatagram + 192
	// proxyRoom is for one datagram behind a PROXY header.
	proxyRoom = room + proxyFixed + proxyMax
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr syscall.Msghdr
	len uint32
	_   [4]byte
}

// control has room for one struct cmsghdr and struct in6_pktinfo or in_pktinfo.
type control [40]byte

// batched is a UDP socket that takes and sends many datagrams a call. The socket is blocking and
// unknown to the runtime's poller, which would cost a tenth of a microsecond for each query.
type batched struct {
	fd       int
	local    netip.AddrPort
	wildcard bool // the address that a query was sent to has to be told to the kernel again
	v6       bool
	locals   bool // whether the Answerer is to know the address that a query was sent to
	proxy    []netip.Prefix
	draining atomic.Bool
	tally    tally
	aside    *aside

	rx, tx       []mmsghdr
	rxIov, txIov []syscall.Iovec
	names        []syscall.RawSockaddrInet6 // an IPv4 address fits as well
	controls     []control
	in, out      []byte
	packets      []Packet
	sentTo       []netip.AddrPort // for packets, where it is not the same for all and is to be known
	strange, cut uint64           // in this batch
}

func listenBatched(_ context.Context, addr netip.AddrPort, o *Options) (packetSocket, error) {
	b := &batched{wildcard: addr.Addr().IsUnspecified(), v6: addr.Addr().Unmap().Is6(), locals: o.Locals, proxy: o.ProxyFrom}
	b.aside = newAside(o, &b.tally)
	var err error
	if b.fd, err = openPacket(addr, o, o.Share || o.Threads > 1); err != nil {
		return nil, err
	}
	if b.local, err = localAddr(b.fd); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *batched) addr() netip.AddrPort { return b.local }
func (b *batched) counts() *tally       { return &b.tally }
func (b *batched) close()               { _ = syscall.Close(b.fd) }

// drain wakes the thread up. shutdown says ENOTCONN and does it all the same (inet_shutdown in
// net/ipv4/af_inet.c); datagrams that wait can still be read, and new ones still arrive.
func (b *batched) drain() {
	b.draining.Store(true)
	_ = syscall.Shutdown(b.fd, syscall.SHUT_RD)
}

func (b *batched) drained() bool { return b.draining.Load() }

// prepare makes the memory that the kernel writes to and reads from.
func (b *batched) prepare() {
	size := room
	if len(b.proxy) > 0 {
		size = proxyRoom
	}
	b.rx, b.tx = make([]mmsghdr, perCall), make([]mmsghdr, perCall)
	b.rxIov, b.txIov = make([]syscall.Iovec, perCall), make([]syscall.Iovec, perCall)
	b.names = make([]syscall.RawSockaddrInet6, perCall)
	b.controls = make([]control, perCall)
	b.in, b.out = make([]byte, perCall*size), make([]byte, perCall*room)
	b.packets = make([]Packet, perCall)
	for i := range perCall {
		b.rxIov[i].Base = &b.in[i*size]
		b.rxIov[i].SetLen(size)
		b.rx[i].hdr.Iov, b.rx[i].hdr.Iovlen = &b.rxIov[i], 1
		b.tx[i].hdr.Iov, b.tx[i].hdr.Iovlen = &b.txIov[i], 1
		b.rx[i].hdr.Name = (*byte)(unsafe.Pointer(&b.names[i]))
		b.expect(i)
	}
	switch {
	case b.locals && b.wildcard:
		b.sentTo = make([]netip.AddrPort, perCall)
	case b.locals:
		for i := range perCall {
			b.packets[i].From.Local = &b.local
		}
	}
}

// expect readies one header for the next datagram: the kernel has written lengths into it.
func (b *batched) expect(i int) {
	h := &b.rx[i].hdr
	h.Namelen, h.Flags = uint32(unsafe.Sizeof(b.names[i])), 0
	if b.wildcard {
		h.Control = &b.controls[i][0]
		h.Controllen = uint64(len(b.controls[i]))
	}
}

func (b *batched) serve(ctx context.Context, w Worker) {
	defer b.aside.wait()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.prepare()
	many, _ := w.(BatchWorker)
	flusher, _ := w.(Flusher)
	for {
		n, errno := b.receive(flusher)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN: // only when draining: all is answered
			return
		case errno != 0:
			if b.draining.Load() {
				return
			}
			time.Sleep(time.Millisecond) // the kernel has no memory: more calls do not help
			continue
		}
		packets := b.take(ctx, n)
		if many != nil {
			many.AnswerBatch(packets)
		} else {
			for i := range packets {
				p := &packets[i]
				p.Answer = w.Answer(p.Dst, p.Query, &p.From)
			}
		}
		b.send(packets, n)
	}
}

// receive waits for datagrams and takes what is there, at most perCall.
//
// The first try must not wait, and so need not tell the runtime. A call that waits has to: a thread
// that sleeps without the runtime's knowledge keeps its processor and holds up the collector.
func (b *batched) receive(f Flusher) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(sysRecvmmsg, uintptr(b.fd), uintptr(unsafe.Pointer(&b.rx[0])), perCall, syscall.MSG_DONTWAIT, 0, 0)
	if errno != syscall.EAGAIN {
		return int(n), errno
	}
	if f != nil {
		f.Flush()
	}
	if !b.draining.Load() {
		n, _, errno = syscall.Syscall6(sysRecvmmsg, uintptr(b.fd), uintptr(unsafe.Pointer(&b.rx[0])), perCall, msgWaitForOne, 0, 0)
		if errno == syscall.EAGAIN {
			errno = syscall.EINTR
		}
	}
	return int(n), errno
}

// take makes packets of the first n headers, of those that may be queries.
func (b *batched) take(ctx context.Context, n int) []Packet {
	b.strange, b.cut = 0, 0
	size, k := len(b.in)/perCall, 0
	for i := range n {
		h, p := &b.rx[i], &b.packets[k]
		if h.hdr.Flags&syscall.MSG_TRUNC != 0 {
			b.cut++
			continue
		}
		if h.hdr.Namelen == 0 { // drain has woken the thread up: no datagram at all
			b.strange++
			continue
		}
		p.From.Addr = fromSockaddr(&b.names[i])
		p.Query = b.in[i*size : i*size+int(h.len)]
		if len(b.proxy) > 0 {
			p.Query = unwrap(b.proxy, p.Query, &p.From, &b.tally)
		}
		if len(p.Query) < header {
			continue
		}
		if b.sentTo != nil {
			b.sentTo[k] = netip.AddrPortFrom(b.controls[i].to(), b.local.Port())
			p.From.Local = &b.sentTo[k]
		}
		if b.aside.long(p.Query, &p.From) {
			b.aside.begin(ctx, p.Query, p.From, b.replyTo(i))
			continue
		}
		p.Dst = b.out[k*room : k*room : (k+1)*room]
		p.Answer, p.slot = nil, i
		k++
	}
	return b.packets[:k]
}

// send sends the answers to n datagrams and readies the headers for the next ones.
func (b *batched) send(packets []Packet, n int) {
	k := 0
	for i := range packets {
		p := &packets[i]
		if len(p.Answer) == 0 {
			continue
		}
		b.txIov[k].Base = &p.Answer[0]
		b.txIov[k].SetLen(len(p.Answer))
		t, r := &b.tx[k].hdr, &b.rx[p.slot].hdr
		t.Name, t.Namelen = r.Name, r.Namelen
		if b.wildcard {
			t.Control, t.Controllen = r.Control, r.Controllen
			fromSameAddress(&b.controls[p.slot])
		}
		k++
	}
	sent := b.sendFirst(k)
	for i := range n {
		b.expect(i)
	}
	b.tally.datagrams.Add(uint64(n) - b.strange)
	b.tally.answers.Add(uint64(sent))
	if k > sent || b.cut > 0 {
		b.tally.unsent.Add(uint64(k - sent))
		b.tally.cut.Add(b.cut)
	}
}

// replyTo returns a function that answers datagram i, for use when its memory is no longer there.
func (b *batched) replyTo(i int) func([]byte) error {
	name, ctl, r := b.names[i], b.controls[i], &b.rx[i].hdr
	namelen, ctllen := r.Namelen, r.Controllen
	if b.wildcard {
		fromSameAddress(&ctl)
	}
	return func(answer []byte) error {
		var iov syscall.Iovec
		iov.Base = &answer[0]
		iov.SetLen(len(answer))
		h := syscall.Msghdr{Name: (*byte)(unsafe.Pointer(&name)), Namelen: namelen, Iov: &iov, Iovlen: 1}
		if b.wildcard {
			h.Control, h.Controllen = &ctl[0], ctllen
		}
		if _, _, errno := syscall.Syscall(syscall.SYS_SENDMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&h)), 0); errno != 0 {
			return os.NewSyscallError("sendmsg", errno)
		}
		return nil
	}
}

// sendFirst sends the first k messages and returns how many the kernel took.
func (b *batched) sendFirst(k int) (sent int) {
	for i := 0; i < k; {
		n, _, errno := syscall.RawSyscall6(sysSendmmsg, uintptr(b.fd), uintptr(unsafe.Pointer(&b.tx[i])), uintptr(k-i), syscall.MSG_DONTWAIT, 0, 0)
		if errno == syscall.EAGAIN { // the send buffer is full: let the network catch up
			n, _, errno = syscall.Syscall6(sysSendmmsg, uintptr(b.fd), uintptr(unsafe.Pointer(&b.tx[i])), uintptr(k-i), 0, 0, 0)
		}
		switch errno {
		case 0:
			sent += int(n)
			i += int(n)
		case syscall.EINTR:
		default:
			i++ // no route, a firewall, port 0: this one has no answer, the others have
		}
	}
	return sent
}

// fromSockaddr reads what recvmmsg wrote.
func fromSockaddr(sa *syscall.RawSockaddrInet6) netip.AddrPort {
	if sa.Family == syscall.AF_INET {
		v4 := (*syscall.RawSockaddrInet4)(unsafe.Pointer(sa))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), swap(v4.Port))
	}
	return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), swap(sa.Port))
}

// swap turns a port in network order on these little-endian processors.
func swap(p uint16) uint16 { return p<<8 | p>>8 }

// to is the address that a datagram was sent to; the zero one when the kernel has not told.
func (c *control) to() netip.Addr {
	const cmsghdr = 16
	switch *(*int32)(unsafe.Pointer(&c[8])) {
	case syscall.IPPROTO_IP: // in_pktinfo: interface, spec_dst, addr
		return netip.AddrFrom4([4]byte(c[cmsghdr+8 : cmsghdr+12]))
	case syscall.IPPROTO_IPV6: // in6_pktinfo: addr, interface
		return netip.AddrFrom16([16]byte(c[cmsghdr : cmsghdr+16]))
	}
	return netip.Addr{}
}

// fromSameAddress turns the note about where a query arrived into the wish to answer from there:
// the interface is left to the routing, as for every other datagram. A link-local address means
// nothing without its interface.
func fromSameAddress(c *control) {
	const cmsghdr = 16
	switch *(*int32)(unsafe.Pointer(&c[8])) {
	case syscall.IPPROTO_IP: // in_pktinfo: interface, spec_dst, addr
		clear(c[cmsghdr : cmsghdr+4])
	case syscall.IPPROTO_IPV6: // in6_pktinfo: addr, interface
		if c[cmsghdr] == 0xfe && c[cmsghdr+1]&0xc0 == 0x80 {
			return
		}
		clear(c[cmsghdr+16 : cmsghdr+20])
	}
}
