package route53

import (
	"encoding/xml"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

type metadata struct {
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type assumedRole struct {
	XMLName     xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
	UserArn     string   `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	UserID      string   `xml:"AssumeRoleResult>AssumedRoleUser>AssumedRoleId"`
	AccessKeyID string   `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Secret      string   `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	Token       string   `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Expiration  string   `xml:"AssumeRoleResult>Credentials>Expiration"`
	metadata
}

type callerIdentity struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse"`
	Arn     string   `xml:"GetCallerIdentityResult>Arn"`
	UserID  string   `xml:"GetCallerIdentityResult>UserId"`
	Account string   `xml:"GetCallerIdentityResult>Account"`
	metadata
}

// token answers a call of STS (query protocol).
func (s *Service) token(w http.ResponseWriter, r *http.Request) {
	answer, err := s.sts(r)
	if err != nil {
		if f, ok := errors.AsType[*fault](err); ok {
			f.sts = true
		}
		fail(w, err, false)
		return
	}
	id := requestID()
	switch a := answer.(type) {
	case *assumedRole:
		a.RequestID = id
	case *callerIdentity:
		a.RequestID = id
	}
	write(w, http.StatusOK, id, answer)
}

func (s *Service) sts(r *http.Request) (any, error) {
	p, err := s.authenticate(r, "sts")
	if err != nil {
		return nil, err
	}
	if err := r.ParseForm(); err != nil {
		return nil, refuse(http.StatusBadRequest, "MalformedInput", "%v", err)
	}
	action := r.PostForm.Get("Action")
	if v := r.PostForm.Get("Version"); v != "2011-06-15" {
		return nil, refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version %s", action, v)
	}
	switch action {
	case "GetCallerIdentity":
		return &callerIdentity{Arn: p.arn, UserID: p.userID, Account: s.opt.Account}, nil
	case "AssumeRole":
		return s.assume(r, p)
	default:
		return nil, refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s for version 2011-06-15", action)
	}
}

var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	knownSTS    = map[string]bool{
		"Action": true, "Version": true, "RoleArn": true, "RoleSessionName": true, "DurationSeconds": true,
		"ExternalId": true, "SourceIdentity": true,
	}
)

func validation(format string, args ...any) *fault {
	return refuse(http.StatusBadRequest, "ValidationError", format, args...)
}

// assume gives out credentials of a role
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html).
func (s *Service) assume(r *http.Request, p *principal) (any, error) {
	form := r.PostForm
	for k := range form {
		if !knownSTS[k] {
			return nil, validation("The emulation does not know the parameter %s", k)
		}
	}
	arn, name := form.Get("RoleArn"), form.Get("RoleSessionName")
	if len(arn) < 20 || len(arn) > 2048 {
		return nil, validation("1 validation error detected: Value '%s' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20", arn)
	}
	if !sessionName.MatchString(name) {
		return nil, validation(`1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`, name)
	}
	seconds := 3600
	if d := form.Get("DurationSeconds"); d != "" {
		n, err := strconv.Atoi(d)
		if err != nil || n < 900 || n > 43200 {
			return nil, validation("1 validation error detected: Value '%s' at 'durationSeconds' failed to satisfy constraint: Member must have value between 900 and 43200", d)
		}
		seconds = n
	}
	role, ok := s.roles[arn]
	if !ok || role.ExternalID != "" && role.ExternalID != form.Get("ExternalId") || !p.may("sts:AssumeRole") {
		return nil, refuse(http.StatusForbidden, "AccessDenied",
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", p.arn, arn)
	}
	return s.session(role, name, time.Duration(seconds)*time.Second), nil
}

// maxSessions bounds memory; the oldest are forgotten as if they had expired.
const maxSessions = 10_000

func (s *Service) session(role Role, name string, d time.Duration) *assumedRole {
	short := role.ARN[strings.LastIndexByte(role.ARN, '/')+1:]
	p := &principal{
		keyID: "ASIA" + random(alphanumeric, 16), secret: random(alphanumeric+"abcdefghijklmnopqrstuvwxyz+/", 40),
		token:   random(alphanumeric+"abcdefghijklmnopqrstuvwxyz+/", 300),
		expires: s.opt.Now().Add(d), allow: role.Allow,
		arn:    "arn:aws:sts::" + s.opt.Account + ":assumed-role/" + short + "/" + name,
		userID: "AROA" + random(alphanumeric, 17) + ":" + name,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= maxSessions {
		for k, old := range s.sessions {
			if len(s.sessions) >= maxSessions || old.expires.Before(s.opt.Now()) {
				delete(s.sessions, k)
			}
		}
	}
	s.sessions[p.keyID] = p
	return &assumedRole{
		UserArn: p.arn, UserID: p.userID, AccessKeyID: p.keyID, Secret: p.secret, Token: p.token,
		Expiration: p.expires.UTC().Format(time.RFC3339),
	}
}
