//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A zone that is sent whole, over TCP.
const (
	axfr           = "AXFR"
	transferName   = "AXFR out, 1,000,000 records"
	transferNames  = 1_000_000
	transferTarget = 3.0e6 // records a second
	// What is sent beside the addresses of names: the SOA record twice, and four of name servers.
	besides = 6
)

const typeAXFR = 252

// A Transfer is what sending a whole zone took, and the octets of its messages with the length
// before each.
type Transfer struct {
	Records int           `json:"records"`
	Octets  int64         `json:"octets"`
	Rate    float64       `json:"rate"`   // records a second
	CPU     time.Duration `json:"cpu_ns"` // of the server, for a million records
	Client  time.Duration `json:"client_ns"`
}

// better joins two transfers of one server: the best of each figure.
func (t *Transfer) better(o *Transfer) *Transfer {
	if t == nil {
		return o
	}
	return &Transfer{Records: o.Records, Octets: o.Octets, Rate: max(t.Rate, o.Rate), CPU: min(t.CPU, o.CPU), Client: min(t.Client, o.Client)}
}

// transferred tells of a transfer as the table does.
func (r *Row) transferred(rows []Row) string {
	t := r.Transfer
	text := fmt.Sprintf("%.2fM records/s", t.Rate/1e6)
	if i := slices.IndexFunc(rows, func(o Row) bool { return o.Server == "knot" && o.Transfer != nil }); i >= 0 {
		text += fmt.Sprintf(", %.2f × knot", t.Rate/rows[i].Transfer.Rate)
	}
	return text + fmt.Sprintf("; %.3f s of processor time for a million, %d octets", t.CPU.Seconds(), t.Octets)
}

// transfers measures how fast all servers send a zone with so many names, round by round.
func (b *bench) transfers(names int) {
	file, err := zoneFile(b.dir, names, "")
	if err != nil {
		b.rows = append(b.rows, Row{Work: transferName, Error: err.Error()})
		return
	}
	w := work{name: transferName, names: names, stream: axfr}
	rows := make([]Row, len(servers))
	for range b.rounds {
		for i, s := range servers {
			if !b.wanted(w, s) || b.ctx.Err() != nil || rows[i].Error != "" {
				continue
			}
			r, err := b.transfer(w, s, file)
			if err != nil {
				r.Error = err.Error()
				rows[i] = r
				fmt.Fprintf(b.log, "%s: %s: %v\n", w.name, s.name, err)
				continue
			}
			if old := rows[i]; old.Server != "" {
				r.Load, r.Memory = min(r.Load, old.Load), min(r.Memory, old.Memory)
			}
			r.Transfer = rows[i].Transfer.better(r.Transfer)
			rows[i] = r
		}
	}
	for i, s := range servers {
		if !b.wanted(w, s) {
			continue
		}
		if r := &rows[i]; s.name == "zonecast" && r.Transfer != nil {
			r.judgeTransfer(rows, names)
		}
		b.rows = append(b.rows, rows[i])
	}
}

// judgeTransfer compares zonecast with the others and with the target, which is for the whole zone.
func (r *Row) judgeTransfer(rows []Row, names int) {
	r.Ratios = map[string]float64{}
	for _, o := range rows {
		if o.Transfer != nil && o.Server != r.Server {
			r.Ratios[o.Server] = r.Transfer.Rate / o.Transfer.Rate
		}
	}
	if names < transferNames {
		return
	}
	r.Result = "ok"
	if r.Transfer.Rate < transferTarget {
		r.Result = "MISSED"
	}
}

