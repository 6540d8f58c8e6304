// Package yaml keeps zones as octoDNS zone files in a folder: one file for each zone, or a folder
// for each zone with a file for each name (octoDNS's split layout).
//
// Reading takes all files of a zone, whatever their keys' order and whichever rules their records
// break, because a target is what it is; only what would be lost on writing (text that is no YAML,
// a record twice, a type that nobody knows) is an error, with file, line and column. The revision
// is a hash of the files, included ones too.
//
// Writing compares that hash under a lock, edits the entries whose records change and leaves every
// other line, comments and order included, as it is. Each file is replaced at once, so that a crash
// leaves its old content or its new one; files of names that no longer exist are removed last. The
// receipt of a write that stopped half-way is what a read then finds.
//
// It answers no DNS queries and runs no rules about records: those are for sources. A file that all
// zones share (shared_filename) is read and never changed.
//
//	p, err := yaml.Open(provider.Config{ID: "files", Values: map[string]provider.Value{
//		"directory": {Text: "zones"}, "split_extension": {Text: "."},
//	}})
package yaml
