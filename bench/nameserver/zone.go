package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// writeZone writes the zone file, unless it is there.
func writeZone(name string, n int) error {
	if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "zone-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	w := bufio.NewWriter(f)
	fmt.Fprintf(w, "$ORIGIN %s\n$TTL 3600\n@ SOA ns1 hostmaster 1 7200 900 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n", origin)
	for i := range n {
		fmt.Fprintf(w, "%s A 198.%d.%d.%d\n", labelOf(i), 18+i>>16&1, i>>8&255, i&255)
	}
	if err := errors.Join(w.Flush(), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
