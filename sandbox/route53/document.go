package route53

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxDocument = 4 << 20 // octets of a request
	maxDepth    = 16
	maxNodes    = 100_000
	maxText     = 16 << 10 // octets of one element, far above what any may hold
)

// A node is one element of a request. Elements may come in any order, but each at most once
// outside lists, none is unknown, and required ones are there.
type node struct {
	name string
	text string
	kids []*node
}

// document reads the request's body, whose root has the given name.
func document(r *http.Request, root string) (*node, error) {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxDocument+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxDocument {
		return nil, refuse(http.StatusRequestEntityTooLarge, "MalformedInput", "Request body is too large")
	}
	n, err := parse(b)
	if err != nil {
		return nil, err
	}
	if n.name != root {
		return nil, refuse(http.StatusBadRequest, "MalformedInput", "%s is not valid, expected %s", n.name, root)
	}
	return n, nil
}

func parse(b []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	var stack []*node
	var root *node
	malformed := func(why string) error {
		return refuse(http.StatusBadRequest, "MalformedInput", "Unable to parse the request: %s", why)
	}
	for nodes := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && root != nil && len(stack) == 0 {
			return root, nil
		}
		if err != nil {
			return nil, malformed(err.Error())
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Space != namespace {
				return nil, invalid("Invalid XML ; cvc-elt.1: Cannot find the declaration of element '%s'.", t.Name.Local)
			}
			n := &node{name: t.Name.Local}
			if len(stack) == 0 {
				if root != nil {
					return nil, malformed("two root elements")
				}
				root = n
			} else {
				top := stack[len(stack)-1]
				top.kids = append(top.kids, n)
			}
			nodes++
			if stack = append(stack, n); len(stack) > maxDepth || nodes > maxNodes {
				return nil, malformed("too many elements, or nested too deep")
			}
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) == 0 || len(stack[len(stack)-1].kids) > 0 { // blanks between elements
				continue
			}
			top := stack[len(stack)-1]
			if top.text += string(t); len(top.text) > maxText {
				return nil, malformed("the text of " + top.name + " is too long")
			}
		case xml.Directive:
			return nil, malformed("DOCTYPE is disallowed")
		}
	}
}

// expect checks the names of the children. A name that begins with "+" is required.
func (n *node) expect(names ...string) error {
	plain := make([]string, len(names))
	for i, name := range names {
		plain[i] = strings.TrimPrefix(name, "+")
	}
	seen := map[string]bool{}
	for _, k := range n.kids {
		if !slices.Contains(plain, k.name) || seen[k.name] {
			return invalid("Invalid XML ; cvc-complex-type.2.4.a: Invalid content was found starting with element '%s'. One of '{%s}' is expected.", k.name, expected(plain))
		}
		seen[k.name] = true
	}
	for i, name := range names {
		if name != plain[i] && !seen[plain[i]] {
			return n.lacks(plain[i])
		}
	}
	return nil
}

func (n *node) lacks(name string) error {
	return invalid("Invalid XML ; cvc-complex-type.2.4.b: The content of element '%s' is not complete. One of '{%s}' is expected.", n.name, expected([]string{name}))
}

// list checks that all children have one name, and that there is at least one.
func (n *node) list(name string) error {
	for _, k := range n.kids {
		if k.name != name {
			return invalid("Invalid XML ; cvc-complex-type.2.4.a: Invalid content was found starting with element '%s'. One of '{%s}' is expected.", k.name, expected([]string{name}))
		}
	}
	if len(n.kids) == 0 {
		return n.lacks(name)
	}
	return nil
}

func expected(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = `"` + namespace + `":` + name
	}
	return strings.Join(quoted, ", ")
}

// kid returns the child of that name, nil when there is none.
func (n *node) kid(name string) *node {
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// string returns the text of a child; ok is false when there is none. A text that is longer than
// most characters, or empty, is refused.
func (n *node) string(name string, most int) (text string, ok bool, err error) {
	k := n.kid(name)
	if k == nil {
		return "", false, nil
	}
	if len(k.kids) > 0 {
		return "", true, invalid("Invalid XML ; cvc-type.3.1.2: Element '%s' is a simple type, so it must have no element information item [children].", name)
	}
	if k.text == "" || len(k.text) > most {
		return "", true, invalid("Invalid XML ; cvc-length-valid: Value '%.100s' with length = '%d' is not facet-valid with respect to length 1 to %d for element '%s'.", k.text, len(k.text), most, name)
	}
	return k.text, true, nil
}

// number returns the integer in a child.
func (n *node) number(name string, least, most int64) (value int64, ok bool, err error) {
	text, ok, err := n.string(name, 20)
	if !ok || err != nil {
		return 0, ok, err
	}
	value, err = strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, true, invalid("Invalid XML ; cvc-datatype-valid.1.2.1: '%s' is not a valid value for 'integer'.", text)
	}
	if value < least || value > most {
		return 0, true, invalid("Invalid XML ; cvc-minInclusive-valid: Value '%d' is not facet-valid with respect to the range %d to %d for element '%s'.", value, least, most, name)
	}
	return value, true, nil
}

func (n *node) boolean(name string) (value, ok bool, err error) {
	text, ok, err := n.string(name, 5)
	if !ok || err != nil {
		return false, ok, err
	}
	switch strings.TrimSpace(text) {
	case "true", "1":
		return true, true, nil
	case "false", "0":
		return false, true, nil
	}
	return false, true, invalid("Invalid XML ; cvc-datatype-valid.1.2.1: '%s' is not a valid value for 'boolean'.", text)
}

// one returns the text of a child that must be one of some values.
func (n *node) one(name string, values ...string) (text string, ok bool, err error) {
	text, ok, err = n.string(name, 64)
	if !ok || err != nil {
		return "", ok, err
	}
	if !slices.Contains(values, text) {
		return "", true, invalid("Invalid XML ; cvc-enumeration-valid: Value '%s' is not facet-valid with respect to enumeration '[%s]'. It must be a value from the enumeration.", text, strings.Join(values, ", "))
	}
	return text, true, nil
}
