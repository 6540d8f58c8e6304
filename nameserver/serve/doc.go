// Package serve makes a name server out of folders of zone files: it joins the engine (package
// nameserver), the sockets (nameserver/socket) and the desk for transfers (nameserver/xfr), and
// keeps what is answered equal to the files.
//
// In flow BIND zone files (*.zone, *.db, *.txt), read and compiled side by side. A file that changes
// replaces its zone in one step. What cannot be used changes nothing: a broken file leaves the zone
// as it was and says where it is broken, a folder that is not there deletes nothing, a file that was
// written half is left alone until it rests. Out flow answers, and a Report of each look at the
// folders.
//
//	s, err := serve.Listen(serve.Options{
//		Folders:   []string{"/etc/zones"},
//		Endpoints: []socket.Endpoint{{Service: socket.DNS, Addr: netip.MustParseAddrPort("192.0.2.53:53")}},
//		Report:    func(r serve.Report) { … },
//	})
//	report, err := s.Load(ctx)   // every zone, before the first answer
//	err = s.Run(ctx, reload)     // until ctx ends; then what has arrived is still answered
//
// Beside it stands what a service of an operating system needs: handed-over sockets and messages to
// systemd (Inherited, Tell), giving up rights (DropTo), metrics for Prometheus.
//
// The package reads no configuration, writes no file and prints nothing.
package serve
