package config

import (
	"errors"
	"fmt"
)

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
	return &Error{p, fmt.Errorf(format, args...)}
}

// locate turns an error into one about the line at p, which begins with word, unless the error has
// a position already.
func (p Position) locate(word string, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return p.Errorf("%s: %w", word, err)
}
