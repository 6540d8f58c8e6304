// Package bind reads zones from a folder of zone files in the format of RFC 1035, as BIND and most
// other name servers have them; also as octoDNS's ZoneFileSource does.
//
// In flows a folder, out flow whole zones with the place of every RRset. Which file holds a zone
// is told by its SOA, its $ORIGIN or its name: example.org.zone, example.org.db, example.org.txt,
// db.example.org, example.org. or plain example.org. $INCLUDE stays inside the folder. The package
// never writes.
//
//	src := bind.New(bind.Options{ID: "files", Directory: "/etc/bind/zones"})
//	loaded, err := src.Load(ctx, zone.MustName("example.org."))
package bind
