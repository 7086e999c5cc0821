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

// RRsetLine is the endpoints of an RRset that one line gives it.
type RRsetLine struct {
	Position
	*ValueOptions
	First, Count int
	Checks       []string
}

// Routing is which lines of an RRset answer for which networks and places. RRsets whose lines have the same from and geo
// share one.
type Routing struct {
	Networks  []netip.Prefix
	ByNetwork []int          // group
	Places    map[string]int // group
	Rest      int            // group of the lines without network and place
	Groups    []Group
}

// Group is the lines that some networks and places select together.
type Group struct {
	Lines []int
	Name  string // of what selects them, for people
	Key   string // the same, whole: it names the group over a reload
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

// routingKey is the from and geo of all lines.
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

// validateGroup tells whether the values of each tier of a group are all different: an answer comes from one tier.
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

// ForAll stands for what selects the lines without network and place. No network can have its name.
const ForAll = "default"

// newRouting finds the groups of lines. One set of lines is one group, with one rotation, however many networks and
// places select it.
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

// selection is the lines that networks or places select. Those that stand behind the same words select the same lines:
// they are a class. A name for 10,000 networks makes one.
type selection[T comparable] struct {
	selectors []T   // in the order of the Corefile
	classOf   []int // by selector
	classes   []class
}

// class is the lines that some words of the Corefile select together.
type class struct {
	words []string
	lines []int // in rising order
}

// selectionOf finds what the words of lines select.
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

// divide makes the classes of the selectors, each of which stands behind some of the words.
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

// numbersKey is numbers as a key of maps.
func numbersKey(numbers []int) string {
	key := make([]byte, 0, 4*len(numbers))
	for _, n := range numbers {
		key = binary.AppendUvarint(key, uint64(n)) //nolint:gosec // never negative
	}
	return string(key)
}

// routingBuilder makes a routing.
type routingBuilder struct {
	*Routing
	groups map[string]int // by their lines
	words  [][]string     // by group: what selects it
}

// groupsOf is the groups of selectors by the class that each belongs to.
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

// add is the group of the lines of a class.
func (b *routingBuilder) add(c *class) int {
	key := numbersKey(c.lines)
	n, ok := b.groups[key]
	if !ok {
		n = len(b.Routing.Groups)
		b.groups[key] = n
		b.Routing.Groups = append(b.Routing.Groups, Group{Lines: c.lines})
		b.words = append(b.words, nil)
	}
	b.words[n] = append(b.words[n], c.words...)
	return n
}

// mostWords is how many words the name of a group has at most: it is a label of metrics.
const mostWords = 8

// name gives the groups their names: the words of the Corefile that select them. Words that select only a part of what
// they mean for one group name several; all words of a group together name it alone.
func (b *routingBuilder) name() {
	for i := range b.Routing.Groups {
		g := &b.Routing.Groups[i]
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

// distinct is values without those that stood before.
func distinct[T comparable](values []T) []T {
	seen := make(map[T]bool, len(values))
	return slices.DeleteFunc(values, func(value T) bool {
		before := seen[value]
		seen[value] = true
		return before
	})
}

// Value is endpoint i as text.
func (rrset *RRset) Value(i int) string {
	if rrset.Addresses != nil {
		return rrset.Addresses[i].String()
	}
	return strings.ToLower(strings.TrimPrefix(rrset.RRs[i].String(), rrset.RRs[i].Header().String()))
}
