package config

import (
	"slices"
	"testing"
)

// TestList guards the lists that error messages are made of.
func TestList(t *testing.T) {
	for _, row := range []struct {
		words []string
		want  string
	}{
		{nil, ""},
		{[]string{"a"}, "a"},
		{[]string{"a", "b"}, "a and b"},
		{[]string{"a", "b", "c"}, "a, b and c"},
	} {
		if got := list(row.words); got != row.want {
			t.Errorf("list(%q) = %q, want %q", row.words, got, row.want)
		}
	}
}

// TestLexiconsHaveEachWordOnce guards lookups, which find the first.
func TestLexiconsHaveEachWordOnce(t *testing.T) {
	for _, words := range [][]string{directiveLines.words(nil), options.words(nil), checkOptions.words(nil), orders.words(nil)} {
		if twice, ok := firstDuplicate(words); ok {
			t.Errorf("%q stands twice in %q", twice, words)
		}
		if slices.Contains(words, "") {
			t.Errorf("an empty word in %q", words)
		}
	}
}
