//go:build amd64 || arm64

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

const (
	window  = 192 // queries on their way at most
	perCall = 64
	// patience is how long nothing may come before all that is on its way counts as lost.
	patience = 100 * time.Millisecond
	// stubborn is how much longer a load goes on when there is next to nothing to count.
	stubborn = 10 * time.Second
)

type mmsghdr struct {
	hdr syscall.Msghdr
	len uint32
	_   [4]byte
}

// A load asks one server for random names, over one socket.
type load struct {
	fd     int
	names  int
	echo   bool // the server sends queries back
	absent bool
	// records is how many an answer has: an address, and its signature.
	records int
	seed    *rand.PCG

	tx, rx       [perCall]mmsghdr
	txIov, rxIov [perCall]syscall.Iovec
	queries      [perCall][64 + 192]byte // no power of two apart
	answers      [perCall][2048 + 192]byte
	size         int // of a query
}

// A result is what came of some time of load.
type result struct {
	answers, lost uint64
	took          time.Duration
	perAnswer     float64 // processor time of the server, in µs, in the best slice
}

// A slice is a part of a measurement. On a machine that does other things the best one was disturbed
// the least. It is long enough for the queries on their way at its ends to make no difference.
const (
	slice       = 100 * time.Millisecond
	sliceEnough = 8000 // answers, for its figure to count
)

func newLoad(port int, w work) (*load, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	l := &load{fd: fd, names: w.names, absent: w.absent, records: 1, seed: rand.NewPCG(uint64(w.names), 1)}
	if w.denial != "" {
		l.records = 2
	}
	if syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, 4<<20) != nil {
		_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<20)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		l.close()
		return nil, os.NewSyscallError("connect", err)
	}
	q := queryFor(w)
	l.size = len(q)
	for i := range perCall {
		copy(l.queries[i][:], q)
		l.txIov[i].Base, l.rxIov[i].Base = &l.queries[i][0], &l.answers[i][0]
		l.txIov[i].SetLen(l.size)
		l.rxIov[i].SetLen(len(l.answers[i]))
		l.tx[i].hdr.Iov, l.tx[i].hdr.Iovlen = &l.txIov[i], 1
		l.rx[i].hdr.Iov, l.rx[i].hdr.Iovlen = &l.rxIov[i], 1
	}
	return l, nil
}

func (l *load) close() { _ = syscall.Close(l.fd) }

// queryFor is a query for the address of the first name.
func queryFor(w work) []byte {
	q := []byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	q = append(q, byte(nameLen))
	label := append([]byte(nil), labelOf(0)...)
	if w.absent {
		label[0] = 'x'
	}
	q = append(q, label...)
	for _, label := range originLabels {
		q = append(append(q, byte(len(label))), label...)
	}
	q = append(q, 0, 0, 1, 0, 1)
	if w.edns {
		q[11] = 1
		q = append(q, 0, 0, 41, 1232>>8, 1232&0xff, 0, 0, 0, 0, 0, 0)
		if w.denial != "" {
			q[len(q)-4] = 0x80 // DO
		}
	}
	return q
}

// ask puts name i into a query.
func ask(q []byte, i int) { putDigits(q[13:13+nameLen], i) }

// awaitLast waits until the last name of the zone has an answer.
func (l *load) awaitLast(p *process, limit time.Duration) error {
	tv := syscall.NsecToTimeval(int64(10 * time.Millisecond))
	if err := syscall.SetsockoptTimeval(l.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &tv); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for end := time.Now().Add(limit); time.Now().Before(end); {
		if !p.running() {
			return errors.New("the server has ended")
		}
		ask(l.queries[0][:], l.names-1)
		_, _ = syscall.Write(l.fd, l.queries[0][:l.size]) // refused as long as nobody listens
		n, err := syscall.Read(l.fd, buf)
		if err == nil && l.good(buf[:n]) {
			return nil
		}
		if err != nil && !errors.Is(err, syscall.EAGAIN) {
			time.Sleep(time.Millisecond)
		}
	}
	return fmt.Errorf("no proper answer within %v", limit)
}

