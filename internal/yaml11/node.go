package yaml11

import "fmt"

// Kind is the type that YAML 1.1 gives a value.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Int
	Float
	Timestamp
	String
	Mapping
	Sequence
)

// String returns the word for k used in messages.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case Bool:
		return "boolean"
	case Int:
		return "integer"
	case Float:
		return "float"
	case Timestamp:
		return "timestamp"
	case String:
		return "string"
	case Mapping:
		return "mapping"
	case Sequence:
		return "list"
	}
	return "unknown"
}

// A Node is one value of a document. Anchors, merge keys and includes are
// already resolved; nodes reached by an alias are shared and must not be changed.
type Node struct {
	Kind   Kind
	Quoted bool    // a quoted or block scalar: always String
	Text   string  // scalars: the text as written, after quoting and folding are undone
	Keys   []Key   // Mapping: in effective order
	Items  []*Node // Sequence
	Pos    Pos
}

// A Key is one key of a mapping and its value.
type Key struct {
	Name    string // text form: "true" for on, "8" for 010, "90" for 1:30, "none" for null
	Written string // as spelled, without quotes
	Kind    Kind
	Quoted  bool
	Pos     Pos
	Value   *Node
}

// Pos is a place in a file. Line and Col count from 1, Col in characters.
type Pos struct {
	File      string
	Line, Col int
}

// String returns file:line:col.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// A Problem is something in the document that its writer should know.
type Problem struct {
	Pos     Pos
	ID      string // one of the ID constants
	Warning bool   // the document was read nevertheless
	Text    string // what is wrong, for people
	Fix     string // what to do about it; may be empty
}

// The identities of problems.
const (
	IDSyntax       = "yaml-syntax"
	IDDuplicateKey = "duplicate-key"
	IDKeyOrder     = "key-order"
	IDInclude      = "include"
	IDAliasBomb    = "alias-bomb"
	IDTooDeep      = "too-deep"
	IDTooLarge     = "too-large"
	IDAmbiguousKey = "ambiguous-key"
	IDTag          = "unknown-tag"
	IDMerge        = "merge-key"
)

// Get returns the value of the key with the given text form, nil if n is nil,
// not a mapping or has no such key.
func (n *Node) Get(name string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Keys {
		if n.Keys[i].Name == name {
			return n.Keys[i].Value
		}
	}
	return nil
}
