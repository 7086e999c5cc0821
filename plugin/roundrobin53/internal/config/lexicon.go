package config

import "strings"

// lexicon holds the words that may stand in one place of a Corefile, and what each of them means.
// Messages list the words in their order here.
type lexicon[T any] []entry[T]

// entry is one word of a lexicon.
type entry[T any] struct {
	word    string
	meaning T
}

// find returns the meaning of a word, and false for a word that is not in the lexicon. Lexicons are
// short: a scan takes no longer than a map does.
func (l lexicon[T]) find(word string) (meaning T, ok bool) {
	for i := range l {
		if l[i].word == word {
			return l[i].meaning, true
		}
	}
	return meaning, false
}

// has reports whether a word is in the lexicon.
func (l lexicon[T]) has(word string) bool {
	_, ok := l.find(word)
	return ok
}

// words returns the words whose meaning is wanted, all of them if want is nil.
func (l lexicon[T]) words(want func(T) bool) []string {
	var words []string
	for _, e := range l {
		if want == nil || want(e.meaning) {
			words = append(words, e.word)
		}
	}
	return words
}

// list writes words as a sentence does: a, b and c.
func list(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
