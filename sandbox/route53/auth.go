package route53

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A principal is someone who signs: a user's key, or the session of an assumed role.
type principal struct {
	keyID, secret string
	token         string // of a session
	expires       time.Time
	arn, userID   string
	allow         []string
}

func (s *Service) user(k Key) *principal {
	name := k.User
	if name == "" {
		name = k.ID
	}
	return &principal{
		keyID: k.ID, secret: k.Secret, allow: k.Allow,
		arn: "arn:aws:iam::" + s.opt.Account + ":user/" + name, userID: "AIDA" + random(alphanumeric, 17),
	}
}

// may reports whether the principal's policy allows an action.
func (p *principal) may(action string) bool {
	return p.allow == nil || slices.ContainsFunc(p.allow, func(pattern string) bool {
		prefix, wild := strings.CutSuffix(pattern, "*")
		return wild && strings.HasPrefix(action, prefix) || pattern == action
	})
}

// A signature is a taken-apart Authorization header
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html).
type signature struct {
	keyID, date, region, service string
	headers                      []string
	hex                          string
}

const (
	algorithm = "AWS4-HMAC-SHA256"
	skew      = 5 * time.Minute
	basicTime = "20060102T150405Z"
)

// authenticate finds out who has signed the request for a service ("route53" or "sts").
// Messages are those of the service, as clients report them; what they say of the request is
// described in https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html.
func (s *Service) authenticate(r *http.Request, service string) (*principal, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, refuse(http.StatusForbidden, "MissingAuthenticationToken", "Missing Authentication Token")
	}
	sig, err := parseAuthorization(header)
	if err != nil {
		return nil, err
	}
	at, err := s.checkScope(r, sig, service)
	if err != nil {
		return nil, err
	}
	p, err := s.principal(sig.keyID, r.Header.Get("X-Amz-Security-Token"))
	if err != nil {
		return nil, err
	}
	want, err := sign(r, sig, at, p.secret)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal([]byte(want), []byte(sig.hex)) {
		return nil, mismatch("The request signature we calculated does not match the signature you provided. " +
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return p, nil
}

func mismatch(text string) *fault {
	return refuse(http.StatusForbidden, "SignatureDoesNotMatch", "%s", text)
}

func incomplete(format string, args ...any) *fault {
	return refuse(http.StatusBadRequest, "IncompleteSignature", format, args...)
}

func parseAuthorization(header string) (signature, error) {
	var sig signature
	rest, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return sig, incomplete("Unsupported AWS 'algorithm': '%s'.", strings.SplitN(header, " ", 2)[0])
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return sig, incomplete("'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", strings.TrimSpace(part), header)
		}
		fields[k] = v
	}
	for _, k := range []string{"Credential", "SignedHeaders", "Signature"} {
		if fields[k] == "" {
			return sig, incomplete("Authorization header requires '%s' parameter. Authorization=%s", k, algorithm)
		}
	}
	scope := strings.Split(fields["Credential"], "/")
	if len(scope) != 5 {
		return sig, incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", fields["Credential"])
	}
	if scope[4] != "aws4_request" {
		return sig, mismatch("Credential should be scoped with a valid terminator: 'aws4_request', not '" + scope[4] + "'.")
	}
	sig = signature{keyID: scope[0], date: scope[1], region: scope[2], service: scope[3], hex: fields["Signature"]}
	sig.headers = strings.Split(fields["SignedHeaders"], ";")
	return sig, nil
}

// checkScope checks what the signature is for, and its time against the clock.
func (s *Service) checkScope(r *http.Request, sig signature, service string) (time.Time, error) {
	var zero time.Time
	if sig.service != service {
		return zero, mismatch("Credential should be scoped to correct service: '" + service + "'. ")
	}
	if service == "route53" && sig.region != "us-east-1" {
		return zero, mismatch("Credential should be scoped to a valid region, not '" + sig.region + "'. ")
	}
	for _, h := range []string{"host", "x-amz-date"} {
		if !slices.Contains(sig.headers, h) {
			return zero, mismatch("'" + http.CanonicalHeaderKey(h) + "' must be a 'SignedHeader' in the AWS Authorization.")
		}
	}
	stamp := r.Header.Get("X-Amz-Date")
	at, err := time.Parse(basicTime, stamp)
	if err != nil {
		return zero, incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", stamp)
	}
	if sig.date != stamp[:8] {
		return zero, mismatch("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '" +
			sig.date + "' != '" + stamp[:8] + "', from '" + stamp + "'.")
	}
	now := s.opt.Now().UTC()
	if early := now.Add(-skew); at.Before(early) {
		return zero, mismatch("Signature expired: " + stamp + " is now earlier than " + early.Format(basicTime) +
			" (" + now.Format(basicTime) + " - 5 min.)")
	}
	if late := now.Add(skew); at.After(late) {
		return zero, mismatch("Signature not yet current: " + stamp + " is still later than " + late.Format(basicTime) +
			" (" + now.Format(basicTime) + " + 5 min.)")
	}
	return at, nil
}

func (s *Service) principal(keyID, token string) (*principal, error) {
	s.mu.RLock()
	p := s.sessions[keyID]
	s.mu.RUnlock()
	if p == nil {
		p = s.keys[keyID]
	}
	if p == nil || p.token != token {
		return nil, refuse(http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	if p.token != "" && !s.opt.Now().Before(p.expires) {
		return nil, refuse(http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
	}
	return p, nil
}

// sign calculates the signature that the request should have
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
func sign(r *http.Request, sig signature, at time.Time, secret string) (string, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return "", err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !slices.IsSorted(sig.headers) {
		return "", incomplete("SignedHeaders must be in order.")
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + canonicalPath(r.URL) + "\n" + canonicalQuery(r.URL.RawQuery) + "\n")
	for _, h := range sig.headers {
		b.WriteString(h + ":" + canonicalHeader(r, h) + "\n")
	}
	sum := sha256.Sum256(body)
	b.WriteString("\n" + strings.Join(sig.headers, ";") + "\n" + hex.EncodeToString(sum[:]))
	request := sha256.Sum256([]byte(b.String()))

	scope := sig.date + "/" + sig.region + "/" + sig.service + "/aws4_request"
	text := algorithm + "\n" + at.Format(basicTime) + "\n" + scope + "\n" + hex.EncodeToString(request[:])
	key := []byte("AWS4" + secret)
	for _, part := range []string{sig.date, sig.region, sig.service, "aws4_request"} {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text)), nil
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// canonicalPath encodes the path a second time, as all services but S3 want it.
func canonicalPath(u *url.URL) string {
	p := u.EscapedPath()
	if p == "" {
		return "/"
	}
	return percent(p, true)
}

func canonicalQuery(raw string) string {
	var pairs []string
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		pairs = append(pairs, requote(k)+"="+requote(v))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

func requote(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		s = plain
	}
	return percent(s, false)
}

// percent encodes all but unreserved characters (RFC 3986, section 2.3).
func percent(s string, slash bool) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0, slash && c == '/':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(upper[c>>4])
			b.WriteByte(upper[c&15])
		}
	}
	return b.String()
}

func canonicalHeader(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := slices.Clone(r.Header.Values(name))
	for i, v := range values {
		values[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(values, ",")
}
