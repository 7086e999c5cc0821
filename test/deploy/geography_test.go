package deploy

import (
	"bytes"
	"flag"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/roundrobin53/roundrobin53/test/server"
)

var update = flag.Bool("update", false, "write the databases that the tests of the module above read")

// TestDatabases keeps the databases of the tests in test/ as server.Locations says. They are made here because this module
// may require the library that writes them.
func TestDatabases(t *testing.T) {
	for name, want := range map[string][]byte{
		server.GeoDatabase: database(t, "GeoLite2-City", func(tree *mmdbwriter.Tree) error {
			for i := range server.Locations {
				if err := tree.Insert(ipNet(server.Locations[i].Network), cityRecord(&server.Locations[i])); err != nil {
					return err
				}
			}
			return nil
		}),
		server.ASNDatabase: database(t, "GeoLite2-ASN", func(tree *mmdbwriter.Tree) error {
			return tree.Insert(ipNet("127.0.0.0/8"), mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64496)})
		}),
	} {
		path := server.Path(name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not of server.Locations (%v); write it with -update", name, err)
		}
	}
}

// database is a database of a kind, the same each time.
func database(t *testing.T, kind string, fill func(*mmdbwriter.Tree) error) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true, BuildEpoch: 1700000000,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(tree); err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if _, err := tree.WriteTo(&content); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

func ipNet(network string) *net.IPNet {
	prefix := netip.MustParsePrefix(network)
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), prefix.Addr().BitLen())}
}

// cityRecord is a location in the database's layout.
func cityRecord(l *server.Location) mmdbtype.Map {
	code := func(key, value string) mmdbtype.Map {
		return mmdbtype.Map{mmdbtype.String(key): mmdbtype.String(value)}
	}
	record := mmdbtype.Map{
		"continent": code("code", l.Continent),
		"country":   code("iso_code", l.Country),
	}
	if l.At != [2]float64{} {
		record["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(l.At[0]), "longitude": mmdbtype.Float64(l.At[1])}
	}
	var subdivisions mmdbtype.Slice
	for _, subdivision := range l.Subdivisions {
		subdivisions = append(subdivisions, code("iso_code", subdivision))
	}
	if len(subdivisions) > 0 {
		record["subdivisions"] = subdivisions
	}
	return record
}
