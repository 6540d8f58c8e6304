package cloudflare

import (
	"strings"

	"github.com/zonecast/zonecast/zone"
	"github.com/zonecast/zonecast/zone/rdata"
)

// The limits of TXT records, of one and of all at a name
// (https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/#txt).
const (
	maxTXT    = 2048
	maxTXTSum = 8192
)

// readTXT reads the content of a TXT record: one or more character-strings in double quotes, or a
// text without any, which Cloudflare puts into quotes. Quotes that do not fit together are refused.
// Strings longer than 255 octets are split.
func readTXT(in *incoming) (zone.Data, *refusal) {
	content := in.content
	if len(content) > maxTXT {
		return "", refuse(9207, "Content for TXT record is longer than %d characters.", maxTXT)
	}
	if !strings.Contains(unescapedOnly(content), `"`) {
		content = `"` + content + `"`
	}
	strs, ok := quotedStrings(content)
	if !ok {
		return "", refuse(9208, "Content for TXT record has inconsistent quotation marks.")
	}
	var split []string
	total := 0
	for _, s := range strs {
		total += len(s)
		for len(s) > 255 {
			split, s = append(split, s[:255]), s[255:]
		}
		split = append(split, s)
	}
	if total == 0 {
		return "", refuse(9207, "Content for TXT record is empty.")
	}
	d, err := rdata.TXTStrings(split...)
	if err != nil {
		return "", refuse(9207, "Content for TXT record is invalid.")
	}
	return d, nil
}

// unescapedOnly leaves out what a backslash makes harmless.
func unescapedOnly(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// quotedStrings reads "a" "b" with the escapes of RFC 1035, section 5.1.
func quotedStrings(s string) ([]string, bool) {
	var strs []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimLeft(s, " \t") {
		if s[0] != '"' {
			return nil, false
		}
		var b []byte
		i := 1
		for ; i < len(s) && s[i] != '"'; i++ {
			if s[i] != '\\' {
				b = append(b, s[i])
				continue
			}
			if i++; i >= len(s) {
				return nil, false
			}
			if n, ok := decimal(s[i:]); ok {
				b, i = append(b, n), i+2
			} else {
				b = append(b, s[i])
			}
		}
		if i >= len(s) {
			return nil, false
		}
		strs, s = append(strs, string(b)), s[i+1:]
		if s != "" && s[0] != ' ' && s[0] != '\t' && s[0] != '"' {
			return nil, false
		}
	}
	return strs, true
}

// decimal reads the three digits of \DDD.
func decimal(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	n := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return byte(n), n < 256
}
