// Command zonecast keeps DNS zones identical at many providers: write a zone once, serve it
// everywhere.
//
// Each command is three steps: read flags into a struct, call package flow once, show the result.
// Standard output carries the result, standard error everything else (findings, progress,
// questions). Nothing is asked when standard input is no terminal. Output is plain when it goes
// elsewhere than to a terminal, and with NO_COLOR.
//
// Exit codes are the constants of exit.go. Views of what only commands show (progress, reports,
// history) are in view_*.go; plans and findings are shown by plan/view.
//
//	zonecast init demo && cd demo && zonecast plan && zonecast apply
package main
