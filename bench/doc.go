// Command bench measures zonecast's speed and memory and prints a table with targets and ratios.
// "make bench" runs it.
//
// In flow sizes (all built in), out flows a table in Markdown, or JSON with -json. Inputs are
// generated in bench/out, with a mix of types as real zones have it; zonecast itself is built
// there. Every measurement is a process of its own, repeated, and the median is told: user CPU,
// system CPU, time on the wall and peak memory as the kernel counted them for that process. What
// cannot be measured through the command line (zones in memory, a provider with slow calls) runs
// in a child process of this program.
//
// Programs that are installed (named-checkzone, kzonecheck, ldns-read-zone) are measured in the
// same run, on the same input. Figures of octoDNS and dnscontrol are constants, measured elsewhere
// on 2 cores, and the table says so.
//
//	go run ./bench                  # all of it: some minutes
//	go run ./bench -only 'zone file|diff'
//	go run ./bench -quick -json     # small sizes, once: whether it works at all
//
// The command judges nothing unless -enforce is given: then a missed target makes it exit 1.
package main
