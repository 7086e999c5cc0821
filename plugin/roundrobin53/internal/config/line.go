package config

// line is one line of a block: its words and where it stands.
type line struct {
	Position
	words  []string
	opens  bool // it ends in an opening brace
	closes bool // it is a closing brace
}

// word returns the first word of the line, which says what the line is about.
func (l line) word() string { return l.words[0] }

// args returns the words behind the first.
func (l line) args() []string { return l.words[1:] }

// lineReader cuts caddy's tokens into lines. Caddy does not tell a quoted brace from a plain one,
// and lets a brace stand anywhere. Here an opening brace ends its line, and a closing brace has a
// line of its own, so that no line becomes part of a block by mistake.
type lineReader struct {
	tokens Tokens
	around *Surroundings
}

// Tokens are the words of a Corefile, as caddy's Dispenser hands them out.
type Tokens interface {
	Next() bool    // moves to the next word; false at the end
	NextArg() bool // moves to the next word of the same line; false at its end
	Val() string
	File() string
	Line() int
}

// next reads a line. It reports false at the end of the input.
func (r lineReader) next() (line, bool, error) {
	if !r.tokens.Next() {
		return line{}, false, nil
	}
	l := line{Position: Position{r.tokens.File(), r.tokens.Line()}}
	for more := true; more; more = r.tokens.NextArg() {
		switch word := r.tokens.Val(); {
		case l.opens:
			return l, false, l.Errorf(`"{" must be the last word of its line; quoted or not, a brace can be nothing else`)
		case l.closes:
			return l, false, l.Errorf(`"}" must stand on a line of its own`)
		case word == "{" && len(l.words) == 0:
			return l, false, l.Errorf(`"{" must stand at the end of the line it belongs to`)
		case word == "}" && len(l.words) > 0:
			return l, false, l.Errorf(`"}" must stand on a line of its own; quoted or not, a brace can be nothing else`)
		case word == "{":
			l.opens = true
		case word == "}":
			l.closes = true
		default:
			l.words = append(l.words, word)
		}
	}
	return l, true, nil
}

// block reads the lines of a block up to its closing brace. Opened is the line that opened it.
func (r lineReader) block(opened line, read func(line) error) error {
	for {
		l, ok, err := r.next()
		switch {
		case err != nil:
			return err
		case !ok:
			return opened.Errorf("%s: the block has no closing brace", opened.word())
		case l.closes:
			return nil
		}
		if err := read(l); err != nil {
			return err
		}
	}
}
