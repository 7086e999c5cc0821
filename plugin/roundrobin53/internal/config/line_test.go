package config

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
)

// TestLocate guards positions: an error keeps its own position, however deep it is wrapped, and
// whatever its text says.
func TestLocate(t *testing.T) {
	record, value := Position{"Corefile", 3}, Position{"Corefile", 4}
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"without a position", errors.New("no"), "Corefile:3 - Error during parsing: record: no"},
		{"with one", value.Errorf("value: %w", errors.New("no")), "Corefile:4 - Error during parsing: value: no"},
		{"wrapped", fmt.Errorf("of a file: %w", value.Errorf("no")), "of a file: Corefile:4 - Error during parsing: no"},
		{"quoting one", errors.New(strconv.Quote(value.Errorf("no").Error())), `Corefile:3 - Error during parsing: record: "Corefile:4 - Error during parsing: no"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := record.locate("record", row.err)
			if err.Error() != row.want {
				t.Errorf("got %q, want %q", err, row.want)
			}
			if !errors.Is(err, row.err) {
				t.Errorf("%q does not wrap its cause", err)
			}
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%q is no Error", err)
			}
		})
	}
}
