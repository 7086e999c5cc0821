package route

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/language"
)

// continents maps the codes of continents in geographic databases to their names in the Corefile.
// These are spelled out, since AF, AS, NA and SA are countries, too.
var continents = map[string]string{
	"AF": "africa",
	"AN": "antarctica",
	"AS": "asia",
	"EU": "europe",
	"NA": "north-america",
	"OC": "oceania",
	"SA": "south-america",
}

// continentNames lists the names of continents, for errors.
const continentNames = "africa, antarctica, asia, europe, north-america, oceania and south-america"

// ParsePlace reads a place: a country by its code (ISO 3166-1, DE), a subdivision by its code (ISO
// 3166-2, US-CA), a continent by its name, or an autonomous system by its number (RFC 5396,
// AS64500). It returns the one spelling in which places are compared.
func ParsePlace(text string) (string, error) {
	if number, ok := asNumber(text); ok {
		return asPlace(number), nil
	}
	for _, name := range continents {
		if strings.EqualFold(text, name) {
			return name, nil
		}
	}
	code, subdivision, divided := strings.Cut(strings.ToUpper(text), "-")
	country, err := language.ParseRegion(code)
	switch {
	case len(code) != 2 || err != nil || !country.IsCountry():
		return "", fmt.Errorf("%q is not a place: a country is written as DE, a subdivision of one as US-CA, an autonomous system as AS64500, and the continents are %s", text, continentNames)
	case country.Canonicalize().String() != code:
		return "", fmt.Errorf("%q is not the code of a country; write %q", code, country.Canonicalize())
	case divided && !isSubdivision(subdivision):
		return "", fmt.Errorf("%q is not a subdivision of %s: its code has one to three letters or digits (ISO 3166-2)", text, code)
	}
	return strings.ToUpper(text), nil
}

func isSubdivision(code string) bool {
	isOther := func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }
	return len(code) >= 1 && len(code) <= 3 && !strings.ContainsFunc(code, isOther)
}

// asNumber reads the number of an autonomous system, AS1 to AS4294967295.
func asNumber(text string) (uint32, bool) {
	digits, ok := strings.CutPrefix(strings.ToUpper(text), "AS")
	number, err := strconv.ParseUint(digits, 10, 32)
	return uint32(number), ok && err == nil && number != 0
}

func asPlace(number uint32) string { return "AS" + strconv.FormatUint(uint64(number), 10) }

// IsAS reports whether a place, as ParsePlace returns it, is an autonomous system.
func IsAS(place string) bool {
	_, ok := asNumber(place)
	return ok
}

// Places are the places that a client is in, the smallest first: autonomous system, up to two levels
// of subdivisions, country, continent; "" for a place that is not known.
type Places [5]string

// NewPlaces makes places from the codes of a geographic database. Subdivisions are separated by
// commas, the largest first. The number of the autonomous system is written without AS.
func NewPlaces(as, continent, country, subdivisions string) Places {
	p := Places{3: country, 4: continents[continent]}
	if number, ok := asNumber("AS" + as); ok {
		p[0] = asPlace(number)
	}
	if country == "" || subdivisions == "" {
		return p
	}
	outer, inner, _ := strings.Cut(subdivisions, ",")
	for i, code := range []string{inner, outer} {
		if code != "" {
			p[1+i] = country + "-" + code
		}
	}
	return p
}
