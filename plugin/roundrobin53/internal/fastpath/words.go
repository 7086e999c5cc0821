package fastpath

import (
	"unicode"
	"unicode/utf8"
)

// directiveName is the word that starts this plugin's directives.
const directiveName = "roundrobin53"

// withoutRecords returns a Corefile without the contents of this plugin's blocks. Whoever looks for
// server blocks has no use for a million values there, and caddy takes 40 octets for each word
// beside its text. A server block without braces stays as it is, and so does a Corefile whose
// braces do not match, since an imported file may have the others.
func withoutRecords(corefile []byte) []byte {
	const directive = 2 // the depth in a block of a directive
	var out []byte
	w := wordScanner{text: corefile}
	from, depth, ours := 0, 0, false
	for w.next() {
		if w.first {
			ours = ours && depth >= directive || depth == directive-1 && w.isDirective()
		}
		depth += w.step()
		switch isBrace := w.step() != 0; {
		case !isBrace || !ours:
		case w.step() > 0 && depth == directive: // our block begins
			out = append(append(out, corefile[from:w.end]...), '\n')
		case w.step() < 0 && depth == directive-1: // it ends
			from, ours = w.start, false
		}
	}
	if depth != 0 {
		return corefile
	}
	return append(out, corefile[from:]...)
}

// A wordScanner cuts a Corefile into words as caddy does. A word ends at a space or a comment; a
// quoted word ends at the next quote without a backslash before it.
type wordScanner struct {
	text       []byte
	word       []byte // the last word, with its escapes
	start, end int    // its position, quotes included
	first      bool   // of its line
	quoted     bool
}

// step returns by how much the last word changes the depth of blocks.
func (w *wordScanner) step() int {
	switch string(w.word) {
	case "{":
		return 1
	case "}":
		return -1
	}
	return 0
}

// isDirective reports whether the last word begins a directive of this plugin.
func (w *wordScanner) isDirective() bool { return !w.quoted && string(w.word) == directiveName }

// next goes to the next word. It reports false if there is none.
func (w *wordScanner) next() bool {
	w.first = w.skip() || w.end == 0
	if w.start == len(w.text) {
		return false
	}
	w.quoted = w.text[w.start] == '"'
	if w.quoted {
		w.end = w.closingQuote()
		w.word = w.text[w.start+1 : w.end]
		w.end = min(w.end+1, len(w.text))
		return true
	}
	for w.end = w.start; w.end < len(w.text); {
		c, size := utf8.DecodeRune(w.text[w.end:])
		if c == '#' || unicode.IsSpace(c) {
			break
		}
		w.end += size
	}
	w.word = w.text[w.start:w.end]
	return true
}

// skip goes over spaces and comments behind the last word. It reports whether a line ended there.
func (w *wordScanner) skip() (newLine bool) {
	comment := false
	for w.start = w.end; w.start < len(w.text); {
		c, size := utf8.DecodeRune(w.text[w.start:])
		switch {
		case c == '\n':
			newLine, comment = true, false
		case c == '#':
			comment = true
		case !comment && !unicode.IsSpace(c):
			return newLine
		}
		w.start += size
	}
	return newLine
}

// closingQuote returns the position of the quote that ends the word, or the end of the text.
func (w *wordScanner) closingQuote() int {
	for i := w.start + 1; i < len(w.text); i++ {
		switch w.text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(w.text)
}
