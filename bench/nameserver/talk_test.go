//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"testing"

	"golang.org/x/net/http2"
)

// answered makes answers to the queries of a talk, as its server would.
func answered(t *testing.T, transport string, out []byte) (in []byte, ids []uint32) {
	t.Helper()
	turn := func(q []byte) []byte {
		a := append([]byte(nil), q...)
		a[2], a[7] = 0x84, 1
		return a
	}
	if transport != "DoH" {
		for len(out) > 0 {
			n := int(binary.BigEndian.Uint16(out))
			in = append(append(in, out[:2]...), turn(out[2:2+n])...)
			out = out[2+n:]
		}
		return in, nil
	}
	var answers bytes.Buffer
	w := http2.NewFramer(&answers, nil)
	_ = w.WriteSettings()
	_ = w.WritePing(false, [8]byte{1})
	r := http2.NewFramer(nil, bytes.NewReader(out))
	for {
		f, err := r.ReadFrame()
		if err != nil {
			return answers.Bytes(), ids
		}
		if d, ok := f.(*http2.DataFrame); ok {
			ids = append(ids, d.StreamID)
			_ = w.WriteHeaders(http2.HeadersFrameParam{StreamID: d.StreamID, BlockFragment: []byte{0x88}, EndHeaders: true})
			_ = w.WriteData(d.StreamID, true, turn(d.Data()))
		}
	}
}

// Answers are counted however they are cut.
func TestTalks(t *testing.T) {
	t.Parallel()
	for transport, c := range map[string]talk{"TCP": &framed{}, "DoH": newHTTP()} {
		c.control()
		out := c.ask(c.ask(nil, rand.NewPCG(1, 1), 1000), rand.NewPCG(2, 1), 1000)
		in, ids := answered(t, transport, out)
		for i, id := range ids {
			if id != uint32(2*i+1) {
				t.Fatalf("%s: request %d is stream %d", transport, i, id)
			}
		}
		count, have := 0, 0
		for to := range len(in) + 1 {
			used, n, err := c.answers(in[have:to])
			if err != nil {
				t.Fatalf("%s: %v", transport, err)
			}
			have, count = have+used, count+n
		}
		if count != 2*atOnce || have != len(in) {
			t.Errorf("%s: %d answers in %d of %d octets, want %d in all", transport, count, have, len(in), 2*atOnce)
		}
		if said := c.control(); transport == "DoH" && len(said) != 2*frameHead+8 {
			t.Errorf("%s: %x is said, want that settings and ping are acknowledged", transport, said)
		}
		in[len(in)-len(queryFor(work{}))+3] |= 2 // SERVFAIL
		if _, _, err := c.answers(in); err == nil {
			t.Errorf("%s: a wrong answer is taken", transport)
		}
	}
}

func TestQuickStreams(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("two processors are needed")
	}
	var out, log bytes.Buffer
	args := []string{"-quick", "-json", "-dir", t.TempDir(), "-servers", "zonecast", "-only", "TCP|DoT|DoH"}
	if code := run(context.Background(), args, &out, &log); code != 0 {
		t.Fatalf("exit code %d\n%s", code, log.String())
	}
	var rows []Row
	if err := json.Unmarshal(out.Bytes(), &rows); err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v, want 3", len(rows), err)
	}
	for _, r := range rows {
		if r.Error != "" || r.CPU <= 0 || r.Rate <= 0 {
			t.Errorf("%+v", r)
		}
	}
}
