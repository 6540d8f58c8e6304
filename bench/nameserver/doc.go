// Command nameserver measures what answering a query costs zonecast's name server and others, side by
// side, and prints the figures with ratios.
//
// One server at a time runs on one processor, with one thread for datagrams; the load comes from
// this process on another one. The load keeps a window of queries on their way, by sendmmsg and
// recvmmsg, and never sleeps, so that waking it up is not charged to the server. Told is the
// processor time of the server's processes (as the scheduler counted it, the kernel's part
// included) for each answer, in the best tenth of a second of several rounds: a machine that does other things only
// adds. Echo sends each query back by the same sockets as zonecast and is the floor.
//
// Connections get their load from a process of its own, over four connections with 64 queries on
// their way on each.
//
// Other rows tell of zones that are swapped, of starts, of transfers, and of dynamic updates.
//
// gdnsd, YADIFA, NSD, Knot, PowerDNS and BIND are measured where they are installed (by
// scripts/setup-debian --bench), all with the same zone file. Each gets a port of its own that
// nobody uses: two servers that share one by SO_REUSEPORT would share the queries, too, silently.
//
//	go run ./bench/nameserver                      # all: some minutes
//	go run ./bench/nameserver -only '1,000 names' -servers 'echo|zonecast|knot'
//	go run ./bench/nameserver -quick               # small and short: whether it works at all
//
// With -enforce a missed target makes it exit 1. It needs Linux and two processors.
package main
