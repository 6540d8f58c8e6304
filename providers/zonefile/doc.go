// Package zonefile keeps zones as master files (RFC 1035, section 5) in a folder, one file for a
// zone, for BIND, Knot, NSD and whatever else reads them.
//
// A file that people keep stays theirs: comments, order and untouched lines survive a write. A
// write is one replacement of the file: a kill at any moment leaves the old file or the new one. The
// SOA belongs to the adapter: its serial grows with every write, its other fields are kept, and a
// new file gets one from the options. After a write, a command may tell the name server.
//
// The revision of a zone is a hash of its file and of what it includes. A write compares it under
// a lock that all zonecast processes on the machine share, so a file that was edited since the plan
// was made is never overwritten.
//
//	p, err := zonefile.Open(provider.Config{ID: "files", Values: map[string]provider.Value{
//		"directory": {Text: "/etc/bind/zones"}, "file_extension": {Text: ".zone"},
//		"reload":    {List: []string{"rndc", "reload", "{zone}"}},
//	}})
package zonefile
