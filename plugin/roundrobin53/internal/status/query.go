package status

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// readQuery reads a query string. Each parameter has to be one of those that the page knows, and
// stands once at most.
func readQuery(raw string, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, fmt.Errorf("the query string can't be read: %w", err)
	}
	for name, all := range values {
		switch {
		case !slices.Contains(known, name):
			if len(known) == 0 {
				return nil, fmt.Errorf("%.50q: this page has no parameters", name)
			}
			return nil, fmt.Errorf("%.50q is not a parameter of this page; the parameters are %s", name, strings.Join(known, ", "))
		case len(all) > 1:
			return nil, fmt.Errorf("%s stands twice", name)
		case len(all[0]) > maxParameter:
			return nil, fmt.Errorf("%s: longer than %d octets", name, maxParameter)
		}
	}
	return values, nil
}

// maxParameter is the length of a parameter in octets: a name is shorter, with every octet escaped.
const maxParameter = 1024

// readFlag reads a parameter that is 1 or left out.
func readFlag(values url.Values, name string) (bool, error) {
	switch value := values.Get(name); value {
	case "":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, fmt.Errorf("%s: %.50q is neither 1 nor left out", name, value)
	}
}

// readPage reads the number of a page.
func readPage(values url.Values) (int, error) {
	value := values.Get("page")
	if value == "" {
		return 1, nil
	}
	page, err := strconv.ParseUint(value, 10, 31)
	if err != nil || page == 0 {
		return 0, fmt.Errorf("page: %.50q is not a number from 1 on", value)
	}
	return int(page), nil
}
