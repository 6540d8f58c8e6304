// Package envvar is a source of one TXT record whose text is the value of an environment
// variable: a version number, or who deployed when.
//
// In flows a look at the environment at the moment of Load, out flows a zone with one RRset. The
// variable is published as it is; do not name one that holds a secret.
//
//	src := envvar.New(envvar.Options{ID: "version", Variable: "GIT_COMMIT", Name: "_version"})
//	loaded, err := src.Load(ctx, zone.MustName("example.org."))
package envvar
