package route53

import (
	"strconv"
	"strings"
	"testing"
)

// TestPlaces guards the tables of places: each is a point on earth, written as Corefiles have it, and no place stands for two
// cities.
func TestPlaces(t *testing.T) {
	for _, table := range []map[string]location{regions, cities} {
		for name, at := range table {
			latitude, longitude, ok := strings.Cut(string(at), ",")
			lat, err1 := strconv.ParseFloat(latitude, 64)
			lon, err2 := strconv.ParseFloat(longitude, 64)
			if !ok || err1 != nil || err2 != nil || lat < -60 || lat > 70 || lon < -180 || lon > 180 || lat == lon {
				t.Errorf("%s lies at %q", name, at)
			}
		}
	}
	seen := make(map[location]string)
	for name, at := range cities {
		if seen[at] != "" {
			t.Errorf("%s and %s are at the same place", name, seen[at])
		}
		seen[at] = name
	}
}

// TestLocalZone guards the way from the name of a zone group to a place. What is not known has none.
func TestLocalZone(t *testing.T) {
	for group, want := range map[string]location{
		"us-west-2-lax-1": "34.05,-118.24", "us-east-1-nyc-2": "40.71,-74.01", "eu-central-1-ist-1": "41.01,28.95", "eu-west-3-cmn-1": "33.59,-7.61",
		"us-east-1-zzz-1": "", "us-east-1": "", "": "", "us-east-1-wl1-bos-wlz-1": "",
	} {
		if got, ok := localZone(group); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t, want %q", group, got, ok, want)
		}
	}
}
