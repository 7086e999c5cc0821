package route

import (
	"fmt"
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
// 3166-2, US-CA), or a continent by its name. It returns the one spelling in which places are
// compared.
func ParsePlace(text string) (string, error) {
	for _, name := range continents {
		if strings.EqualFold(text, name) {
			return name, nil
		}
	}
	code, subdivision, divided := strings.Cut(strings.ToUpper(text), "-")
	country, err := language.ParseRegion(code)
	switch {
	case len(code) != 2 || err != nil || !country.IsCountry():
		return "", fmt.Errorf("%q is not a place: a country is written as DE, a subdivision of one as US-CA, and the continents are %s", text, continentNames)
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

// Places are the places that a client is in, the smallest first: up to two levels of subdivisions,
// country, continent; "" for a place that is not known.
type Places [4]string

// NewPlaces makes places from the codes of a geographic database. Subdivisions are separated by
// commas, the largest first.
func NewPlaces(continent, country, subdivisions string) Places {
	p := Places{2: country, 3: continents[continent]}
	if country == "" || subdivisions == "" {
		return p
	}
	outer, inner, _ := strings.Cut(subdivisions, ",")
	for i, code := range []string{inner, outer} {
		if code != "" {
			p[i] = country + "-" + code
		}
	}
	return p
}
