package policy

import "slices"

// A Source is the line of the Corefile that values of a set stand on. There may be millions, so it
// is small.
type Source struct {
	First uint16 // the line's first value, by position
	File  uint16 // by a number that the maker of the set knows
	Line  uint32
}

// SourceOf returns the line that a value stands on, according to sources with rising First. It
// returns the zero Source if the value stands before all of them.
func SourceOf(sources []Source, value int) Source {
	for _, source := range slices.Backward(sources) {
		if int(source.First) <= value {
			return source
		}
	}
	return Source{}
}

// Words are the words of a Corefile line that say which clients its values are for.
type Words struct {
	First     int // the line's first value, by position
	From, Geo []string
	At        string // LAT,LON; "" if the line has none
}

// WordsOf returns the words of the line that a value stands on.
func (c *Choosing) WordsOf(value int) Words {
	for _, words := range slices.Backward(c.Words) {
		if words.First <= value {
			return words
		}
	}
	return Words{}
}
