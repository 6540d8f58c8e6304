package zone

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Extra is an immutable, sorted list of key and canonical bytes: what DNS itself cannot say
// about an RRset. The zero Extra is empty. Extras compare with ==.
//
// Keys are "<who>/<what>": "octodns/dynamic", "cloudflare/proxied", "comment". zone knows no
// key's meaning; shape takes away what a target cannot hold before a plan compares.
type Extra struct{ kv string } // pairs of (uvarint length, key, uvarint length, value), sorted by key

// ExtraOf builds an Extra from a map. Values are bytes in whatever form the key's owner calls
// canonical; equal meaning must give equal bytes.
func ExtraOf(m map[string]string) Extra {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b []byte
	for _, k := range keys {
		b = appendString(appendString(b, k), m[k])
	}
	return Extra{string(b)}
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutString(s string) (head, rest string) {
	if len(s) > 0 && s[0] < 0x80 { // nearly all are short
		n := int(s[0])
		return s[1 : 1+n], s[1+n:]
	}
	var n uint64
	for i, shift := 0, 0; ; i, shift = i+1, shift+7 {
		n |= uint64(s[i]&0x7F) << shift
		if s[i] < 0x80 {
			return s[i+1 : i+1+int(n)], s[i+1+int(n):]
		}
	}
}

// IsZero reports whether there is nothing in it.
func (e Extra) IsZero() bool { return e.kv == "" }

// All yields keys and values in order of keys.
func (e Extra) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for rest := e.kv; rest != ""; {
			var k, v string
			k, rest = cutString(rest)
			v, rest = cutString(rest)
			if !yield(k, v) {
				return
			}
		}
	}
}

// Value returns the value of key; ok is false when the key is absent.
func (e Extra) Value(key string) (value string, ok bool) {
	for k, v := range e.All() {
		if k == key {
			return v, true
		}
	}
	return "", false
}

// With returns e with key set to value.
func (e Extra) With(key, value string) Extra {
	m := e.Map()
	m[key] = value
	return ExtraOf(m)
}

// Filter returns e with only those keys for which keep says yes.
func (e Extra) Filter(keep func(key string) bool) Extra {
	m := map[string]string{}
	dropped := false
	for k, v := range e.All() {
		if keep(k) {
			m[k] = v
		} else {
			dropped = true
		}
	}
	if !dropped {
		return e
	}
	return ExtraOf(m)
}

// Map returns a copy as a map, never nil.
func (e Extra) Map() map[string]string {
	m := map[string]string{}
	for k, v := range e.All() {
		m[k] = v
	}
	return m
}

// MarshalJSON writes an object whose values are in base64, for they may be any bytes.
func (e Extra) MarshalJSON() ([]byte, error) {
	m := map[string][]byte{}
	for k, v := range e.All() {
		m[k] = []byte(v)
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Extra) UnmarshalJSON(b []byte) error {
	var m map[string][]byte
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("extra: %w", err)
	}
	kv := make(map[string]string, len(m))
	for k, v := range m {
		kv[k] = string(v)
	}
	*e = ExtraOf(kv)
	return nil
}

// String is for people and logs: "k=v k2=v2".
func (e Extra) String() string {
	var b strings.Builder
	for k, v := range e.All() {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%q", k, v)
	}
	return b.String()
}
