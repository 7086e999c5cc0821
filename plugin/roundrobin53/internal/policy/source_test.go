package policy

import "testing"

// TestSourceOf guards the line that a value is said to stand on: the last that begins at or before it.
func TestSourceOf(t *testing.T) {
	sources := []Source{{0, 0, 5}, {2, 0, 6}, {3, 1, 1}}
	for value, want := range []uint32{5, 5, 6, 1, 1} {
		if got := SourceOf(sources, value); got.Line != want {
			t.Errorf("value %d: %+v, want line %d", value, got, want)
		}
	}
	if got := SourceOf(nil, 1); got != (Source{}) {
		t.Errorf("without sources: %+v", got)
	}
}
