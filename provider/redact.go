package provider

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const redacted = "[redacted]"

// userInfo is what stands between scheme and host of a URL, up to the last "@": passwords may hold
// one. Slashes may be escaped, as some services do in JSON.
var userInfo = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]*:(?:/|\\/){2})[^/?#\s"<>]*@`)

// parameter is the name of one of the query or the fragment of a URL, the separator before it as JSON
// and XML may have escaped it.
var parameter = regexp.MustCompile(`(?:[?&;#]|\\u0026)([\w.~%\[\]-]+)=`)

// secretWords are what names of secret parameters hold; those of placeWords are places in lists,
// which services call tokens too.
var (
	secretWords = []string{"token", "secret", "passw", "passphrase", "signature", "credential", "apikey", "accesskey", "auth", "assertion", "session"}
	secretNames = []string{"key", "sig", "pass", "pwd", "pw", "jwt"}
	placeWords  = []string{"page", "skip", "next", "cursor", "continu", "marker"}
)

// Redact takes user info and secret parameters out of all URLs of a text: what is shown, logged or
// kept may have an address in it that somebody wrote a password into, or that a service made up.
func Redact(s string) string {
	if strings.Contains(s, "@") {
		s = userInfo.ReplaceAllString(s, "${1}"+redacted+"@")
	}
	if !strings.Contains(s, "=") {
		return s
	}
	var b strings.Builder
	done := 0
	for _, at := range parameter.FindAllStringSubmatchIndex(s, -1) {
		if at[0] < done || !secretParameter(s[at[2]:at[3]]) {
			continue
		}
		value := s[at[1]:]
		if end := strings.IndexAny(value, "& \t\r\n\"<>#"); end >= 0 {
			value = value[:end]
		}
		if value != "" {
			b.WriteString(s[done:at[1]] + redacted)
			done = at[1] + len(value)
		}
	}
	return b.String() + s[done:]
}

func secretParameter(name string) bool {
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	name = strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(name))
	in := func(w string) bool { return strings.Contains(name, w) }
	return (slices.ContainsFunc(secretWords, in) || slices.Contains(secretNames, name)) && !slices.ContainsFunc(placeWords, in)
}

// Address reads an option that is the address of an API: scheme, host and path, without a final
// slash. Errors go on after the option's name ("is …") and never repeat what may be a password:
// credentials have options of their own, and an address is shown in messages and traces.
func Address(text string) (*url.URL, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "/")
	u, err := url.Parse(text)
	switch {
	case strings.Contains(text, "@") && (err != nil || u.User != nil || u.Host == ""):
		return nil, errors.New("holds a user or a password; take them out: who signs in stands in options of its own")
	case strings.ContainsAny(text, "?#"):
		return nil, errors.New("goes on after the path; take out what begins with ? or #")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		if strings.Contains(text, "@") {
			text = "…" // of a path; still, nobody knows what was meant
		}
		return nil, fmt.Errorf("is %q", text)
	}
	return u, nil
}

// Host checks an option that names a host: it is no URL, and nobody signs in with it. Errors go on
// after the option's name ("is …") and do not repeat what may be a password.
func Host(text string) error {
	switch {
	case strings.Contains(text, "@"):
		return errors.New("holds an @: who signs in stands in options of its own; write a name or an address")
	case strings.ContainsAny(text, "?#"):
		return errors.New("is no host; write a name or an address")
	case strings.ContainsAny(text, "/ "):
		return fmt.Errorf("is %q; write a name or an address", text)
	}
	return nil
}
