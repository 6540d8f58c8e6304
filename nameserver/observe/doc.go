// Package observe sees what a name server is asked and answers, beside answering.
//
// An Observer is put around what answers (Wrap). From then on it counts queries and how long they
// took, by transport, finds the zones that are asked most, and may send queries and answers on as
// dnstap or write a log of them:
//
//	o := observe.New(observe.Options{
//		TopZones: 20,
//		ZoneOf:   engine.Zones.Enclosing,
//		Dnstap:   &observe.Dnstap{Network: "unix", Address: "/run/dnstap.sock"},
//	})
//	socket.Listen(socket.Options{Answerer: o.Wrap(socket.Engine(engine, desk)), …})
//	go o.Run(ctx)
//
// Counting costs one reading of the clock for each batch of datagrams, which the engine then spares,
// and some additions; it allocates nothing. What is sent on goes through memory of fixed size that a
// thread never waits for: when it is full, because who reads is slow or gone, what would go there is
// dropped and counted.
//
// A time is that of a whole batch, from when it was taken out of the socket until its thread turned to
// the next one or to wait: what a client waited here, sending included.
//
// The package never changes an answer. Metrics for Prometheus are made of it in observe/metrics.
package observe
