package roundrobin53

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// lineConfig is the endpoints of an RRset that one line gives it.
type lineConfig struct {
	position
	*valueOptions
	first, count int
	checks       []string
}

// routing is which lines of an RRset answer for which networks and places.
type routing struct {
	networks  []netip.Prefix
	byNetwork []int          // group
	places    map[string]int // group
	rest      int            // group of the lines without network and place
	groups    []groupConfig
}

// groupConfig is the lines that some networks and places select together.
type groupConfig struct {
	lines []int
	key   string // what selects them: it names the group over a reload
}

// route finds the groups of an RRset.
func (set *rrset) route() (*routing, error) {
	var byNetwork selection[netip.Prefix]
	var byPlace selection[string]
	var rest []int
	for i := range set.lines {
		line := &set.lines[i]
		networks, err := set.directive.prefixesOf(line.from)
		if err != nil {
			return nil, line.errorf("from: %w", err)
		}
		byNetwork.add(networks, i)
		byPlace.add(line.geo, i)
		if len(line.from)+len(line.geo) == 0 {
			rest = append(rest, i)
		}
	}
	r := &routing{networks: byNetwork.selectors, rest: route.None}
	for _, network := range byNetwork.selectors {
		group, err := r.group(set, byNetwork.lines[network], network.String())
		if err != nil {
			return nil, err
		}
		r.byNetwork = append(r.byNetwork, group)
	}
	for _, place := range byPlace.selectors {
		group, err := r.group(set, byPlace.lines[place], place)
		if err != nil {
			return nil, err
		}
		if r.places == nil {
			r.places = make(map[string]int)
		}
		r.places[place] = group
	}
	if rest == nil {
		return r, nil
	}
	var err error
	r.rest, err = r.group(set, rest, selectorOfRest)
	return r, err
}

// selectorOfRest stands for what selects the lines without network and place.
const selectorOfRest = "default"

// selection is the lines that each network, or each place, selects.
type selection[T comparable] struct {
	selectors []T // in the order of the Corefile
	lines     map[T][]int
}

func (s *selection[T]) add(selectors []T, line int) {
	if s.lines == nil {
		s.lines = make(map[T][]int)
	}
	for _, selector := range selectors {
		if s.lines[selector] == nil {
			s.selectors = append(s.selectors, selector)
		}
		s.lines[selector] = append(s.lines[selector], line)
	}
}

// group is the group of some lines, which one more network or place selects. One set of lines is one group, with one
// rotation, however many networks select it.
func (r *routing) group(set *rrset, lines []int, selector string) (int, error) {
	for i := range r.groups {
		if slices.Equal(r.groups[i].lines, lines) {
			r.groups[i].key += " " + selector
			return i, nil
		}
	}
	var values []string
	for _, i := range lines {
		for j := range set.lines[i].count {
			values = append(values, set.value(set.lines[i].first+j))
		}
	}
	if twice, ok := firstDuplicate(values); ok {
		return 0, set.lines[lines[len(lines)-1]].errorf("record: %q stands twice%s; an answer is a set", twice, selectedBy(selector))
	}
	r.groups = append(r.groups, groupConfig{lines, selector})
	return len(r.groups) - 1, nil
}

func selectedBy(selector string) string {
	if selector == selectorOfRest {
		return ""
	}
	return " for " + selector
}

// value is endpoint i as text.
func (set *rrset) value(i int) string {
	if set.addresses != nil {
		return set.addresses[i].String()
	}
	return strings.ToLower(strings.TrimPrefix(set.rrs[i].String(), set.rrs[i].Header().String()))
}
