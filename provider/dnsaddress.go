package provider

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// DNSAddress reads where a name server answers: "192.0.2.1", "192.0.2.1:5353", "2001:db8::1",
// "[2001:db8::1]:53", "ns1.example.net:53" or "ns1.example.net", and returns it with a port, 53 where
// none is written. Errors say what is wrong, and go on after the option's name ("is …").
func DNSAddress(text string) (string, error) {
	if a, err := netip.ParseAddr(unbracketed(text)); err == nil && (a.Zone() == "" || label(a.Zone())) {
		if err := twoReadings(text, a); err != nil {
			return "", err
		}
		return netip.AddrPortFrom(a, 53).String(), nil
	}
	host, port, least := text, "53", 2 // "yes" is no host; a name of one label, as in a container network, has a port
	if strings.ContainsAny(text, ":[]") {
		var err error
		if host, port, err = net.SplitHostPort(text); err != nil {
			return "", errors.New("is no address, or one of IPv6 with a port and without brackets")
		}
		least = 1
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", errors.New("has a port that is no number from 1 to 65535")
	}
	if port[0] == '0' {
		return "", errors.New("has a port that begins with 0")
	}
	if a, err := netip.ParseAddr(host); (err != nil || a.Zone() != "" && !label(a.Zone())) && !hostname(host, least) {
		return "", errors.New("names no host: neither an address nor a host name")
	}
	return net.JoinHostPort(host, port), nil
}

// HowToWriteDNSAddress says what DNSAddress takes.
const HowToWriteDNSAddress = "write 192.0.2.1, 192.0.2.1:5353, [2001:db8::1]:53 or ns1.example.net:53"

// twoReadings refuses an address of IPv6 that is more likely another with a port of the DNS behind it,
// "::1:53": nobody sees that the wrong host is asked. Brackets say what is meant.
func twoReadings(text string, whole netip.Addr) error {
	at := strings.LastIndexByte(text, ':')
	if !whole.Is6() || strings.ContainsAny(text, "[]%.") {
		return nil
	}
	host, noHost := netip.ParseAddr(text[:at])
	port := text[at+1:]
	n, noPort := strconv.ParseUint(port, 10, 16)
	usual := n == 53 || n == 853 || n == 5353 || host.IsLoopback()
	if noHost == nil && noPort == nil && port[0] != '0' && usual {
		return fmt.Errorf("can be read in two ways: write [%s]:%s for port %s of %s, or [%s] for that address", host, port, port, host, text)
	}
	return nil
}

func unbracketed(s string) string {
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		return inner[:len(inner)-1]
	}
	return s
}

// hostname reports whether a text is a host name (RFC 1123, section 2.1, and underscores), with so many
// labels at least, unless it is localhost. A last label of digits alone is an address gone wrong.
func hostname(s string, least int) bool {
	s = strings.TrimSuffix(s, ".")
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < least && !strings.EqualFold(s, "localhost") {
		return false
	}
	for _, l := range labels {
		if !label(l) || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// label reports whether a text is one of letters, digits, hyphens and underscores; names of network
// interfaces, behind an address of one link, are taken by the same rule.
func label(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}
