//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/zonecast/zonecast/wire"
	"github.com/zonecast/zonecast/zone"
)

// Dynamic updates of one record in a large zone, one after the other.
const (
	updates     = "UPDATE"
	updateName  = "UPDATE, 1,000,000 names"
	updateNames = 1_000_000
	updateKey   = "bench."
	mostUpdates = 1000 // in one round
)

var updateSecret = bytes.Repeat([]byte("zone"), 8)

// An Update is what it took to change the address of one name, from the message sent to the new
// address answered.
type Update struct {
	Count  int           `json:"count"`
	Median time.Duration `json:"median_ns"`
	P99    time.Duration `json:"p99_ns"`
	CPU    time.Duration `json:"cpu_ns"` // of the server for each, the questions included
}

// String tells of updates as the table does.
func (u *Update) String() string {
	return fmt.Sprintf("%.2f ms to the new answer, p99 %.2f ms; %.2f ms of processor time", ms(u.Median), ms(u.P99), ms(u.CPU))
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// better joins two rounds of one server: the best of each figure.
func (u *Update) better(o *Update) *Update {
	if u == nil {
		return o
	}
	return &Update{Count: u.Count + o.Count, Median: min(u.Median, o.Median), P99: min(u.P99, o.P99), CPU: min(u.CPU, o.CPU)}
}

// updating measures updates of all servers that take them, round by round.
func (b *bench) updating(names int) {
	file, err := zoneFile(b.dir, names, "")
	if err != nil {
		b.rows = append(b.rows, Row{Work: updateName, Error: err.Error()})
		return
	}
	w := work{name: updateName, names: names, stream: updates}
	rows := make([]Row, len(servers))
	for range min(b.rounds, 3) {
		for i, s := range servers {
			if !b.wanted(w, s) || b.ctx.Err() != nil || rows[i].Error != "" {
				continue
			}
			r, err := b.updated(w, s, file)
			if err != nil {
				r.Error = err.Error()
				rows[i] = r
				fmt.Fprintf(b.log, "%s: %s: %v\n", w.name, s.name, err)
				continue
			}
			fmt.Fprintf(b.log, "%s: %-8s %d updates, %v\n", w.name, s.name, r.Update.Count, r.Update)
			if old := rows[i]; old.Update != nil {
				r.Load, r.Memory = min(r.Load, old.Load), min(r.Memory, old.Memory)
				r.Update = old.Update.better(r.Update)
			}
			rows[i] = r
		}
	}
	for i, s := range servers {
		if b.wanted(w, s) {
			b.rows = append(b.rows, rows[i])
		}
	}
}

// updated starts a server and updates its zone. The first updates do not count.
func (b *bench) updated(w work, s server, file string) (Row, error) {
	r := Row{Work: w.name, Server: s.name}
	at := place{dir: filepath.Join(b.dir, s.name), zone: file, transport: updates}
	err := errors.Join(os.RemoveAll(at.dir), os.MkdirAll(at.dir, 0o755))
	if err != nil {
		return r, err
	}
	if at.port, err = freePort(b.ctx); err != nil {
		return r, err
	}
	start := s.start
	if s.name == "zonecast" {
		start = b.updatable
	}
	p, err := start(b.ctx, at)
	if err != nil {
		return r, err
	}
	defer p.stop()
	if err := awaitAll(p, at, loading{names: w.names}, 5*time.Minute); err != nil {
		return r, fmt.Errorf("%w\n%s", err, p.said())
	}
	r.Load = time.Since(p.began)
	u, err := newUpdater(b.ctx, at.port, w.names)
	if err != nil {
		return r, err
	}
	defer u.asks.Close()
	const before = 5
	var took []time.Duration
	var spent time.Duration
	lost := 0
	var end time.Time
	for len(took) < 2*before || len(took) < mostUpdates && time.Now().Before(end) {
		if len(took) == before {
			spent, end = p.spent(), time.Now().Add(b.measure)
		}
		d, err := u.update(b.ctx)
		if len(took) < before && lost < 3 && errors.Is(err, os.ErrDeadlineExceeded) { // it is not sent twice
			lost++
			continue
		}
		if err != nil {
			return r, fmt.Errorf("update %d: %w\n%s", len(took)+1, err, p.said())
		}
		took = append(took, d)
	}
	took = took[before:]
	spent = p.spent() - spent
	slices.Sort(took)
	r.Update = &Update{Count: len(took), Median: took[len(took)/2], P99: took[len(took)*99/100], CPU: spent / time.Duration(len(took))}
	r.Memory = p.memory()
	return r, nil
}

// updatable starts "zonecast nameserver" with a store that has the zone, and updates allowed.
func (b *bench) updatable(ctx context.Context, p place) (*process, error) {
	if err := b.build(ctx); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(p.dir, "secret"), []byte(base64.StdEncoding.EncodeToString(updateSecret)), 0o600); err != nil {
		return nil, err
	}
	return configured(ctx, p, "nameserver.yaml", `listen: 127.0.0.1:%PORT
workers: 1
store: zones.db
keys:
  `+updateKey+`: {secret: file/secret}
zones:
  - primary: `+origin+`
    from: %ZONE
    update: {key: `+updateKey+`}
`, b.zonecast, "nameserver", "--config", "%DIR/nameserver.yaml")
}

// An updater is a client that updates.
type updater struct {
	port  int
	names int
	count int
	sends wire.Client
	asks  net.Conn
	room  []byte
}

func newUpdater(ctx context.Context, port, names int) (*updater, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "udp", "127.0.0.1:"+strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	key := &wire.Key{Name: zone.MustName(updateKey), Secret: updateSecret}
	return &updater{port: port, names: names, asks: c, room: make([]byte, 4096), sends: wire.Client{Key: key, Timeout: 10 * time.Second}}, nil
}

// update changes the address of a name and waits until that is answered.
func (u *updater) update(ctx context.Context) (time.Duration, error) {
	u.count++
	label := string(labelOf(u.count * 7919 % u.names))
	owner, err := zone.ParseNameIn(label, zone.MustName(origin))
	if err != nil {
		return 0, err
	}
	address := zone.Data([]byte{192, 0, byte(u.count >> 8), byte(u.count)})
	m := wire.Update(zone.MustName(origin))
	m.Authority = []wire.Record{
		{Owner: owner, Type: zone.TypeA, Class: wire.ClassANY},
		{Owner: owner, Type: zone.TypeA, Class: wire.ClassIN, TTL: zoneTTL, Data: address},
	}
	q := question(label + "." + origin[:len(origin)-1])
	began := time.Now()
	answer, err := u.sends.Exchange(ctx, "127.0.0.1:"+strconv.Itoa(u.port), m)
	if err != nil {
		return 0, err
	}
	if answer.RCODE != wire.NoError {
		return 0, fmt.Errorf("the answer is %s", answer.RCODE)
	}
	for time.Since(began) < time.Minute {
		if _, err := u.asks.Write(q); err != nil {
			return 0, err
		}
		if err := u.asks.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return 0, err
		}
		n, err := u.asks.Read(u.room)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if m := u.room[:n]; len(m) > len(q) && bytes.Equal(m[12:len(q)], q[12:]) && bytes.Contains(m[len(q):], []byte(address)) {
			return time.Since(began), nil
		}
	}
	return 0, fmt.Errorf("the new address of %s is not answered", owner)
}
