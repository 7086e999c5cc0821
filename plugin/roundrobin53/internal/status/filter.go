package status

import (
	"errors"
	"iter"
	"net/url"
	"slices"
	"strings"
)

// A filter says which RRsets are shown.
type filter struct {
	Search string // part of a name or of a value, in lower case
	Zone   string // a zone; "" for all
	View   string
	Down   bool // only where a value is down, or no value that is up is answered
}

// filterParameters are the parameters of a filter in a query string.
var filterParameters = []string{"q", "zone", "view", "down"}

func readFilter(values url.Values) (filter, error) {
	f := filter{
		Search: strings.ToLower(strings.TrimSpace(values.Get("q"))),
		Zone:   fullName(values.Get("zone")),
		View:   values.Get("view"),
	}
	var err error
	if f.Down, err = readFlag(values, "down"); err != nil {
		return f, err
	}
	if len(f.Search) > maxSearch {
		return f, errors.New("q: a search has 255 octets at most, as a name has")
	}
	return f, nil
}

// maxSearch is the length of a name in octets (RFC 1035 §2.3.4).
const maxSearch = 255

// fullName returns a name in lower case with its final dot; "" stays "".
func fullName(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" || strings.HasSuffix(name, ".") {
		return name
	}
	return name + "."
}

// among returns the entries that a filter shows.
func (f *filter) among(v *view, s *summary) iter.Seq[int] {
	all := slices.Values(s.troubled())
	if !f.Down {
		all = v.numbers()
	}
	return func(yield func(int) bool) {
		for i := range all {
			if f.matches(v, i) && !yield(i) {
				return
			}
		}
	}
}

// numbers yields the entries of a catalog.
func (c *catalog) numbers() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range c.entries {
			if !yield(i) {
				return
			}
		}
	}
}

// matches reports whether the filter shows an entry, its state aside.
func (f *filter) matches(v *view, number int) bool {
	e := &v.entries[number]
	z := &v.zones[e.zone]
	if f.Zone != "" && f.Zone != z.Name || f.View != "" && f.View != z.block.View {
		return false
	}
	return f.Search == "" || strings.Contains(e.name, f.Search) || v.hasValue(e, f.Search)
}

// hasValue reports whether a value of an RRset contains a text.
func (v *view) hasValue(e *entry, text string) bool {
	if e.rrset == nil {
		set := v.present(e)
		if v.hasName(e, text) {
			return true
		}
		if strings.Trim(text, "0123456789abcdef.:") != "" {
			return false // no address
		}
		for i := range set.Len() {
			if strings.Contains(set.Value(i), text) {
				return true
			}
		}
		return false
	}
	for _, rr := range e.rrset.RRs {
		if strings.Contains(strings.ToLower(rr.String()[len(rr.Header().Name):]), text) {
			return true
		}
	}
	return false
}
