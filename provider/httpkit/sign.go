package httpkit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An HMAC signs each request with a shared key: services differ in the text that is signed and in
// where the signature goes.
type HMAC struct {
	Key  Secret
	Hash func() hash.Hash // nil: SHA-256
	// Canonical is the text that is signed. It may set headers that the text covers, such as a date.
	Canonical func(r *http.Request, body []byte, now time.Time) (string, error)
	// Set puts the signature into the request.
	Set func(r *http.Request, signature []byte)
}

// Apply implements Auth.
func (h HMAC) Apply(r *http.Request) error {
	body, err := bodyOf(r)
	if err != nil {
		return err
	}
	text, err := h.Canonical(r, body, time.Now())
	if err != nil {
		return err
	}
	f := h.Hash
	if f == nil {
		f = sha256.New
	}
	h.Set(r, sum(f, []byte(h.Key), text))
	return nil
}

// Secrets implements Auth.
func (h HMAC) Secrets() []string { return []string{string(h.Key)} }

func sum(f func() hash.Hash, key []byte, text string) []byte {
	m := hmac.New(f, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// bodyOf reads a request's body and leaves it to be sent.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.GetBody == nil {
		return nil, fmt.Errorf("the body of %s %s cannot be read twice, and so not be signed", r.Method, r.URL.Path)
	}
	b, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	defer func() { _ = b.Close() }()
	return io.ReadAll(b)
}

// A SigV4 signs requests as AWS Signature Version 4 has it
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html),
// or as the services do that took it over with names of their own. Empty fields have AWS's values.
type SigV4 struct {
	AccessKey       string
	Secret          Secret
	SessionToken    Secret // "": none
	Region, Service string

	Algorithm   string // "AWS4-HMAC-SHA256"
	KeyPrefix   string // of the secret, where keys are derived: "AWS4"; "-": none
	Terminator  string // of the credential's scope: "aws4_request"
	DateHeader  string // "X-Amz-Date"
	TokenHeader string // "X-Amz-Security-Token"
	HashHeader  string // of the body's hash, such as "X-Amz-Content-Sha256"; "": it is not sent
	PathOnce    bool   // the path is escaped once in the signed text, as S3 has it; else twice

	Now func() time.Time // nil: time.Now
}

// unsigned are headers that transports and proxies change.
var unsigned = []string{"accept", "accept-encoding", "authorization", "connection", "content-length", "expect", "user-agent"}

// Secrets implements Auth.
func (s SigV4) Secrets() []string { return []string{string(s.Secret), string(s.SessionToken)} }

// Apply implements Auth.
func (s SigV4) Apply(r *http.Request) error {
	body, err := bodyOf(r)
	if err != nil {
		return err
	}
	s = s.complete()
	now := s.Now().UTC()
	stamp, day := now.Format("20060102T150405Z"), now.Format("20060102")
	r.Header.Set(s.DateHeader, stamp)
	if s.SessionToken != "" {
		r.Header.Set(s.TokenHeader, string(s.SessionToken))
	}
	digest := hexSum(body)
	if s.HashHeader != "" {
		r.Header.Set(s.HashHeader, digest)
	}
	headers, names := canonicalHeaders(r)
	request := strings.Join([]string{r.Method, s.path(r.URL), canonicalQuery(r.URL), headers, names, digest}, "\n")
	scope := strings.Join([]string{day, s.Region, s.Service, s.Terminator}, "/")
	text := strings.Join([]string{s.Algorithm, stamp, scope, hexSum([]byte(request))}, "\n")
	key := []byte(s.KeyPrefix + string(s.Secret))
	for _, part := range []string{day, s.Region, s.Service, s.Terminator} {
		key = sum(sha256.New, key, part)
	}
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%x",
		s.Algorithm, s.AccessKey, scope, names, sum(sha256.New, key, text)))
	return nil
}

// complete fills in AWS's names.
func (s SigV4) complete() SigV4 {
	for _, f := range []struct {
		field *string
		aws   string
	}{
		{&s.Algorithm, "AWS4-HMAC-SHA256"},
		{&s.KeyPrefix, "AWS4"},
		{&s.Terminator, "aws4_request"},
		{&s.DateHeader, "X-Amz-Date"},
		{&s.TokenHeader, "X-Amz-Security-Token"},
	} {
		if *f.field == "" {
			*f.field = f.aws
		}
	}
	if s.KeyPrefix == "-" {
		s.KeyPrefix = ""
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	return s
}

func hexSum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

func (s SigV4) path(u *url.URL) string {
	p := u.EscapedPath()
	if p == "" {
		return "/"
	}
	if s.PathOnce {
		return p
	}
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i] = escape(parts[i])
	}
	return strings.Join(parts, "/")
}

// escape is RFC 3986's: everything but unreserved characters.
func escape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "%7E", "~")
}

func canonicalQuery(u *url.URL) string {
	var list []string
	for name, values := range u.Query() {
		for _, v := range values {
			list = append(list, escape(name)+"="+escape(v))
		}
	}
	slices.SortFunc(list, func(a, b string) int { // by name, then by value: "=" sorts after "-" and "."
		an, av, _ := strings.Cut(a, "=")
		bn, bv, _ := strings.Cut(b, "=")
		if c := strings.Compare(an, bn); c != 0 {
			return c
		}
		return strings.Compare(av, bv)
	})
	return strings.Join(list, "&")
}

// canonicalHeaders are the headers that are signed, and their names.
func canonicalHeaders(r *http.Request) (headers, names string) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	signed := map[string]string{"host": host}
	for name, values := range r.Header {
		name = strings.ToLower(name)
		if slices.Contains(unsigned, name) {
			continue
		}
		clean := make([]string, len(values))
		for i, v := range values {
			clean[i] = strings.Join(strings.Fields(v), " ")
		}
		signed[name] = strings.Join(clean, ",")
	}
	list := make([]string, 0, len(signed))
	for name := range signed {
		list = append(list, name)
	}
	slices.Sort(list)
	var b strings.Builder
	for _, name := range list {
		b.WriteString(name + ":" + signed[name] + "\n")
	}
	return b.String(), strings.Join(list, ";")
}
