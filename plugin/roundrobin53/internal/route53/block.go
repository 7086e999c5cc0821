package route53

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

// Write writes a server block for each zone, and returns what became of the record sets and health checks. Database
// is the file of the geoip plugin, for blocks that need it.
func (zs *Zones) Write(w io.Writer, database string) (*Report, error) {
	book := newCheckbook(zs)
	report := &Report{checks: make(map[string]*checkLine), known: len(zs.checks)}
	for _, z := range zs.all {
		wr := &writer{charter: &charter{zone: z, checks: book, made: make(map[groupKey]*chart), errs: make(map[groupKey]error)}}
		for _, g := range z.sortedGroups() {
			wr.write(g)
		}
		b := &block{writer: wr, database: database}
		if err := b.write(w); err != nil {
			return nil, err
		}
		report.add(wr, b.used)
	}
	return report, nil
}

// block writes the server block of a zone.
type block struct {
	*writer
	database string
	used     map[string]*checkLine // the checks that are written, by name

	lines    [][]string // the words of the directive, by line
	owner    []*item    // by line: what it is part of; nil for none
	comments *config.Comments
}

// maxProblems bounds how often a block is read again without the item that an error is about. Items rarely have
// errors that were not found before, and a large block takes a while to read.
const maxProblems = 1000

// write writes the block, without the items that a server would not start with.
func (b *block) write(w io.Writer) error {
	b.leaveWrongData()
	for range maxProblems {
		b.layOut()
		conf, err := config.Parse(&tokens{lines: b.lines, line: -1}, surroundings(b.zone.name))
		if err == nil {
			return b.format(w, conf)
		}
		wrong, ok := errors.AsType[*config.Error](err)
		if !ok || wrong.Position.Line() >= len(b.owner) || b.owner[wrong.Position.Line()] == nil {
			return fmt.Errorf("%s: %w", b.zone.name, err)
		}
		b.owner[wrong.Position.Line()].leave(wrong.Unwrap().Error())
	}
	return fmt.Errorf("%s: more than %d records can't be written", b.zone.name, maxProblems)
}

// leaveWrongData leaves out records whose data are wrong, each by reading it alone.
func (b *block) leaveWrongData() {
	for _, it := range b.items {
		for _, st := range it.statements {
			if len(st.words) < 4 || st.words[0] != "record" || st.words[2] == "ALIAS" || slices.Contains([]string{"A", "AAAA", "CNAME", "DS"}, st.words[3]) {
				continue
			}
			if err := parse(b.zone.name, st.words); err != nil {
				it.leave(err.Error())
				break
			}
		}
	}
}

// layOut makes the lines of the directive.
func (b *block) layOut() {
	b.leaveOrphans()
	b.lines, b.owner = nil, nil
	b.comments = &config.Comments{Above: make(map[int][]string)}
	b.used = make(map[string]*checkLine)
	head := statement{words: []string{"roundrobin53"}, block: []statement{{words: []string{"ttl", fmt.Sprint(b.zone.ttl())}}}}
	if b.goesByClient() {
		head.block = append(head.block, statement{words: []string{"ecs"}})
	}
	b.add(nil, head, false)
	networks := b.references()
	for _, location := range networks {
		words := append([]string{"network", networkName(location)}, b.checks.zones.network[location]...)
		b.add(nil, statement{words: words}, true)
	}
	for _, line := range b.sortedChecks() {
		b.add(nil, line.statement(), true)
	}
	var pending []string
	for _, it := range b.items {
		comments := append(pending, it.remarks()...)
		if pending = nil; len(it.statements) == 0 {
			pending = comments
			continue
		}
		for i, st := range it.statements {
			if i == 0 {
				st.comments = append(comments, st.comments...)
			}
			b.add(it, st, true)
		}
	}
	b.comments.End = pending
	b.lines = append(b.lines, []string{"}"})
	b.owner = append(b.owner, nil)
}