// transfer starts a server and fetches its zone again and again. The first transfer does not count:
// some servers prepare it.
func (b *bench) transfer(w work, s server, file string) (Row, error) {
	r := Row{Work: w.name, Server: s.name}
	at := place{dir: filepath.Join(b.dir, s.name), zone: file, transport: axfr}
	err := errors.Join(os.RemoveAll(at.dir), os.MkdirAll(at.dir, 0o755))
	if err != nil {
		return r, err
	}
	if at.port, err = freePort(b.ctx); err != nil {
		return r, err
	}
	p, err := s.start(b.ctx, at)
	if err != nil {
		return r, err
	}
	defer p.stop()
	if err := awaitAll(p, at, loading{names: w.names}, 5*time.Minute); err != nil {
		return r, fmt.Errorf("%w\n%s", err, p.said())
	}
	r.Load = time.Since(p.began)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pin(loadCPU); err != nil {
		return r, err
	}
	defer func() { _ = unpin() }()
	const most = 1 << 20
	c := fetcher{port: at.port, want: w.names + besides, buf: make([]byte, most)}
	if _, err := c.fetch(p); err != nil {
		return r, fmt.Errorf("%w\n%s", err, p.said())
	}
	for end := time.Now().Add(b.measure); r.Transfer == nil || time.Now().Before(end) && b.ctx.Err() == nil; {
		f, err := c.fetch(p)
		if err != nil {
			return r, fmt.Errorf("%w\n%s", err, p.said())
		}
		took := f.took.Seconds()
		fmt.Fprintf(b.log, "%s: %-8s %.2fM/s, the server used %.0f %% of its processor, the client %.0f %%\n", w.name, s.name,
			float64(c.want)/took/1e6, 100*f.server.Seconds()/took, 100*f.client.Seconds()/took)
		r.Transfer = r.Transfer.better(&Transfer{
			Records: c.want, Octets: f.octets, Rate: float64(c.want) / took,
			CPU: f.server * transferNames / time.Duration(c.want), Client: f.client * transferNames / time.Duration(c.want),
		})
	}
	r.Memory = p.memory()
	return r, nil
}

// A fetcher transfers the zone over a blocking socket of the calling thread. It looks at the header
// of each message and at the records of the last one: a client that read them all would be slower
// than some servers.
type fetcher struct {
	port int
	want int // records
	buf  []byte
}

// A fetched tells of one transfer.
type fetched struct {
	octets               int64
	took, server, client time.Duration
}

// fetch transfers the zone.
func (c *fetcher) fetch(p *process) (f fetched, err error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return f, os.NewSyscallError("socket", err)
	}
	defer func() { _ = syscall.Close(fd) }()
	patience := syscall.Timeval{Sec: 30}
	if err := syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &patience); err != nil {
		return f, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: c.port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return f, os.NewSyscallError("connect", err)
	}
	q := question(strings.TrimSuffix(origin, "."))
	binary.BigEndian.PutUint16(q[len(q)-4:], typeAXFR)
	server, client, began := p.spent(), threadTime(), time.Now()
	if _, err := syscall.Write(fd, append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)); err != nil {
		return f, os.NewSyscallError("write", err)
	}
	if f.octets, err = c.read(fd); err != nil {
		return f, err
	}
	f.took, f.client = time.Since(began), threadTime()-client
	f.server = p.spent() - server
	return f, nil
}

// read takes what comes until the last record.
func (c *fetcher) read(fd int) (octets int64, err error) {
	records, have := 0, 0
	for {
		n, err := syscall.Read(fd, c.buf[have:])
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return octets, fmt.Errorf("after %d of %d records: %w", records, c.want, err)
		}
		have += n
		rest := c.buf[:have]
		for len(rest) >= 2 && len(rest)-2 >= int(binary.BigEndian.Uint16(rest)) {
			n := 2 + int(binary.BigEndian.Uint16(rest))
			m := rest[2:n]
			if len(m) < 12 || m[3]&15 != 0 {
				return octets, fmt.Errorf("wrong answer: %x", m[:min(len(m), 64)])
			}
			rest = rest[n:]
			octets += int64(n)
			if records += int(binary.BigEndian.Uint16(m[6:])); records < c.want {
				continue
			}
			if records > c.want || len(rest) > 0 || !endsWithSOA(m) {
				return octets, fmt.Errorf("%d records, of which the last is not the SOA record; %d should be", records, c.want)
			}
			return octets, nil
		}
		have = copy(c.buf, rest)
	}
}

// endsWithSOA reports whether the last of a message's answers is an SOA record.
func endsWithSOA(m []byte) bool {
	name := func(at int) int {
		for at < len(m) && m[at] != 0 {
			if m[at] >= 0xC0 {
				return at + 2
			}
			at += 1 + int(m[at])
		}
		return at + 1
	}
	at := 12
	for range binary.BigEndian.Uint16(m[4:]) {
		at = name(at) + 4
	}
	last := 0
	for range binary.BigEndian.Uint16(m[6:]) {
		at = name(at)
		if at+10 > len(m) {
			return false
		}
		last = int(binary.BigEndian.Uint16(m[at:]))
		at += 10 + int(binary.BigEndian.Uint16(m[at+8:]))
	}
	return last == typeSOA && at <= len(m)
}

// threadTime is what the calling thread has used.
func threadTime() time.Duration {
	var u syscall.Rusage
	const thread = 1 // RUSAGE_THREAD
	if syscall.Getrusage(thread, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
