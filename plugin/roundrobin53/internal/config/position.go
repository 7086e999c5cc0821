package config

import "fmt"

// duringParsing is how caddy's errors go on behind the position.
const duringParsing = " - Error during parsing: "

// Position is where a line stands in a Corefile.
type Position struct {
	file string
	line int
}

// Errorf is an error about the line at p, in the form that caddy gives its own.
func (p Position) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s"+duringParsing+"%w", p, fmt.Errorf(format, args...))
}

func (p Position) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }
