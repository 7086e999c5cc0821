package config

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/route"
)

// RRsetLine is the part of an RRset that comes from one line: Count endpoints from First on, and
// the addresses of the names, which are looked up.
type RRsetLine struct {
	Position
	*ValueOptions
	First, Count int
	Names        []string // full and in lower case
	Checks       []string
}

// Routing tells which lines of an RRset answer which clients, by their network and place. RRsets
// whose lines have the same from and geo share one.
type Routing struct {
	Networks  []netip.Prefix
	ByNetwork []int          // by network: its group
	Places    map[string]int // by place: its group
	Rest      int            // the group of the lines without from and geo; route.None if there is none
	Groups    []Group
}

// Group holds the lines that the same networks and places select.
type Group struct {
	Lines []int
	Name  string // the words of the Corefile that select them, at most mostWords
	Key   string // identifies the group over a reload, by all of the words
}

// route finds the groups of an RRset.
func (rrset *RRset) route() (err error) {
	key := rrset.routingKey()
	r, ok := rrset.Directive.routings[key]
	if !ok {
		if r, err = newRouting(rrset.Directive, rrset.Lines); err != nil {
			return err
		}
		rrset.Directive.routings[key] = r
	}
	for i := range r.Groups {
		if err := rrset.validateGroup(&r.Groups[i]); err != nil {
			return err
		}
	}
	rrset.Routing = r
	return nil
}

