package provider_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/zonecast/zonecast/provider"
)

func TestRedact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`Get "https://dns:hunter2@api.example/v1": dial tcp`:  `Get "https://[redacted]@api.example/v1": dial tcp`,
		`https://hunter2@api.example`:                         `https://[redacted]@api.example`,
		`https://dns:hun@ter2@api.example/x@y`:                `https://[redacted]@api.example/x@y`,
		`https://dns:hun'ter\2@api.example/`:                  `https://[redacted]@api.example/`,
		`see https:\/\/dns:hunter2@api.example\/v1`:           `see https:\/\/[redacted]@api.example\/v1`,
		`HTTPS://A:B@c http://d:e@f`:                          `HTTPS://[redacted]@c http://[redacted]@f`,
		`GET https://a.example/x?api_key=hunter2&page=2: 200`: `GET https://a.example/x?api_key=[redacted]&page=2: 200`,
		`https://a.example/?X-Amz-Signature=ab12&b=c`:         `https://a.example/?X-Amz-Signature=[redacted]&b=c`,
		`https://a.example/?a=b&key=hunter2`:                  `https://a.example/?a=b&key=[redacted]`,
		`https://a.example/?pageToken=abc&nexttoken=def`:      `https://a.example/?pageToken=abc&nexttoken=def`,
		`https://a.example/?a=b&amp;token=hunter2&amp;c=d`:    `https://a.example/?a=b&amp;token=[redacted]&amp;c=d`,
		`https://a.example/?a=b\u0026token=hun;ter2`:          `https://a.example/?a=b\u0026token=[redacted]`,
		`https://a.example/?a=b;token=hunter2`:                `https://a.example/?a=b;token=[redacted]`,
		`https://a.example/?api%5Fkey=hunter2&token%5B%5D=x`:  `https://a.example/?api%5Fkey=[redacted]&token%5B%5D=[redacted]`,
		`https://a.example/#access_token=hunter2`:             `https://a.example/#access_token=[redacted]`,
		`https://a.example/?token=&a=token=b`:                 `https://a.example/?token=&a=token=b`,
		`https://a.example/path and mail to dns@example.org`:  `https://a.example/path and mail to dns@example.org`,
		`www.example.org. TXT "v=DKIM1; k=rsa; p=MIIB"`:       `www.example.org. TXT "v=DKIM1; k=rsa; p=MIIB"`,
	} {
		if got := provider.Redact(text); got != want {
			t.Errorf("Redact(%q) = %q, want %q", text, got, want)
		}
		if got := provider.Redact(provider.Redact(text)); got != want {
			t.Errorf("%q redacted twice is %q, want %q", text, got, want)
		}
	}
	err := &provider.Error{Op: "read", Err: errors.New("Get https://dns:hunter2@api.example/: refused"), Advice: "see https://dns:hunter2@api.example/"}
	if got := err.Error(); strings.Contains(got, "hunter2") {
		t.Errorf("error is %q: it shows the password", got)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{ // address, or "!" and a part of the error
		"https://api.example/v1/":                  "https://api.example/v1",
		" http://127.0.0.1:8500 ":                  "http://127.0.0.1:8500",
		"https://api.example/@team":                "https://api.example/@team",
		"https://dns:hunter2@api.example/":         "!holds a user or a password",
		"https://hunter2@api.example/":             "!holds a user or a password",
		"https://dns:hunter2/hunter2@api.example/": "!holds a user or a password",
		"dns:hunter2@api.example":                  "!holds a user or a password",
		"https://api.example/?key=hunter2":         "!goes on after the path",
		"https://api.example/#hunter2":             "!goes on after the path",
		"api.example/v1":                           "!is \"api.example/v1\"",
		"ftp://api.example/":                       "!is \"ftp://api.example\"",
		"ftp://api.example/@hunter2":               "!is \"…\"",
		"":                                         "!is \"\"",
	} {
		u, err := provider.Address(text)
		var got string
		if err != nil {
			got = "!" + err.Error()
		} else {
			got = u.String()
		}
		if part, bad := strings.CutPrefix(want, "!"); bad != (err != nil) || !bad && got != want || bad && !strings.Contains(got, part) {
			t.Errorf("address %q gives %q, want %q", text, got, want)
		}
		if strings.Contains(got, "hunter2") {
			t.Errorf("address %q gives %q: it shows the password", text, got)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("https://a:b@c/?key=d")
	f.Add(`https:\/\/a@b@c?x=y&sig=`)
	f.Fuzz(func(t *testing.T, s string) {
		once := provider.Redact(s)
		if again := provider.Redact(once); again != once {
			t.Errorf("%q redacted once is %q, twice %q", s, once, again)
		}
	})
}
