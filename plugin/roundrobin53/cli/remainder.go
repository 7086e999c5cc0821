package cli

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/coredns/caddy/caddyfile"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

// A remainder holds the directives of a server block without the wrong lines. Wrong lines are left
// out one by one, to find further errors. An error that follows from a line left out does not
// count: a record is not wrong because its check is.
type remainder struct {
	name   string // of the file whose words do not name one
	tokens []caddyfile.Token

	reduced map[place]bool      // first lines of blocks that lost a line
	missing map[definition]bool // by lines that were left out
}

// A place is a line of a file.
type place struct {
	file string
	line int
}

// A definition names a thing that a line of a directive defines.
type definition struct {
	directive place
	kind      config.Kind
	name      string
}

func newRemainder(name string, tokens []caddyfile.Token) *remainder {
	return &remainder{name, tokens, make(map[place]bool), make(map[definition]bool)}
}

// isReduced reports whether something was left out.
func (r *remainder) isReduced() bool { return len(r.reduced) > 0 }

// explains reports whether an error may be there only because lines were left out.
func (r *remainder) explains(err error) bool {
	wrong, ok := errors.AsType[*config.Error](err)
	if !ok {
		return r.isReduced()
	}
	lines := linesOf(r.tokens)
	at := r.find(lines, wrong)
	if at < 0 {
		return false
	}
	way := wayTo(lines, at)
	if undefined, ok := errors.AsType[*config.Undefined](err); ok {
		return r.isMissing(r.placeOf(lines[way[0]].first), undefined)
	}
	if wrong.Across && len(way) > 2 {
		at = way[1]
	}
	return r.reduced[r.placeOf(lines[at].first)]
}

// isMissing reports whether a name is defined on a line that was left out.
func (r *remainder) isMissing(directive place, u *config.Undefined) bool {
	if u.Kind != config.KindRecord {
		return r.missing[definition{directive, u.Kind, u.Name}]
	}
	for d := range r.missing { // records of other directives count, too
		isName := d.name == "@" || u.Name == d.name || strings.HasPrefix(u.Name, d.name+".")
		if d.kind == config.KindRecord && isName {
			return true
		}
	}
	return false
}

// leaveOut leaves out the line that an error is about, with its block. Where other lines may be
// right, it leaves out the line of the outermost block. It reports false if nothing can be left out, or if a brace
// is missing, so that nobody knows which lines belong together.
func (r *remainder) leaveOut(err error) bool {
	wrong, ok := errors.AsType[*config.Error](err)
	if !ok || wrong.Braces {
		return false
	}
	lines := linesOf(r.tokens)
	at := r.find(lines, wrong)
	if at < 0 || lines[at].parent < 0 {
		return false
	}
	way := wayTo(lines, at) // the directive, a line of it, a line of that line's block
	r.reduced[r.placeOf(lines[way[0]].first)] = true
	out := lines[way[1]]
	if len(way) > 2 && !wrong.Across {
		r.reduced[r.placeOf(out.first)] = true
		out = lines[at]
	} else {
		r.miss(r.placeOf(lines[way[0]].first), out)
	}
	r.tokens = slices.Delete(slices.Clone(r.tokens), out.first, out.end)
	return true
}

// miss notes what a line of a directive defines.
func (r *remainder) miss(directive place, line span) {
	if line.end-line.first < 2 {
		return
	}
	kind, name := config.Kind(r.tokens[line.first].Text), r.tokens[line.first+1].Text
	if kind == config.KindRecord {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
	}
	r.missing[definition{directive, kind, name}] = true
}

// find returns the innermost line that an error is about, -1 if there is none.
func (r *remainder) find(lines []span, wrong *config.Error) int {
	at := place{wrong.Position.File(), wrong.Position.Line()}
	for i, line := range slices.Backward(lines) {
		if r.placeOf(line.first) == at {
			return i
		}
	}
	return -1
}

func (r *remainder) placeOf(token int) place {
	return place{cmp.Or(r.tokens[token].File, r.name), r.tokens[token].Line}
}

// A span is a line of directives, with the block that it opens.
type span struct {
	first, end int // tokens
	parent     int // the line whose block it stands in, -1 if it begins a directive
}

// linesOf returns the lines of roundrobin53 directives.
func linesOf(tokens []caddyfile.Token) []span {
	var lines []span
	var opened []int // lines whose blocks are not closed
	for i := range tokens {
		if tokens[i].Text == "}" && len(opened) > 0 {
			lines[opened[len(opened)-1]].end = i + 1
			opened = opened[:len(opened)-1]
			continue
		}
		if i == 0 || tokens[i].File != tokens[i-1].File || tokens[i].Line != tokens[i-1].Line {
			parent := -1
			if len(opened) > 0 {
				parent = opened[len(opened)-1]
			}
			lines = append(lines, span{first: i, parent: parent})
		}
		last := len(lines) - 1
		lines[last].end = i + 1
		if tokens[i].Text == "{" {
			opened = append(opened, last)
		}
	}
	return lines
}

// wayTo returns the lines whose blocks a line stands in, the outermost first, and the line.
func wayTo(lines []span, at int) []int {
	way := []int{at}
	for lines[way[0]].parent >= 0 {
		way = slices.Insert(way, 0, lines[way[0]].parent)
	}
	return way
}