// routingKey returns the from and geo of all lines as text.
func (rrset *RRset) routingKey() string {
	var b strings.Builder
	for i := range rrset.Lines {
		for _, word := range rrset.Lines[i].from {
			b.WriteString(word)
			b.WriteByte(' ')
		}
		for _, place := range rrset.Lines[i].geo {
			b.WriteByte('@')
			b.WriteString(place)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// validateGroup returns an error if a tier of a group has a value twice. An answer comes from one
// tier.
func (rrset *RRset) validateGroup(g *Group) error {
	type member struct {
		value    string
		priority int
	}
	var values []member
	for _, i := range g.Lines {
		for j := range rrset.Lines[i].Count {
			values = append(values, member{rrset.Value(rrset.Lines[i].First + j), rrset.Lines[i].Priority})
		}
		for _, name := range rrset.Lines[i].Names {
			values = append(values, member{name, rrset.Lines[i].Priority})
		}
	}
	twice, ok := firstDuplicate(values)
	if !ok {
		return nil
	}
	selectedBy := ""
	if g.Name != ForAll {
		selectedBy = " for " + g.Name
	}
	return rrset.Lines[g.Lines[len(g.Lines)-1]].Errorf("record: %q stands twice%s; an answer is a set", twice.value, selectedBy)
}

// ForAll names the group of the lines without from and geo. No network can have this name.
const ForAll = "default"

// newRouting groups lines. The same lines are one group, with one rotation, however many networks
// and places select them.
func newRouting(d *Directive, lines []RRsetLine) (*Routing, error) {
	b := routingBuilder{Routing: &Routing{Rest: route.None}, groups: make(map[string]int)}
	networks, err := selectionOf(lines, (*RRsetLine).networks, d.prefixesOf)
	if err != nil {
		return nil, err
	}
	b.Networks = networks.selectors
	b.ByNetwork = b.groupsOf(networks.classes, networks.classOf)
	places, err := selectionOf(lines, (*RRsetLine).places, func(place string) ([]string, error) { return []string{place}, nil })
	if err != nil {
		return nil, err
	}
	for i := range places.classes { // a network may have the name of a place
		if word := places.classes[i].words[0]; d.network(word) != nil {
			places.classes[i].words[0] = "geo " + word
		}
	}
	for i, group := range b.groupsOf(places.classes, places.classOf) {
		if b.Places == nil {
			b.Places = make(map[string]int)
		}
		b.Places[places.selectors[i]] = group
	}
	var rest []int
	for i := range lines {
		if len(lines[i].from)+len(lines[i].geo) == 0 {
			rest = append(rest, i)
		}
	}
	if rest != nil {
		b.Rest = b.add(&class{lines: rest, words: []string{ForAll}})
	}
	b.name()
	return b.Routing, nil
}

func (line *RRsetLine) networks() []string { return line.from }
func (line *RRsetLine) places() []string   { return line.geo }

// selection tells which lines the selectors, networks or places, select. Selectors that come from
// the same words select the same lines and make up a class, so that a name for 10,000 networks
// makes one class.
type selection[T comparable] struct {
	selectors []T   // in the order of the Corefile
	classOf   []int // by selector: its class
	classes   []class
}

// class holds the lines that the same words select.
type class struct {
	words []string
	lines []int // in rising order
}

// selectionOf finds out which lines the words of lines select. Meaning returns the selectors that a
// word stands for.
func selectionOf[T comparable](lines []RRsetLine, wordsOf func(*RRsetLine) []string, meaning func(string) ([]T, error)) (*selection[T], error) {
	numbers := make(map[string]int)
	var words []class // one for each word
	for i := range lines {
		for _, word := range wordsOf(&lines[i]) {
			n, ok := numbers[word]
			if !ok {
				n = len(words)
				numbers[word] = n
				words = append(words, class{words: []string{word}})
			}
			words[n].lines = append(words[n].lines, i)
		}
	}
	s := new(selection[T])
	wordsFor := make(map[T][]int)
	for n := range words {
		selectors, err := meaning(words[n].words[0])
		if err != nil {
			return nil, lines[words[n].lines[0]].Errorf("from: %w", err)
		}
		for _, selector := range selectors {
			if wordsFor[selector] == nil {
				s.selectors = append(s.selectors, selector)
			}
			wordsFor[selector] = append(wordsFor[selector], n)
		}
	}
	s.divide(words, wordsFor)
	return s, nil
}

// divide puts selectors that come from the same words into a class.
func (s *selection[T]) divide(words []class, wordsFor map[T][]int) {
	known := make(map[string]int)
	for _, selector := range s.selectors {
		key := numbersKey(wordsFor[selector])
		n, ok := known[key]
		if !ok {
			n = len(s.classes)
			known[key] = n
			var made class
			for _, word := range wordsFor[selector] {
				made.words = append(made.words, words[word].words...)
				made.lines = append(made.lines, words[word].lines...)
			}
			slices.Sort(made.lines)
			made.lines = slices.Compact(made.lines)
			s.classes = append(s.classes, made)
		}
		s.classOf = append(s.classOf, n)
	}
}

// numbersKey makes a key for maps from numbers.
func numbersKey(numbers []int) string {
	key := make([]byte, 0, 4*len(numbers))
	for _, n := range numbers {
		key = binary.AppendUvarint(key, uint64(n))
	}
	return string(key)
}

// routingBuilder makes a routing.
type routingBuilder struct {
	*Routing
	groups map[string]int // by the numbersKey of their lines
	words  [][]string     // by group: the words that select it
}

// groupsOf returns the group of each selector. Classes of the same lines share a group.
func (b *routingBuilder) groupsOf(classes []class, classOf []int) []int {
	byClass := make([]int, len(classes))
	for i := range classes {
		byClass[i] = b.add(&classes[i])
	}
	groups := make([]int, len(classOf))
	for i, class := range classOf {
		groups[i] = byClass[class]
	}
	return groups
}

// add returns the group of the lines of a class. It makes one if there is none.
func (b *routingBuilder) add(c *class) int {
	key := numbersKey(c.lines)
	n, ok := b.groups[key]
	if !ok {
		n = len(b.Groups)
		b.groups[key] = n
		b.Groups = append(b.Groups, Group{Lines: c.lines})
		b.words = append(b.words, nil)
	}
	b.words[n] = append(b.words[n], c.words...)
	return n
}

// mostWords bounds the words in the name of a group, which is a label of metrics.
const mostWords = 8

// name names the groups after the words that select them. One word may be in the names of several
// groups, but no two groups have the same words.
func (b *routingBuilder) name() {
	for i := range b.Groups {
		g := &b.Groups[i]
		words := distinct(b.words[i])
		if more := len(words) - mostWords; more > 0 {
			whole := xxhash.Sum64String(strings.Join(words, " "))
			g.Name = fmt.Sprintf("%s and %d more", strings.Join(words[:mostWords], " "), more)
			g.Key = fmt.Sprintf("%s %x", g.Name, whole)
			continue
		}
		g.Name = strings.Join(words, " ")
		g.Key = g.Name
	}
}

// distinct returns values without repetitions, in their order.
func distinct[T comparable](values []T) []T {
	seen := make(map[T]bool, len(values))
	return slices.DeleteFunc(values, func(value T) bool {
		before := seen[value]
		seen[value] = true
		return before
	})
}

// Value returns endpoint i as text.
func (rrset *RRset) Value(i int) string {
	if rrset.IsAddress() {
		return rrset.Addresses[i].String()
	}
	return strings.ToLower(strings.TrimPrefix(rrset.RRs[i].String(), rrset.RRs[i].Header().String()))
}
