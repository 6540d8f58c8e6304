package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The zone has an address for each of n names, and nothing else of interest.
const origin = "example.org."

var originLabels = []string{"example", "org"}

// nameLen is the length of each name's first label: "n0000000".
const nameLen = 8

func labelOf(i int) []byte {
	b := []byte("n0000000")
	putDigits(b, i)
	return b
}

// putDigits writes a number into the last seven octets of a label.
func putDigits(b []byte, i int) {
	for k := nameLen - 1; k > 0; k-- {
		b[k] = byte('0' + i%10)
		i /= 10
	}
}

// addressOf is the address of name i.
func addressOf(i int) [4]byte { return [4]byte{198, byte(18 + i>>16&1), byte(i >> 8), byte(i)} }

// zoneFile is the file of the zone with n names, signed or not. It is written unless it is there:
// signing a million names takes half a minute.
func zoneFile(dir string, n int, denial string) (string, error) {
	name := filepath.Join(dir, fmt.Sprintf("%s%d.zone", origin, n))
	if denial != "" {
		name = filepath.Join(dir, fmt.Sprintf("%s%d.%s.zone", origin, n, denial))
	}
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return name, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, "zone-*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if denial == "" {
		writeZone(w, n)
	} else {
		var s *signer
		if s, err = newSigner(denial, time.Now()); err == nil {
			err = s.zone(w, n)
		}
	}
	if err := errors.Join(err, w.Flush(), f.Chmod(0o644), f.Close()); err != nil {
		return "", err
	}
	return name, os.Rename(f.Name(), name)
}

func writeZone(w io.Writer, n int) {
	fmt.Fprintf(w, "$ORIGIN %s\n$TTL %d\n@ SOA ns1 hostmaster 1 7200 900 1209600 %d\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n", origin, zoneTTL, absentTTL)
	for i := range n {
		a := addressOf(i)
		fmt.Fprintf(w, "%s A %d.%d.%d.%d\n", labelOf(i), a[0], a[1], a[2], a[3])
	}
}
