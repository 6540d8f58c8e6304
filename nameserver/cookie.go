package nameserver

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"math/bits"
)

// Cookies makes and checks server cookies as RFC 9018 has them, so that servers of several kinds
// that share a secret understand each other's.
type Cookies struct {
	// Secrets are the present one and those before it that are still accepted, 16 octets each.
	Secrets [][16]byte
	// Require answers a query over UDP with a cookie that is not ours by BADCOOKIE (RFC 7873, section
	// 5.2.4), so that who asks comes again with the right one. Clients without cookies are answered.
	Require bool
}

// NewCookies returns cookies with a secret of their own, for a server that stands alone.
func NewCookies() *Cookies {
	var secret [16]byte
	_, _ = rand.Read(secret[:]) // never fails
	return &Cookies{Secrets: [][16]byte{secret}}
}

// Times of RFC 9018, section 4.3, in seconds.
const (
	cookieRenew  = 1800
	cookieOld    = 3600
	cookieFuture = 300
)

// admit checks the query's cookie and tells whether the question is answered.
func (k *Cookies) admit(s *Scratch, c *Client) bool {
	o := &s.edns
	if o.cookieLen == 0 {
		return true
	}
	o.proven = k.check(o, uint32(s.now()/1e9), c)
	return o.proven || !k.Require || c.Stream
}

// check tells whether the cookie is one of ours for the client, and not too old.
func (k *Cookies) check(o *edns, now uint32, c *Client) bool {
	if o.cookieLen != 24 || o.cookie[8] != 1 {
		return false
	}
	age := int32(now - binary.BigEndian.Uint32(o.cookie[12:])) // serial number arithmetic
	if age > cookieOld || age < -cookieFuture {
		return false
	}
	for i := range k.Secrets {
		var want [8]byte
		cookieHash(want[:], &k.Secrets[i], o.cookie[:16], c)
		if subtle.ConstantTimeCompare(want[:], o.cookie[16:24]) == 1 {
			o.renew = i > 0 || age > cookieRenew
			return true
		}
	}
	return false
}

// give writes the cookie for an answer: the one that came while it is fresh and made with the present
// secret, else a new one.
func (k *Cookies) give(b []byte, s *Scratch, c *Client) {
	o := &s.edns
	if o.proven && !o.renew {
		copy(b, o.cookie[:24])
		return
	}
	copy(b, o.cookie[:8])
	b[8], b[9], b[10], b[11] = 1, 0, 0, 0
	binary.BigEndian.PutUint32(b[12:], uint32(s.now()/1e9))
	if len(k.Secrets) == 0 {
		clear(b[16:24])
		return
	}
	cookieHash(b[16:24], &k.Secrets[0], b[:16], c)
}

// cookieHash hashes client cookie, version, reserved octets and time, together with the client's
// address (RFC 9018, section 4.4).
func cookieHash(out []byte, secret *[16]byte, head []byte, c *Client) {
	var buf [32]byte
	n := copy(buf[:], head[:16])
	if addr := c.Addr.Addr().Unmap(); addr.Is4() {
		a := addr.As4()
		n += copy(buf[n:], a[:])
	} else {
		a := addr.As16()
		n += copy(buf[n:], a[:])
	}
	binary.LittleEndian.PutUint64(out, siphash(secret, buf[:n]))
}

// siphash is SipHash-2-4 (Aumasson and Bernstein, 2012).
func siphash(key *[16]byte, b []byte) uint64 {
	k0, k1 := binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])
	v := [4]uint64{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		v[3] ^= x
		sipRound(&v)
		sipRound(&v)
		v[0] ^= x
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	v[3] ^= last
	sipRound(&v)
	sipRound(&v)
	v[0] ^= last
	v[2] ^= 0xFF
	for range 4 {
		sipRound(&v)
	}
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

func sipRound(v *[4]uint64) {
	v0, v1, v2, v3 := v[0], v[1], v[2], v[3]
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v2 = bits.RotateLeft64(v2, 32)
	v[0], v[1], v[2], v[3] = v0, v1, v2, v3
}
