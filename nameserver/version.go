package nameserver

const (
	versionLen    = 6 // labels 1, type 1, serial 4
	versionSerial = 0 // type SOA-SERIAL
)

// appendVersion writes the version of the zone that the question was in (RFC 9660, section 2), and
// returns where it ends. Answers, denials and referrals have it; what is answered from no zone has
// not. The zone is told by how many of the last labels of the question are its name.
func (z *Compiled) appendVersion(b []byte, at int) int {
	soa, ok := z.set(z.at(z.apexRef), typeSOA)
	if !ok {
		return at
	}
	at = option(b, at, optVersion, versionLen)
	b[at], b[at+1] = byte(z.labels), versionSerial
	copy(b[at+2:at+versionLen], soa.body[len(soa.body)-20:])
	return at + versionLen
}
