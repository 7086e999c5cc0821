package roundrobin53

import "fmt"

// duringParsing is how caddy's errors go on behind the position.
const duringParsing = " - Error during parsing: "

// position is where a line stands in a Corefile.
type position struct {
	file string
	line int
}

// errorf is an error about the line at p, in the form that caddy gives its own.
func (p position) errorf(format string, args ...any) error {
	return fmt.Errorf("%s"+duringParsing+"%w", p, fmt.Errorf(format, args...))
}

func (p position) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }
