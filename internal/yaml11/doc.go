// Package yaml11 reads and edits YAML as octoDNS does: plain scalars follow
// YAML 1.1, merge keys take effect where they stand, "!include" pulls in other
// files, and mappings may have to be sorted. It knows nothing about DNS.
//
// In flow bytes of one document, out flow a tree of Node with the place of
// every value, and Problems for people. Entries does the same one top-level
// key at a time, so that a zone of 100,000 records needs the memory of one.
// Doc edits a file by its top-level entries and leaves every other byte alone;
// where entries share anchors, those not edited go on meaning what they meant.
// The package never writes files and never executes tags.
//
//	root, problems := yaml11.Parse("example.com.yaml", data, yaml11.Options{Order: yaml11.NaturalOrder})
//	for _, k := range root.Keys {
//		fmt.Println(k.Pos, k.Name)
//	}
//
// # Why there is a reader of our own
//
// go.yaml.in/yaml/v4 is the reference here and reads everything unusual. For
// 100,000 block-style records (520,000 lines) its node tree takes 0.41 s, 4.4
// million allocations and 220 MiB before anything is done with it; Entries
// takes 0.08 s, 0.33 million allocations and 36 MiB of resident memory for the
// whole process (two cores, Go 1.26; BenchmarkEntries100k and
// BenchmarkNodeTree100k). The reader in fast.go understands the plain subset
// that nearly all zone files keep to, declines an entry at the first sight of
// anything else, and the entry then goes to yaml v4: some 10 µs each. A
// document with anchors goes there as a whole. FuzzFastEqualsSlow holds the
// two to the same trees.
package yaml11
