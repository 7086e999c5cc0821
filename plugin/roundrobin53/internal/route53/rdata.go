package route53

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// readEscape reads the escape that a text begins with: \ and three digits, or \ and any other character.
// It returns the octet and the length of the escape.
func readEscape(text string, base int) (octet byte, length int, err error) {
	if len(text) < 2 {
		return 0, 0, errors.New(`it ends in \`)
	}
	if text[1] < '0' || text[1] > '9' {
		return text[1], 2, nil
	}
	const digits = 3
	if len(text) > digits {
		if n, err := strconv.ParseUint(text[1:1+digits], base, 8); err == nil {
			return byte(n), 1 + digits, nil
		}
	}
	return 0, 0, fmt.Errorf("%s is not the number of an octet with three digits", quoted(text[:min(len(text), 1+digits)]))
}

// splitData cuts the data of a record into words, at spaces that are neither in quotes nor escaped, and between
// quotes. The words have octets instead of escapes and quotes.
func splitData(text string, base int) ([]string, error) {
	var words []string
	for rest := strings.TrimLeft(text, " \t"); rest != ""; rest = strings.TrimLeft(rest, " \t") {
		word, length, err := readWord(rest, base)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", quoted(text), err)
		}
		words = append(words, word)
		rest = rest[length:]
	}
	return words, nil
}

// readWord reads the word that a text begins with. It returns its octets, and how much of the text it is.
func readWord(text string, base int) (word string, length int, err error) {
	var b strings.Builder
	inQuotes := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			octet, n, err := readEscape(text[i:], base)
			if err != nil {
				return "", 0, err
			}
			b.WriteByte(octet)
			i += n - 1
		case c == '"' && inQuotes && strings.HasPrefix(text[i+1:], `"`): // another word follows without a space
			return b.String(), i + 1, nil
		case c == '"':
			inQuotes = !inQuotes
		case !inQuotes && (c == ' ' || c == '\t'):
			return b.String(), i, nil
		default:
			b.WriteByte(c)
		}
	}
	if inQuotes {
		return "", 0, errors.New("a quote is not closed")
	}
	return b.String(), len(text), nil
}

// textWord writes octets as a word of a Corefile that means them: escapes for what is not ASCII text, and for what
// caddy would take for a variable or a brace.
func textWord(octets string) string {
	var b strings.Builder
	for i := range len(octets) {
		switch c := octets[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c > '~', c == '{' && (len(octets) == 1 || strings.HasPrefix(octets[i+1:], "$") || strings.HasPrefix(octets[i+1:], "%")), c == '}' && len(octets) == 1:
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// nameFields are the positions of domain names in the data of a type.
var nameFields = map[string][]int{
	"CNAME": {0}, "NS": {0}, "PTR": {0}, "MX": {1}, "SRV": {3}, "NAPTR": {5}, "HTTPS": {1}, "SVCB": {1}, "AFSDB": {1}, "KX": {1}, "RP": {0, 1},
}

// dataWords turns the data of one record into words of a Corefile. Names in it are full.
func dataWords(rrtype, text string, base int) ([]string, error) {
	words, err := splitData(text, base)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return nil, errors.New("no data")
	}
	if rrtype == "TXT" {
		return []string{textWord(strings.Join(words, ""))}, nil
	}
	names := nameFields[rrtype]
	for i, word := range words {
		switch {
		case slices.Contains(names, i):
			if words[i], err = nameWord(text, i, base); err != nil {
				return nil, err
			}
		case rrtype == "CAA" || rrtype == "NAPTR" || rrtype == "SPF" || rrtype == "URI" || rrtype == "HINFO":
			words[i] = strings.ReplaceAll(textWord(word), `"`, `\034`)
		}
	}
	return words, nil
}

// nameWord returns the domain name that is field i of a record's data.
func nameWord(text string, i, base int) (string, error) {
	fields := strings.Fields(text)
	if i >= len(fields) {
		return "", fmt.Errorf("%s has no name in field %d", quoted(text), i+1)
	}
	if rest := fields[len(fields)-1]; i == naptrReplacement { // texts before it may have spaces
		return spellName(rest, base)
	}
	return spellName(fields[i], base)
}

const naptrReplacement = 5

// sameStrings reports whether the strings of a TXT are those that a server makes of the joined text, which
// are cut at 255 octets.
func sameStrings(text string, base int) bool {
	const most = 255
	words, err := splitData(text, base)
	if err != nil {
		return true // it is left out
	}
	for i, word := range words {
		if len(word) != most && (i < len(words)-1 || len(word) > most) || word == "" && len(words) > 1 {
			return false
		}
	}
	return true
}
