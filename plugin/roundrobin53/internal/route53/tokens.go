package route53

import (
	"errors"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/config"
)

// parse reads lines of a directive alone, as a server with the zone would. The error has no position.
func parse(zone string, lines ...[]string) error {
	lines = append(append([][]string{{"roundrobin53", "{"}}, lines...), []string{"}"})
	_, err := config.Parse(&tokens{lines: lines, line: -1}, surroundings(zone))
	if wrong, ok := errors.AsType[*config.Error](err); ok {
		return wrong.Unwrap()
	}
	return err
}

func surroundings(zone string) *config.Surroundings {
	return &config.Surroundings{Zones: []string{zone}, ReadZone: func(word string) []string { return []string{dns.Fqdn(word)} }}
}

// tokens hands words to the parser of config. A line has the number of its index.
type tokens struct {
	lines [][]string
	line  int
	word  int
}

var _ config.Tokens = (*tokens)(nil)

// Next implements config.Tokens.
func (t *tokens) Next() bool {
	if t.line >= 0 && t.word+1 < len(t.lines[t.line]) {
		t.word++
		return true
	}
	t.line, t.word = t.line+1, 0
	return t.line < len(t.lines)
}

// NextArg implements config.Tokens.
func (t *tokens) NextArg() bool {
	if t.word+1 >= len(t.lines[t.line]) {
		return false
	}
	t.word++
	return true
}

// Val implements config.Tokens.
func (t *tokens) Val() string { return t.lines[t.line][t.word] }

// File implements config.Tokens.
func (t *tokens) File() string { return "import" }

// Line implements config.Tokens.
func (t *tokens) Line() int { return t.line }
