package config

import (
	"errors"
	"fmt"
)

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
			return l, false, l.braceErrorf(`"{" must be the last word of its line; quoted or not, a brace can be nothing else`)
		case l.closes:
			return l, false, l.braceErrorf(`"}" must stand on a line of its own`)
		case word == "{" && len(l.words) == 0:
			return l, false, l.braceErrorf(`"{" must stand at the end of the line it belongs to`)
		case word == "}" && len(l.words) > 0:
			return l, false, l.braceErrorf(`"}" must stand on a line of its own; quoted or not, a brace can be nothing else`)
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
			return opened.braceErrorf("%s: the block has no closing brace", opened.word())
		case l.closes:
			return nil
		}
		if err := read(l); err != nil {
			return err
		}
	}
}

// Position is a line of a Corefile.
type Position struct {
	file string
	line int
}

// String writes a position as caddy's errors do.
func (p Position) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

// Line returns the number of the line, as Tokens gave it.
func (p Position) Line() int { return p.line }

// File returns the name of the file, as Tokens gave it.
func (p Position) File() string { return p.file }

// Error is an error about one line of a Corefile. It reads as caddy's own errors do.
type Error struct {
	Position Position
	Across   bool // the line alone does not show it: without other lines it may be right
	Braces   bool // a brace is missing or misplaced, so that the lines behind it may be misread
	err      error
}

var _ error = (*Error)(nil)

// Error implements error.
func (e *Error) Error() string {
	return e.Position.String() + " - Error during parsing: " + e.err.Error()
}

// Unwrap returns the error without its position.
func (e *Error) Unwrap() error { return e.err }

// Errorf returns an error about the line at p.
func (p Position) Errorf(format string, args ...any) error {
	return &Error{Position: p, err: fmt.Errorf(format, args...)}
}

// braceErrorf is Errorf for a brace that is missing or misplaced.
func (p Position) braceErrorf(format string, args ...any) error {
	return &Error{Position: p, Braces: true, err: fmt.Errorf(format, args...)}
}

// across marks an error that was found when all lines were read.
func across(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		e.Across = true
	}
	return err
}

// A Kind is a kind of things that lines define.
type Kind string

// The kinds, by the words of their lines.
const (
	KindRecord  Kind = "record"
	KindCheck   Kind = "check"
	KindNetwork Kind = "network"
)

// Undefined is an error about a name that no line of the block defines.
type Undefined struct {
	Kind Kind
	Name string // as it is referred to; of a record the whole name
	err  error
}

// Error implements error.
func (u *Undefined) Error() string { return u.err.Error() }

// locate turns an error into one about the line at p, which begins with word, unless the error has
// a position already.
func (p Position) locate(word string, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return p.Errorf("%s: %w", word, err)
}
