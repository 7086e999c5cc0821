package route53

import (
	"os"
	"strings"
	"testing"
)

// TestZoneFile guards what becomes of a zone file.
func TestZoneFile(t *testing.T) {
	const dir = "testdata/zonefile/"
	data, err := os.ReadFile(dir + "db.example.org")
	if err != nil {
		t.Fatal(err)
	}
	zones, err := ReadZoneFile("example.org", &File{Name: "db.example.org", Data: data})
	if err != nil {
		t.Fatal(err)
	}
	blocks, report, leftOut := write(t, zones)
	checkGolden(t, dir, blocks, report)
	if !leftOut {
		t.Error("nothing is said to be left out")
	}
}

// TestBadZoneFile guards what is said of a zone file that can't be read.
func TestBadZoneFile(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "db: no records"},
		{"www 60 IN A 192.0.2.1\nwww 60 IN A 300.0.2.1\n", `db: bad A A: "300.0.2.1" at line: 2:21`},
	} {
		if _, err := ReadZoneFile("example.org", &File{Name: "db", Data: []byte(c.text)}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}