// goesByClient reports whether answers depend on where a client is. Route 53 takes that from EDNS Client Subnet.
func (b *block) goesByClient() bool {
	return slices.ContainsFunc(b.items, func(it *item) bool {
		return slices.ContainsFunc(it.statements, func(st statement) bool {
			isSaid := func(inner statement) bool {
				return slices.ContainsFunc([]string{"from", "geo", "at"}, func(word string) bool { return slices.Index(inner.words, word) > 0 })
			}
			isPooled := len(st.words) > 3 && slices.Contains([]string{"A", "AAAA", "CNAME"}, st.words[3])
			return isPooled && (isSaid(statement{words: st.words[4:]}) || slices.ContainsFunc(st.block, isSaid))
		})
	})
}

// add adds a statement. Closed says that its block ends.
func (b *block) add(it *item, st statement, closed bool) {
	line := func(words ...string) {
		b.lines = append(b.lines, words)
		b.owner = append(b.owner, it)
	}
	at := len(b.lines)
	if st.words[0] == "soa" { // it is written into the first lines of the directive
		at = 0
	}
	for _, comment := range st.comments {
		b.comments.Above[at] = append(b.comments.Above[at], oneLine(comment))
	}
	if len(st.block) == 0 {
		line(st.words...)
		return
	}
	line(append(slices.Clip(st.words), "{")...)
	for _, inner := range st.block {
		b.add(it, inner, true)
	}
	if closed {
		line("}")
	}
}

// oneLine makes a comment of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// leaveOrphans leaves out aliases to what is left out.
func (b *block) leaveOrphans() {
	for again := true; again; {
		again = false
		written := make(map[groupKey]bool)
		for _, it := range b.items {
			for _, g := range it.groups {
				written[g.groupKey] = len(it.statements) > 0
			}
		}
		for _, it := range b.items {
			if len(it.statements) > 0 && it.needs.name != "" && !written[it.needs] {
				it.leave("its alias target " + it.needs.name + " is left out")
				again = true
			}
		}
	}
}

// references finds the checks and the CIDR locations that the items use. It returns the locations.
func (b *block) references() []string {
	locations := make(map[string]bool)
	byName := make(map[string]*checkLine)
	for _, line := range b.checks.lines {
		byName[line.name] = line
	}
	for _, it := range b.items {
		for _, st := range it.statements {
			b.referTo(st, byName, locations)
			for _, inner := range st.block {
				b.referTo(inner, byName, locations)
			}
		}
	}
	return slices.Sorted(maps.Keys(locations))
}

// referTo notes the checks and the CIDR locations that a line uses.
func (b *block) referTo(st statement, byName map[string]*checkLine, locations map[string]bool) {
	for _, name := range st.behind("check") {
		b.use(byName, name)
	}
	for _, network := range st.behind("from") {
		location := strings.TrimPrefix(network, networkName(""))
		if location != network && b.checks.zones.network[location] != nil {
			locations[location] = true
		}
	}
}

// behind returns the words of a value line behind an option: its arguments, and what follows them.
func (st statement) behind(option string) []string {
	if i := slices.Index(st.words, option); i > 0 {
		return st.words[i+1:]
	}
	return nil
}

// use notes a check and those that it is made of.
func (b *block) use(byName map[string]*checkLine, name string) {
	line := byName[name]
	if line == nil || b.used[name] != nil {
		return
	}
	b.used[name] = line
	for _, member := range line.members {
		b.use(byName, member)
	}
}

func (b *block) sortedChecks() []*checkLine {
	return slices.SortedFunc(maps.Values(b.used), func(x, y *checkLine) int { return cmp.Compare(x.name, y.name) })
}

// format writes the server block around the directive.
func (b *block) format(w io.Writer, conf *config.Block) error {
	var text, out strings.Builder
	if err := conf.FormatWith(&text, b.comments); err != nil {
		return err
	}
	key := strings.TrimSuffix(b.zone.name, ".")
	if key == "" {
		key = "."
	}
	fmt.Fprintf(&out, "%s {\n    errors\n    reload\n", key)
	directive := text.String()
	if strings.Contains(directive, " geo ") || strings.Contains(directive, "order nearest") {
		fmt.Fprintf(&out, "    metadata\n    geoip %s {\n        edns-subnet\n    }\n", b.database)
	}
	for line := range strings.Lines(directive) {
		out.WriteString("    " + line)
	}
	out.WriteString("}\n")
	_, err := io.WriteString(w, out.String())
	return err
}
