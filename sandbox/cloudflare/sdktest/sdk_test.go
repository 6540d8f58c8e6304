package sdktest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	cf "github.com/cloudflare/cloudflare-go/v7"
	"github.com/cloudflare/cloudflare-go/v7/accounts"
	"github.com/cloudflare/cloudflare-go/v7/dns"
	"github.com/cloudflare/cloudflare-go/v7/option"
	"github.com/cloudflare/cloudflare-go/v7/zones"

	"github.com/zonecast/zonecast/internal/patience"
	"github.com/zonecast/zonecast/sandbox/cloudflare"
	"github.com/zonecast/zonecast/sandbox/service"
)

// start returns an emulation and the SDK's client for it.
func start(t *testing.T, o cloudflare.Options, more ...option.RequestOption) (*cloudflare.Service, *cf.Client) {
	t.Helper()
	svc := cloudflare.New(o)
	server := httptest.NewServer(svc)
	t.Cleanup(server.Close)
	if more == nil {
		more = []option.RequestOption{option.WithAPIToken(cloudflare.DefaultToken)}
	}
	options := append([]option.RequestOption{
		option.WithBaseURL(server.URL + cloudflare.Prefix + "/"), option.WithMaxRetries(0),
	}, more...)
	return svc, cf.NewClient(options...)
}

// code is the first code of an error of the API, 0 for none.
func code(err error) int64 {
	var e *cf.Error
	if !errors.As(err, &e) || len(e.Errors) == 0 {
		return 0
	}
	return e.Errors[0].Code
}

