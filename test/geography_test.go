package test

import (
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/miekg/dns"
)

// location is what a database of places knows of a network.
type location struct {
	network            string
	continent, country string
	subdivisions       []string
	at                 [2]float64 // latitude and longitude; both 0: not known
}

// The clients of the tests, by networks that nobody has, and the places they are put in.
var locations = []location{
	{network: "192.0.2.0/26", continent: "NA", country: "US", subdivisions: []string{"CA"}, at: [2]float64{37.77, -122.42}},
	{network: "192.0.2.64/26", continent: "NA", country: "US", subdivisions: []string{"NY"}, at: [2]float64{40.71, -74.01}},
	{network: "192.0.2.128/26", continent: "NA", country: "US"},
	{network: "192.0.2.192/26", continent: "NA", country: "CA"},
	{network: "198.51.100.0/26", continent: "EU", country: "DE", at: [2]float64{50.11, 8.68}},
	{network: "198.51.100.64/26", continent: "EU", country: "GB", subdivisions: []string{"ENG", "LND"}, at: [2]float64{51.51, -0.13}},
	{network: "198.51.100.128/26", continent: "EU"},
	{network: "198.51.100.192/26", continent: "", country: "", subdivisions: []string{"", ""}},
	{network: "203.0.113.0/26"},
	{network: "203.0.113.64/26", country: "DE"},
	{network: "203.0.113.128/26", continent: "AF", country: "GA", at: [2]float64{0, 10}},
	{network: "10.2.0.0/16", continent: "EU", country: "DE", at: [2]float64{50.11, 8.68}},
	{network: "10.3.0.0/16", at: [2]float64{math.NaN(), 8.68}}, // broken
	{network: "10.4.0.0/16", at: [2]float64{50.11, math.Inf(1)}},
	{network: "2001:db8:1::/48", continent: "NA", country: "US", subdivisions: []string{"CA"}, at: [2]float64{37.77, -122.42}},
	{network: "127.0.0.0/8", continent: "OC", country: "NZ", at: [2]float64{-36.85, 174.76}}, // who sends without ECS
}

// geoDatabase writes a database of the kind that the geoip plugin reads, and returns its path.
func geoDatabase(t *testing.T) string {
	t.Helper()
	return database(t, "GeoLite2-City", func(tree *mmdbwriter.Tree) error {
		for i := range locations {
			if err := tree.Insert(ipNet(locations[i].network), locations[i].record()); err != nil {
				return err
			}
		}
		return nil
	})
}

// asnDatabase writes one that knows networks, but no places.
func asnDatabase(t *testing.T) string {
	t.Helper()
	return database(t, "GeoLite2-ASN", func(tree *mmdbwriter.Tree) error {
		return tree.Insert(ipNet("127.0.0.0/8"), mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64496)})
	})
}

func database(t *testing.T, kind string, fill func(*mmdbwriter.Tree) error) string {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(tree); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), kind+".mmdb")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tree.WriteTo(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func ipNet(network string) *net.IPNet {
	prefix := netip.MustParsePrefix(network)
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
}

// record is the location in the database's layout.
func (l *location) record() mmdbtype.Map {
	code := func(key, value string) mmdbtype.Map {
		return mmdbtype.Map{mmdbtype.String(key): mmdbtype.String(value)}
	}
	record := mmdbtype.Map{
		"continent": code("code", l.continent),
		"country":   code("iso_code", l.country),
	}
	if l.at != [2]float64{} {
		record["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(l.at[0]), "longitude": mmdbtype.Float64(l.at[1])}
	}
	var subdivisions mmdbtype.Slice
	for _, subdivision := range l.subdivisions {
		subdivisions = append(subdivisions, code("iso_code", subdivision))
	}
	if len(subdivisions) > 0 {
		record["subdivisions"] = subdivisions
	}
	return record
}

// located is a Corefile with a block that knows where clients are.
func located(database, roundrobin53 string) string {
	return "example.org:0 {\nmetadata\ngeoip " + database + " {\nedns-subnet\n}\nroundrobin53 {\necs\n" + roundrobin53 + "\n}\n}\n"
}

// subnetOption is the ECS option that names a network, as a resolver sends it.
func subnetOption(network string) *dns.EDNS0_SUBNET {
	prefix := netip.MustParsePrefix(network)
	option := &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(prefix.Bits()), Address: prefix.Addr().AsSlice(),
	}
	if prefix.Addr().Is6() {
		option.Family = 2
	}
	return option
}

// askFrom asks for addresses for a client in a network.
func askFrom(t *testing.T, s *server, network, name string) *dns.Msg {
	t.Helper()
	return send(t, s, "udp", withOPT(question(name, dns.TypeA), 0, subnetOption(network)))
}

// echoed is the ECS option of a reply as text: ADDRESS/SOURCE/SCOPE. It is empty if there is none.
func echoed(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if subnet, ok := option.(*dns.EDNS0_SUBNET); ok {
				return subnet.String()
			}
		}
	}
	return ""
}
