// Package api is what the control interface of a running name server and its clients say to each
// other: the JSON of answers and requests, problems (RFC 9457), and a compact form for zones of any
// size. The server is nameserver/control; clients are providers/zonecast and the commands of
// `zonecast nameserver`.
//
//	GET    /v1/status                    version, uptime, zones by kind, counters
//	GET    /v1/zones?after=&limit=&kind= zones in order of their names, page by page
//	POST   /v1/reload                    read files and configuration again
//	GET    /v1/zones/ZONE                a zone without its records
//	PUT    /v1/zones/ZONE                make it; with If-Match: put these records in place of its own
//	DELETE /v1/zones/ZONE                with If-Match
//	GET    /v1/zones/ZONE/records        all, or those of ?owner= and ?type=
//	PATCH  /v1/zones/ZONE/records        change RRsets, all or none; with If-Match
//	POST   /v1/zones/ZONE/refresh, retransfer, accept, notify
//	GET    /v1/zones/ZONE/versions
//	POST   /v1/zones/ZONE/restore        make an old version the newest
//
// A zone's revision is its ETag; If-Match: * stands for whichever it has, also when others write
// meanwhile. Records are JSON, a zone file (text/dns, RFC 4027) or the compact
// form (Sets), by Accept and Content-Type. A write with an Idempotency-Key has one effect, however
// often it is sent.
//
//	sets, err := api.ReadSets(body, func(set zone.RRset) error { … })
//
// The package does no I/O but what UnixTransport and TLSTransport dial, and the files of certificates.
package api