// good reports whether an answer is the one that is expected.
func (l *load) good(m []byte) bool {
	switch {
	case len(m) < 12:
		return false
	case l.echo:
		return true
	case l.absent:
		return m[2]&0x80 != 0 && m[3]&15 == 3
	}
	return m[2]&0x80 != 0 && m[3]&15 == 0 && int(binary.BigEndian.Uint16(m[6:])) >= l.records
}

// drive keeps the server busy for some time. It stays on the processor that the servers do not use.
func (l *load) drive(d time.Duration, cpu func() time.Duration) (result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pin(loadCPU); err != nil {
		return result{}, err
	}
	defer func() { _ = unpin() }()
	l.drain()
	var r result
	random := rand.New(l.seed)
	out, bad := 0, uint64(0)
	start := time.Now()
	last, end := start, start.Add(d)
	first := cpu()
	best := bestSlice{at: start, cpu: first}
	for {
		if n := min(window-out, perCall); n >= perCall/2 || out == 0 {
			for i := range n {
				q := l.queries[i][:]
				binary.BigEndian.PutUint16(q, uint16(random.Uint32()))
				ask(q, int(random.Uint32N(uint32(l.names))))
			}
			sent, _, errno := syscall.RawSyscall6(sysSendmmsg, uintptr(l.fd), uintptr(unsafe.Pointer(&l.tx[0])), uintptr(n), syscall.MSG_DONTWAIT, 0, 0)
			if errno == 0 {
				out += int(sent)
			} else if errno != syscall.EAGAIN {
				return r, fmt.Errorf("send: %w", errno)
			}
		}
		got, _, errno := syscall.RawSyscall6(syscall.SYS_RECVMMSG, uintptr(l.fd), uintptr(unsafe.Pointer(&l.rx[0])), perCall, syscall.MSG_DONTWAIT, 0, 0)
		now := time.Now()
		if now.Sub(best.at) > slice {
			best.add(now, cpu(), r.answers)
		}
		switch errno {
		case 0:
			for i := range int(got) {
				if !l.good(l.answers[i][:min(int(l.rx[i].len), len(l.answers[i]))]) {
					bad++
				}
			}
			r.answers += uint64(got)
			out -= min(out, int(got))
			last = now
		case syscall.EAGAIN:
			if now.Sub(last) > patience {
				r.lost += uint64(out)
				out, last = 0, now
			}
		default:
			return r, fmt.Errorf("receive: %w", errno)
		}
		if now.After(end) && (r.answers >= window || now.Sub(end) > stubborn) {
			break // on a busy machine a short time may pass before the server has its turn
		}
	}
	r.took = time.Since(start)
	r.perAnswer = best.best
	if r.perAnswer == 0 { // too slow or too busy: the whole has to do
		r.perAnswer = micros(cpu()-first) / float64(max(r.answers, 1))
	}
	if bad > 0 {
		return r, fmt.Errorf("%d of %d answers are wrong, such as %x", bad, r.answers, l.answers[0][:min(l.rx[0].len, 64)])
	}
	if r.answers == 0 {
		return r, errors.New("no answers")
	}
	return r, nil
}

// bestSlice finds the best slice.
type bestSlice struct {
	at      time.Time
	cpu     time.Duration
	answers uint64
	best    float64
}

func (s *bestSlice) add(now time.Time, cpu time.Duration, answers uint64) {
	if n := answers - s.answers; n >= sliceEnough {
		if cost := micros(cpu-s.cpu) / float64(n); s.best == 0 || cost < s.best {
			s.best = cost
		}
	}
	s.at, s.cpu, s.answers = now, cpu, answers
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// drain throws away what is still on its way.
func (l *load) drain() {
	buf := make([]byte, 2048)
	for {
		if _, err := syscall.Read(l.fd, buf); err != nil { // 10 ms without any
			return
		}
	}
}

// freePort finds a port that is free over UDP and TCP. Sockets that share ports do not hide from it:
// it does not share.
func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	for range 50 {
		t, err := lc.Listen(ctx, "tcp4", "127.0.0.1:0")
		if err != nil {
			return 0, err
		}
		port := t.Addr().(*net.TCPAddr).Port
		u, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		_ = t.Close()
		if err != nil {
			continue
		}
		_ = u.Close()
		return port, nil
	}
	return 0, errors.New("no port is free over UDP and TCP")
}
