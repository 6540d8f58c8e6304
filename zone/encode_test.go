package zone

import (
	"testing"

	"pgregory.net/rapid"
)

func TestBinaryRoundTrip(t *testing.T) {
	t.Parallel()
	vendor, err := VendorType("Acme/THING")
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		sets := append(anySets().Draw(t, "sets"), set("vendor", vendor, 1, "opaque"))
		z, err := Of(org, sets...)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := z.MarshalBinary()
		back, err := FromBinary(b)
		if err != nil || !back.Equal(z) || back.Hash() != z.Hash() {
			t.Fatalf("read back as %v, %v", back, err)
		}
		if _, err := FromBinary(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")]); err == nil {
			t.Fatal("a cut zone was accepted")
		}
	})
}

func FuzzFromBinary(f *testing.F) {
	z, err := Of(org, set("a", TypeA, 1, "xxxx"))
	if err != nil {
		f.Fatal(err)
	}
	b, _ := z.MarshalBinary()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := FromBinary(b)
		if err != nil {
			return
		}
		out, _ := z.MarshalBinary()
		if back, err := FromBinary(out); err != nil || !back.Equal(z) {
			t.Fatalf("accepted zone does not round-trip: %v", err)
		}
	})
}