func TestTokenAndAccounts(t *testing.T) {
	t.Parallel()
	_, client := start(t, cloudflare.Options{})
	ctx := t.Context()
	token, err := client.User.Tokens.Verify(ctx)
	if err != nil || token.Status != "active" || token.ID == "" {
		t.Fatalf("verify = %+v, %v; want active", token, err)
	}
	page, err := client.Accounts.List(ctx, accounts.AccountListParams{})
	if err != nil || len(page.Result) != 1 || page.Result[0].ID != cloudflare.DefaultAccountID {
		t.Fatalf("accounts = %+v, %v; want the default one", page, err)
	}
	_, byKey := start(t, cloudflare.Options{}, option.WithAPIEmail(cloudflare.DefaultEmail), option.WithAPIKey(cloudflare.DefaultKey))
	if _, err := byKey.Zones.List(ctx, zones.ZoneListParams{}); err != nil {
		t.Errorf("with the key: %v", err)
	}
	_, expired := start(t, cloudflare.Options{}, option.WithAPIToken(cloudflare.DefaultExpiredToken))
	if _, err := expired.Zones.List(ctx, zones.ZoneListParams{}); code(err) != 9109 {
		t.Errorf("with an expired token: %v; want 9109", err)
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	_, client := start(t, cloudflare.Options{})
	ctx := t.Context()
	made, err := client.Zones.New(ctx, zones.ZoneNewParams{
		Account: cf.F(zones.ZoneNewParamsAccount{ID: cf.F(cloudflare.DefaultAccountID)}),
		Name:    cf.F("example.org"), Type: cf.F(zones.TypeFull),
	})
	if err != nil || made.Status != "pending" || len(made.NameServers) != 2 || made.Account.ID != cloudflare.DefaultAccountID {
		t.Fatalf("new = %+v, %v", made, err)
	}
	if made.CreatedOn.IsZero() || !made.ActivatedOn.IsZero() {
		t.Errorf("created on %v, activated on %v; want only the first", made.CreatedOn, made.ActivatedOn)
	}
	for i := range 120 {
		if _, err := client.Zones.New(ctx, zones.ZoneNewParams{
			Account: cf.F(zones.ZoneNewParamsAccount{ID: cf.F(cloudflare.DefaultAccountID)}), Name: cf.F(fmt.Sprintf("zone%03d.example", i)),
		}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	pager := client.Zones.ListAutoPaging(ctx, zones.ZoneListParams{PerPage: cf.F(50.0)})
	for pager.Next() {
		seen[pager.Current().ID] = true
	}
	if pager.Err() != nil || len(seen) != 121 {
		t.Errorf("paged %d zones, %v; want 121", len(seen), pager.Err())
	}
	found, err := client.Zones.List(ctx, zones.ZoneListParams{Name: cf.F("example.org")})
	if err != nil || len(found.Result) != 1 || found.Result[0].ID != made.ID {
		t.Errorf("by name: %+v, %v", found, err)
	}
	edited, err := client.Zones.Edit(ctx, zones.ZoneEditParams{ZoneID: cf.F(made.ID), Paused: cf.F(true)})
	if err != nil || !edited.Paused {
		t.Errorf("edit = %+v, %v; want paused", edited, err)
	}
	if gone, err := client.Zones.Delete(ctx, zones.ZoneDeleteParams{ZoneID: cf.F(made.ID)}); err != nil || gone.ID != made.ID {
		t.Errorf("delete = %+v, %v", gone, err)
	}
	if _, err := client.Zones.Get(ctx, zones.ZoneGetParams{ZoneID: cf.F(made.ID)}); err == nil {
		t.Error("a deleted zone can be read")
	}
}

// bodies are one record of every type that Cloudflare has, as the SDK spells them.
func bodies() map[string]dns.RecordNewParamsBodyUnion {
	const name = "t.example.com"
	ttl := cf.F(dns.TTL(3600))
	return map[string]dns.RecordNewParamsBodyUnion{
		"A":     dns.ARecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.ARecordTypeA), Content: cf.F("192.0.2.1"), Comment: cf.F("one")},
		"AAAA":  dns.AAAARecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.AAAARecordTypeAAAA), Content: cf.F("2001:db8:0:0::1")},
		"CNAME": dns.CNAMERecordParam{Name: cf.F("alias.example.com"), TTL: ttl, Type: cf.F(dns.CNAMERecordTypeCNAME), Content: cf.F("target.example.net")},
		"MX":    dns.MXRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.MXRecordTypeMX), Content: cf.F("mail.example.com"), Priority: cf.F(10.0)},
		"NS":    dns.NSRecordParam{Name: cf.F("sub.example.com"), TTL: ttl, Type: cf.F(dns.NSRecordTypeNS), Content: cf.F("ns1.example.net")},
		"PTR":   dns.PTRRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.PTRRecordTypePTR), Content: cf.F("host.example.com")},
		"TXT":   dns.TXTRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.TXTRecordTypeTXT), Content: cf.F(`"v=spf1 -all"`)},
		"CAA": dns.CAARecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.CAARecordTypeCAA), Data: cf.F(dns.CAARecordDataParam{
			Flags: cf.F(0.0), Tag: cf.F("issue"), Value: cf.F("letsencrypt.org"),
		})},
		"CERT": dns.CERTRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.CERTRecordTypeCERT), Data: cf.F(dns.CERTRecordDataParam{
			Type: cf.F(1.0), KeyTag: cf.F(2.0), Algorithm: cf.F(8.0), Certificate: cf.F("AAECAw=="),
		})},
		"DS": dns.DSRecordParam{Name: cf.F("sub.example.com"), TTL: ttl, Type: cf.F(dns.DSRecordTypeDS), Data: cf.F(dns.DSRecordDataParam{
			KeyTag: cf.F(2371.0), Algorithm: cf.F(13.0), DigestType: cf.F(2.0),
			Digest: cf.F("48e939042e82c22542cb377b580dfdc52a361cefdc72e7f9107e2b6bd9306a45"),
		})},
		"HTTPS": dns.HTTPSRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.HTTPSRecordTypeHTTPS), Data: cf.F(dns.HTTPSRecordDataParam{
			Priority: cf.F(1.0), Target: cf.F("."), Value: cf.F(`alpn="h3,h2"`),
		})},
		"LOC": dns.LOCRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.LOCRecordTypeLOC), Data: cf.F(dns.LOCRecordDataParam{
			LatDegrees: cf.F(37.0), LatMinutes: cf.F(46.0), LatSeconds: cf.F(46.0), LatDirection: cf.F(dns.LOCRecordDataLatDirectionN),
			LongDegrees: cf.F(122.0), LongMinutes: cf.F(23.0), LongSeconds: cf.F(35.0), LongDirection: cf.F(dns.LOCRecordDataLongDirectionW),
			Altitude: cf.F(0.0), Size: cf.F(100.0), PrecisionHorz: cf.F(0.0), PrecisionVert: cf.F(0.0),
		})},
		"NAPTR": dns.NAPTRRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.NAPTRRecordTypeNAPTR), Data: cf.F(dns.NAPTRRecordDataParam{
			Order: cf.F(100.0), Preference: cf.F(10.0), Flags: cf.F("S"), Service: cf.F("SIP+D2U"), Regex: cf.F(""), Replacement: cf.F("_sip._udp.example.com."),
		})},
		"OPENPGPKEY": dns.RecordNewParamsBodyDNSRecordsOpenpgpkeyRecord{
			Name: cf.F(name), TTL: ttl, Type: cf.F(dns.RecordNewParamsBodyDNSRecordsOpenpgpkeyRecordTypeOpenpgpkey), Content: cf.F("AAECAw=="),
		},
		"SMIMEA": dns.SMIMEARecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.SMIMEARecordTypeSMIMEA), Data: cf.F(dns.SMIMEARecordDataParam{
			Usage: cf.F(3.0), Selector: cf.F(0.0), MatchingType: cf.F(0.0), Certificate: cf.F("aabbccdd"),
		})},
		"SRV": dns.SRVRecordParam{Name: cf.F("_xmpp._tcp.example.com"), TTL: ttl, Type: cf.F(dns.SRVRecordTypeSRV), Data: cf.F(dns.SRVRecordDataParam{
			Priority: cf.F(10.0), Weight: cf.F(5.0), Port: cf.F(5223.0), Target: cf.F("server.example.com"),
		})},
		"SSHFP": dns.SSHFPRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.SSHFPRecordTypeSSHFP), Data: cf.F(dns.SSHFPRecordDataParam{
			Algorithm: cf.F(4.0), Type: cf.F(2.0), Fingerprint: cf.F("48e939042e82c22542cb377b580dfdc52a361cefdc72e7f9107e2b6bd9306a45"),
		})},
		"SVCB": dns.SVCBRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.SVCBRecordTypeSVCB), Data: cf.F(dns.SVCBRecordDataParam{
			Priority: cf.F(1.0), Target: cf.F("svc.example.net"), Value: cf.F("port=8443"),
		})},
		"TLSA": dns.TLSARecordParam{Name: cf.F("_443._tcp.example.com"), TTL: ttl, Type: cf.F(dns.TLSARecordTypeTLSA), Data: cf.F(dns.TLSARecordDataParam{
			Usage: cf.F(3.0), Selector: cf.F(1.0), MatchingType: cf.F(1.0), Certificate: cf.F("48e939042e82c22542cb377b580dfdc52a361cefdc72e7f9107e2b6bd9306a45"),
		})},
		"URI": dns.URIRecordParam{Name: cf.F(name), TTL: ttl, Type: cf.F(dns.URIRecordTypeURI), Priority: cf.F(10.0), Data: cf.F(dns.URIRecordDataParam{
			Weight: cf.F(1.0), Target: cf.F("https://example.com/path"),
		})},
	}
}

