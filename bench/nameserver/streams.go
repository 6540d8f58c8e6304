//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	connections = 4
	onTheWay    = 64 // queries on their way over each connection
	atOnce      = 16 // queries that are sent together
)

// A streamTask is what the process does that makes the load over connections.
type streamTask struct {
	Transport string
	Port      int
	Names     int
	Group     int // process group of the server
	Time      time.Duration
}

// A streamResult is what it tells.
type streamResult struct {
	Answers uint64
	Took    time.Duration
	CPU     time.Duration // of the server
	Load    time.Duration // of the load
}

// driveStreams runs the load in a process of its own, on the processor that the servers do not use:
// TLS needs more than one thread.
func driveStreams(ctx context.Context, dir string, t streamTask) (r streamResult, err error) {
	exe, err := os.Executable()
	if err != nil {
		return r, err
	}
	text, err := json.Marshal(t)
	if err != nil {
		return r, err
	}
	p, err := launch(ctx, loadCPU, filepath.Join(dir, "load.log"), dir, []string{childEnv + "=load 0 " + string(text)}, exe)
	if err != nil {
		return r, err
	}
	select {
	case <-p.done:
	case <-time.After(t.Time + 30*time.Second):
		p.stop()
	}
	if err := json.Unmarshal([]byte(p.said()), &r); err != nil {
		return r, fmt.Errorf("load: %s", p.said())
	}
	return r, nil
}

// streamLoad is that process.
func streamLoad(text string) error {
	var t streamTask
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return err
	}
	var answers atomic.Uint64
	errs := make(chan error, connections)
	for i := range connections {
		go func() {
			errs <- t.converse(mathrand.NewPCG(uint64(i), 1), &answers)
		}()
	}
	server := process{group: t.Group}
	wait := func(d time.Duration) error {
		select {
		case err := <-errs:
			return err
		case <-time.After(d):
			return nil
		}
	}
	if err := wait(t.Time / 4); err != nil { // it warms up
		return err
	}
	var r streamResult
	start, before, own, first := time.Now(), server.cpu(), processorTime(), answers.Load()
	if err := wait(t.Time); err != nil {
		return err
	}
	r.Took, r.CPU, r.Load, r.Answers = time.Since(start), server.cpu()-before, processorTime()-own, answers.Load()-first
	if r.Answers == 0 {
		return errors.New("no answers")
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// converse keeps queries on their way and counts answers, until something goes wrong. It does little
// for a query: it has no more of a processor than the server has.
func (t *streamTask) converse(random *mathrand.PCG, answers *atomic.Uint64) error {
	c, quick, err := t.dial()
	if err != nil {
		return err
	}
	var talk talk = &framed{}
	if t.Transport == "DoH" {
		talk = newHTTP()
	}
	in, have, waiting := make([]byte, 1<<17), 0, 0
	for {
		out := talk.control()
		for ; waiting <= onTheWay-atOnce; waiting += atOnce {
			out = talk.ask(out, random, t.Names)
		}
		if len(out) > 0 {
			if _, err := c.Write(out); err != nil {
				return err
			}
		}
		quick()
		n, err := c.Read(in[have:])
		if err != nil {
			return err
		}
		have += n
		used, got, err := talk.answers(in[:have])
		if err != nil {
			return err
		}
		have = copy(in, in[used:have])
		waiting -= got
		answers.Add(uint64(got))
	}
}

// dial opens a connection. quick has what comes next acknowledged at once: servers that leave Nagle's
// algorithm on would otherwise wait 40 ms for that, again and again, with their answers in hand.
func (t *streamTask) dial() (c net.Conn, quick func(), err error) {
	var d net.Dialer
	if c, err = d.DialContext(context.Background(), "tcp", "127.0.0.1:"+strconv.Itoa(t.Port)); err != nil {
		return nil, nil, err
	}
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	quick = func() {
		_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) })
	}
	if t.Transport == "TCP" {
		return c, quick, nil
	}
	protocol := map[string]string{"DoT": "dot", "DoH": "h2"}[t.Transport]
	// The certificate is one of this program: there is nothing to check.
	secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	return secure, quick, secure.HandshakeContext(context.Background())
}

// writeCertificate makes tls.crt and tls.key.
func writeCertificate(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, DNSNames: []string{"bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "tls.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		os.WriteFile(filepath.Join(dir, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o644))
}
