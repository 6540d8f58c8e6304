package conformance

import "github.com/zonecast/zonecast/zone"

// values are real-world RDATA of each type, as RRsets: the first is created, the others replace
// it one after the other. Names are relative to the zone unless they end in a dot.
var values = map[zone.Type][][]string{
	zone.TypeA:     {{"192.0.2.1"}, {"192.0.2.1", "192.0.2.2", "198.51.100.255"}, {"0.0.0.0", "255.255.255.255"}},
	zone.TypeAAAA:  {{"2001:db8::1"}, {"2001:db8::1", "2001:db8:0:1:1:1:1:1"}, {"::", "::ffff:192.0.2.1", "fe80::1"}},
	zone.TypeNS:    {{"ns1.example.net.", "ns2.example.net."}, {"ns1.example.net."}, {"ns.below", "ns2.example.net."}},
	zone.TypeCNAME: {{"www.example.net."}, {"target"}, {"_x.y-z.example.com."}},
	zone.TypePTR:   {{"host.example.net."}, {"host.example.net.", "other.example.net."}, {"xn--mnchen-3ya.example."}},
	zone.TypeHINFO: {{`"PC" "Linux"`}, {`"RFC8482" ""`}},
	zone.TypeMX: {
		{"10 mx1.example.net."},
		{"10 mx1.example.net.", "10 mx2.example.net.", "65535 mx3.example.net."},
		{"0 mail"},
	},
	zone.TypeTXT: {
		{`"v=spf1 include:_spf.example.net ip4:192.0.2.0/24 -all"`},
		{`"v=spf1 -all"`, `"google-site-verification=rXOxyZounnZasA8Z7oaD3c14JdjS9aKSWvsR1EbUSIQ"`},
		{`"v=DMARC1; p=reject; rua=mailto:dmarc@example.net!10m"`},
	},
	zone.TypeRP:    {{"admin.example.net. info.example.net."}, {". ."}},
	zone.TypeAFSDB: {{"1 afs.example.net."}, {"2 dce.example.net.", "1 afs.example.net."}},
	zone.TypeLOC: {
		{"52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m"},
		{"31 58 52.100 S 115 49 11.700 E 20.00m 10.00m 10.00m 2.00m"},
		{"0 0 0.000 N 0 0 0.000 W 8848.86m 4000000.00m 1.00m 10.00m"},
	},
	zone.TypeSRV: {
		{"10 60 5060 sip1.example.net."},
		{"10 60 5060 sip1.example.net.", "10 20 5060 sip2.example.net.", "65535 65535 65535 x.example.net."},
		{"0 0 0 ."},
	},
	zone.TypeNAPTR: {
		{`100 10 "u" "E2U+sip" "!^.*$!sip:info@example.net!" .`},
		{`100 50 "s" "SIPS+D2T" "" _sips._tcp.example.net.`, `10 100 "S" "SIP+D2U" "" _sip._udp.example.net.`},
		{`0 0 "" "" "!^(\\+41.*)$!tel:\\1!" .`},
	},
	zone.TypeCERT:  {{"PGP 0 0 mQENBFbSsO8BCADNsQ=="}, {"65534 65535 254 AQIDBA=="}},
	zone.TypeDNAME: {{"example.net."}, {"other.example.com."}},
	zone.TypeDS: {
		{"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
		{
			"370 13 2 BE74359954660069D5C63D200C39F5603827D7DD02B56F120EE9F3A86764247C",
			"60485 8 4 72D7B62976CE06438E9C0BF319013CF801F09ECC84B8D7E9495F27E305C6A9B0563A9B5F4D288405C3008A946DF983D6",
		},
	},
	zone.TypeSSHFP: {
		{"4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789"},
		{"1 1 DD465C09CFA51FB45020CC83316FFF21B9EC74AC", "3 1 BA1B5E9A1D8E2F0A1B2C3D4E5F60718293A4B5C6"},
	},
	zone.TypeDNSKEY: {
		{"256 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA=="},
		{"257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="},
	},
	zone.TypeTLSA: {
		{"3 1 1 8755CDAA8FE24EF16CC0F2C918063185E433FAAF1415664911D9E30A924138C4"},
		{
			"3 1 1 8755CDAA8FE24EF16CC0F2C918063185E433FAAF1415664911D9E30A924138C4",
			"2 0 2 92003BA34942DC74152E2F2C408D29ECA5A520E7F2E06BB944F4DCA346BAF63C1B177615D466F6C4B71C216A50292BD58C9EBDD2F74E38FE51FFD48C43326CBC",
		},
	},
	zone.TypeSMIMEA: {{"3 0 0 308205AB30"}, {"3 1 1 8755CDAA8FE24EF16CC0F2C918063185E433FAAF1415664911D9E30A924138C4"}},
	zone.TypeCDS: {
		{"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
		{"370 13 2 BE74359954660069D5C63D200C39F5603827D7DD02B56F120EE9F3A86764247C"},
	},
	zone.TypeCDNSKEY: {
		{"257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="},
		{"257 3 13 oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA=="},
	},
	zone.TypeOPENPGPKEY: {{"mQENBFVHm5sBCACzAeqXEVzLnLnoKJnpHTUBnWpEP/5Hgv8qkQ=="}, {"AQIDBAUGBwgJCgsMDQ4PEA=="}},
	zone.TypeCSYNC:      {{"66 3 A NS AAAA"}, {"4294967295 0 NS"}},
	zone.TypeZONEMD: {
		{"2018031900 1 1 C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC27777F98B8E730044C"},
	},
	zone.TypeSVCB: {
		{"0 svc.example.net."},
		{"1 svc.example.net. alpn=h2,h3 port=8443", "2 svc2.example.net. ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1"},
		{"16 foo.example.org. mandatory=alpn,ipv4hint alpn=h2,h3-19 ipv4hint=192.0.2.1"},
	},
	zone.TypeHTTPS: {
		{"1 . alpn=h2,h3"},
		{"1 . alpn=h3 no-default-alpn port=8443 ech=AEX+DQBBpQAgACB/RU5hAC5mXe3uOZtNY58Bc8UU1cd4Q3Fq"},
		{"0 pool.svc.example."},
	},
	zone.TypeSPF: {{`"v=spf1 -all"`}, {`"v=spf1 mx a:mail.example.net ~all"`}},
	zone.TypeURI: {{`10 1 "https://www.example.net/path?x=1&y=%20"`}, {`0 65535 "ftp://ftp.example.net/public"`, `1 1 "sip:a@example.net"`}},
	zone.TypeCAA: {
		{`0 issue "ca.example.net"`},
		{`0 issue "ca.example.net; account=230123; validationmethods=dns-01"`, `0 issuewild ";"`, `128 iodef "mailto:security@example.com"`},
		{`0 issue ";"`},
	},
	zone.TypeALIAS:  {{"target.example.net."}, {"other.example.net."}},
	zone.TypeURLFWD: {{"/ https://www.example.net/ 301 2 0"}, {"/a https://example.net/b 302 0 0"}},

	9:     {{"mailbox.example.net."}},                                                                                                                                                                                                                 // MR
	19:    {{`"311061700956"`}},                                                                                                                                                                                                                       // X25
	20:    {{`"150862028003217" "004"`}, {`"150862028003217"`}},                                                                                                                                                                                       // ISDN
	21:    {{"10 relay.example.net."}},                                                                                                                                                                                                                // RT
	26:    {{"10 map822.example.net. mapx400.example.net."}},                                                                                                                                                                                          // PX
	27:    {{`"-32.6882" "116.8652" "10.0"`}},                                                                                                                                                                                                         // GPOS
	36:    {{"2 kx.example.net."}, {"1 kx1.example.net.", "2 kx.example.net."}},                                                                                                                                                                       // KX
	42:    {{"1:192.168.32.0/21 !1:192.168.38.0/28"}, {"2:2001:db8::/32"}},                                                                                                                                                                            // APL
	45:    {{"10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="}, {"10 3 2 gw.example.net. AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="}},                                                                                      // IPSECKEY
	49:    {{"AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="}},                                                                                                                                                                                     // DHCID
	55:    {{"2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+Upr1gsNrut79ryra+bSRGQb1slImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D rvs.example.net."}}, // HIP
	104:   {{"10 0014:4fff:ff20:ee64"}},                                                                                                                                                                                                               // NID
	105:   {{"10 10.1.2.0"}},                                                                                                                                                                                                                          // L32
	106:   {{"10 2001:0db8:1140:1000"}},                                                                                                                                                                                                               // L64
	107:   {{"10 l64-subnet1.example.net."}},                                                                                                                                                                                                          // LP
	108:   {{"00-00-5e-00-53-2a"}},                                                                                                                                                                                                                    // EUI48
	109:   {{"00-00-5e-ef-10-00-00-2a"}},                                                                                                                                                                                                              // EUI64
	258:   {{`"app-name:WOLFGANG" "app-class:OAM"`}},                                                                                                                                                                                                  // AVC
	260:   {{"10 0 1 203.0.113.15"}, {"10 1 3 amtrelays.example.net."}},                                                                                                                                                                               // AMTRELAY
	261:   {{`"qnamemin" "exterr=15-17"`}},                                                                                                                                                                                                            // RESINFO
	262:   {{`"ETH" "0x0102"`}},                                                                                                                                                                                                                       // WALLET
	32768: {{"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"}},                                                                                                                                                                                   // TA
	32769: {{"60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"}},                                                                                                                                                                                   // DLV
	65285: {{`\# 4 0A000001`}, {`\# 0`}, {`\# 3 000102`, `\# 1 FF`}},                                                                                                                                                                                  // no mnemonic (RFC 3597)
}

// owners are where a type's values stand, when not at a plain host name.
var owners = map[zone.Type]string{
	zone.TypeSRV:        "_sip._tcp.type-srv",
	zone.TypeTLSA:       "_443._tcp.type-tlsa",
	zone.TypeSMIMEA:     "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._smimecert",
	zone.TypeOPENPGPKEY: "c93f1e400f26708f98cb19d936620da35eec8f72e57f9eec01c1afd6._openpgpkey",
	zone.TypeURI:        "_http._tcp.type-uri",
	zone.TypeSVCB:       "_8443._foo.type-svcb",
	zone.TypeDNSKEY:     "@",
	zone.TypeCDS:        "@",
	zone.TypeCDNSKEY:    "@",
	zone.TypeCSYNC:      "@",
	zone.TypeZONEMD:     "@",
	zone.TypeRP:         "type-rp",
}

// beside is what a type needs next to it.
var beside = map[zone.Type]string{
	zone.TypeDS: "type-ds 3600 NS ns1.example.net.",
	zone.TypeNS: "ns.below 3600 A 192.0.2.53",
}
