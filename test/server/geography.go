package server

import (
	"math"
	"testing"

	"github.com/miekg/dns"
)

// Location is an entry of a database of places, about one network.
type Location struct {
	Network            string
	Continent, Country string
	Subdivisions       []string
	At                 [2]float64 // latitude and longitude; both 0: not known
}

// The databases of the kind that the geoip plugin reads: of Locations, and one that knows networks but no places. The tests
// in test/deploy write them (go test -C test/deploy -run TestDatabases -update), and tell when they are not of these
// Locations.
const (
	GeoDatabase = "test/testdata/city.mmdb"
	ASNDatabase = "test/testdata/asn.mmdb"
)

// Locations are the clients of the tests, by networks that nobody has, and the places they are put in.
var Locations = []Location{
	{Network: "192.0.2.0/26", Continent: "NA", Country: "US", Subdivisions: []string{"CA"}, At: [2]float64{37.77, -122.42}},
	{Network: "192.0.2.64/26", Continent: "NA", Country: "US", Subdivisions: []string{"NY"}, At: [2]float64{40.71, -74.01}},
	{Network: "192.0.2.128/26", Continent: "NA", Country: "US"},
	{Network: "192.0.2.192/26", Continent: "NA", Country: "CA"},
	{Network: "198.51.100.0/26", Continent: "EU", Country: "DE", At: [2]float64{50.11, 8.68}},
	{Network: "198.51.100.64/26", Continent: "EU", Country: "GB", Subdivisions: []string{"ENG", "LND"}, At: [2]float64{51.51, -0.13}},
	{Network: "198.51.100.128/26", Continent: "EU"},
	{Network: "198.51.100.192/26", Continent: "", Country: "", Subdivisions: []string{"", ""}},
	{Network: "203.0.113.0/26"},
	{Network: "203.0.113.64/26", Country: "DE"},
	{Network: "203.0.113.128/26", Continent: "AF", Country: "GA", At: [2]float64{0, 10}},
	{Network: "10.2.0.0/16", Continent: "EU", Country: "DE", At: [2]float64{50.11, 8.68}},
	{Network: "10.3.0.0/16", At: [2]float64{math.NaN(), 8.68}}, // broken
	{Network: "10.4.0.0/16", At: [2]float64{50.11, math.Inf(1)}},
	{Network: "2001:db8:1::/48", Continent: "NA", Country: "US", Subdivisions: []string{"CA"}, At: [2]float64{37.77, -122.42}},
	{Network: "127.0.0.0/8", Continent: "OC", Country: "NZ", At: [2]float64{-36.85, 174.76}}, // who sends without ECS
}

// The places of clients, by networks that geoDatabase knows.
const (
	FromCalifornia   = "192.0.2.0/26"
	FromCalifornia6  = "2001:db8:1::/48"
	FromNewYork      = "192.0.2.64/26"
	FromUS           = "192.0.2.128/26"
	FromCanada       = "192.0.2.192/26"
	FromGermany      = "198.51.100.0/26"
	FromLondon       = "198.51.100.64/26"
	FromEurope       = "198.51.100.128/26"
	FromEmptyLabels  = "198.51.100.192/26"
	FromEmptyRecord  = "203.0.113.0/26"
	FromGermanyAlone = "203.0.113.64/26" // a country, and no word of the continent
	FromTenGermany   = "10.2.0.0/24"
	FromTen          = "10.9.0.0/24"
	FromNowhere      = "203.0.113.192/26"
	FromZero         = "0.0.0.0/0"
	FromZero6        = "::/0"
)

// ServeWithout serves with endpoints down, and returns when that is known.
func ServeWithout(t *testing.T, corefile string, signs *Target, down string) *Server {
	t.Helper()
	signs.Set(Pass, "a b c d e f")
	signs.Set(Fail, down)
	s := Serve(t, corefile)
	AwaitDown(t, s, down)
	return s
}

// GeoDatabasePath is the path of the database of Locations.
func GeoDatabasePath(t *testing.T) string {
	t.Helper()
	return Path(GeoDatabase)
}

// ASNDatabasePath is the path of one that knows networks, but no places.
func ASNDatabasePath(t *testing.T) string {
	t.Helper()
	return Path(ASNDatabase)
}

// Located is a Corefile with a block that knows where clients are.
func Located(database, roundrobin53 string) string {
	return "example.org:0 {\nmetadata\ngeoip " + database + " {\nedns-subnet\n}\nroundrobin53 {\necs\n" + roundrobin53 + "\n}\n}\n"
}

// AskFrom asks for addresses for a client in a network.
func AskFrom(t *testing.T, s *Server, network, name string) *dns.Msg {
	t.Helper()
	return Send(t, s, "udp", WithOPT(Question(name, dns.TypeA), 0, SubnetOption(network)))
}