func TestEveryType(t *testing.T) {
	t.Parallel()
	svc, client := start(t, cloudflare.Options{})
	id, err := svc.AddZone("example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for kind, body := range bodies() {
		made, err := client.DNS.Records.New(ctx, dns.RecordNewParams{ZoneID: cf.F(id), Body: body})
		if err != nil {
			t.Errorf("new %s: %v", kind, err)
			continue
		}
		if string(made.Type) != kind || made.ID == "" || made.TTL != 3600 || made.Content == "" || made.AsUnion() == nil {
			t.Errorf("new %s = %+v", kind, made)
		}
		read, err := client.DNS.Records.Get(ctx, made.ID, dns.RecordGetParams{ZoneID: cf.F(id)})
		if err != nil || read.JSON.RawJSON() != made.JSON.RawJSON() {
			t.Errorf("get %s = %v, %v; want what was made", kind, read, err)
		}
	}
	count := 0
	pager := client.DNS.Records.ListAutoPaging(ctx, dns.RecordListParams{ZoneID: cf.F(id), PerPage: cf.F(5.0)})
	for pager.Next() {
		count++
	}
	if want := len(bodies()); pager.Err() != nil || count != want {
		t.Errorf("listed %d, %v; want %d", count, pager.Err(), want)
	}
	page, err := client.DNS.Records.List(ctx, dns.RecordListParams{
		ZoneID: cf.F(id), Type: cf.F(dns.RecordListParamsTypeMX), Name: cf.F(dns.RecordListParamsName{Exact: cf.F("t.example.com")}),
	})
	if err != nil || len(page.Result) != 1 {
		t.Fatalf("MX by filter: %d records, %v; want one", len(page.Result), err)
	}
	// The SDK's union of records has no discriminator, so that it takes every record for its first
	// variant, A, and the priority of this one is only in the raw text.
	var mx struct{ Priority int }
	if raw := page.Result[0].JSON.RawJSON(); json.Unmarshal([]byte(raw), &mx) != nil || mx.Priority != 10 {
		t.Errorf("MX by filter: %s; want priority 10", raw)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	svc, client := start(t, cloudflare.Options{})
	id, err := svc.AddZone("example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	a := func(name, content string) dns.ARecordParam {
		return dns.ARecordParam{Name: cf.F(name), TTL: cf.F(dns.TTL1), Type: cf.F(dns.ARecordTypeA), Content: cf.F(content)}
	}
	one, err := client.DNS.Records.New(ctx, dns.RecordNewParams{ZoneID: cf.F(id), Body: a("one.example.com", "192.0.2.1")})
	if err != nil {
		t.Fatal(err)
	}
	two, err := client.DNS.Records.New(ctx, dns.RecordNewParams{ZoneID: cf.F(id), Body: a("two.example.com", "192.0.2.2")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.DNS.Records.New(ctx, dns.RecordNewParams{ZoneID: cf.F(id), Body: a("two.example.com", "192.0.2.2")}); code(err) != 81058 {
		t.Errorf("the same again: %v; want 81058", err)
	}
	edited, err := client.DNS.Records.Edit(ctx, one.ID, dns.RecordEditParams{ZoneID: cf.F(id), Body: dns.ARecordParam{
		Name: cf.F("one.example.com"), TTL: cf.F(dns.TTL(600)), Type: cf.F(dns.ARecordTypeA), Content: cf.F("192.0.2.11"),
	}})
	if err != nil || edited.Content != "192.0.2.11" || edited.TTL != 600 {
		t.Errorf("edit = %+v, %v", edited, err)
	}
	updated, err := client.DNS.Records.Update(ctx, one.ID, dns.RecordUpdateParams{ZoneID: cf.F(id), Body: a("one.example.com", "192.0.2.12")})
	if err != nil || updated.Content != "192.0.2.12" || updated.TTL != 1 {
		t.Errorf("update = %+v, %v", updated, err)
	}
	batch, err := client.DNS.Records.Batch(ctx, dns.RecordBatchParams{
		ZoneID:  cf.F(id),
		Deletes: cf.F([]dns.RecordBatchParamsDelete{{ID: cf.F(two.ID)}}),
		Posts:   cf.F([]dns.RecordBatchParamsPostUnion{a("two.example.com", "192.0.2.2"), a("three.example.com", "192.0.2.3")}),
	})
	if err != nil || len(batch.Deletes) != 1 || len(batch.Posts) != 2 || len(batch.Puts) != 0 || batch.Posts[1].Name != "three.example.com" {
		t.Errorf("batch = %+v, %v", batch, err)
	}
	gone, err := client.DNS.Records.Delete(ctx, one.ID, dns.RecordDeleteParams{ZoneID: cf.F(id)})
	if err != nil || gone.ID != one.ID {
		t.Errorf("delete = %+v, %v", gone, err)
	}
	if _, err := client.DNS.Records.Get(ctx, one.ID, dns.RecordGetParams{ZoneID: cf.F(id)}); code(err) != 81044 {
		t.Errorf("get of a deleted record: %v; want 81044", err)
	}
}

func TestSettingsAndDNSSEC(t *testing.T) {
	t.Parallel()
	svc, client := start(t, cloudflare.Options{})
	id, err := svc.AddZone("example.com", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	set, err := client.DNS.Settings.Zone.Get(ctx, dns.SettingZoneGetParams{ZoneID: cf.F(id)})
	if err != nil || set.MultiProvider || set.NSTTL != 86400 || set.ZoneMode != "standard" || set.Nameservers.Type != "cloudflare.standard" {
		t.Errorf("settings = %+v, %v", set, err)
	}
	edited, err := client.DNS.Settings.Zone.Edit(ctx, dns.SettingZoneEditParams{ZoneID: cf.F(id), MultiProvider: cf.F(true)})
	if err != nil || !edited.MultiProvider || edited.NSTTL != 86400 {
		t.Errorf("edited settings = %+v, %v; want only multi_provider changed", edited, err)
	}
	sec, err := client.DNS.DNSSEC.Get(ctx, dns.DNSSECGetParams{ZoneID: cf.F(id)})
	if err != nil || sec.Status != dns.DNSSECStatusDisabled {
		t.Errorf("dnssec = %+v, %v; want disabled", sec, err)
	}
	sec, err = client.DNS.DNSSEC.Edit(ctx, dns.DNSSECEditParams{ZoneID: cf.F(id), Status: cf.F(dns.DNSSECEditParamsStatusActive)})
	if err != nil || sec.Status != dns.DNSSECStatusPending || sec.DS == "" || sec.KeyTag == 0 {
		t.Errorf("dnssec = %+v, %v; want pending with a DS record", sec, err)
	}
}

// The SDK itself retries what the service throttles, after the time that it is told.
func TestThrottled(t *testing.T) {
	t.Parallel()
	svc, client := start(t, cloudflare.Options{}, option.WithAPIToken(cloudflare.DefaultToken), option.WithMaxRetries(2))
	svc.Panel().Turn(func(k *service.Knobs) { k.Throttle, k.RetryAfter = 1, service.Duration(time.Second) })
	ctx, cancel := context.WithTimeout(t.Context(), patience.Limit)
	defer cancel()
	for range 2 {
		if _, err := client.Zones.List(ctx, zones.ZoneListParams{}); err != nil {
			t.Fatal(err)
		}
	}
	if calls := svc.Panel().Total(); calls < 3 {
		t.Errorf("%d calls, want a refused one and its repetition", calls)
	}
	svc.Panel().Turn(func(k *service.Knobs) { *k = service.Knobs{Outage: true} })
	_, err := client.Zones.List(ctx, zones.ZoneListParams{}, option.WithMaxRetries(0))
	var e *cf.Error
	if !errors.As(err, &e) || e.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("in an outage: %v; want 503", err)
	}
}
