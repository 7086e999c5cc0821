package route53

import (
	"os"
	"path/filepath"
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
		{"; nothing\n", "db: no records"},
		{"\xff\xfew\x00w\x00", "db: offset 0, line 1: \"\\xff\\xfew\\x00w\\x00\": the file is UTF-16, as PowerShell writes it; a zone file is ASCII"},
		{` {"ResourceRecordSets": []}`, "the file is JSON; coredns import FILE reads that"},
		{"$GENERATE 1-70000 n$ 60 A 192.0.2.1\n", "db: bad range in $GENERATE range"},
		{"$INCLUDE nowhere\n", "nowhere"},
		{"www 60 IN A 192.0.2.1", ""}, // without a line feed
		{"www 60 IN A 192.0.2.1\nwww 60 IN A 300.0.2.1\n", `db: bad A A: "300.0.2.1" at line: 2:21`},
	} {
		_, err := ReadZoneFile("example.org", &File{Name: "db", Data: []byte(c.text)})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

// TestOddZoneFiles guards what becomes of zone files as people have them.
func TestOddZoneFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "part"), []byte("in 60 IN A 192.0.2.8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		want       []string // in the block
		report     string
	}{
		{"a mark of an editor", "\xef\xbb\xbfwww 60 IN A 192.0.2.1\n", []string{"record www 60 A 192.0.2.1"}, "1 record set: 1 as they were, 0 changed, 0 left out"},
		{"lines that end as in DOS", "$TTL 60\r\nwww IN A 192.0.2.1\r\ntext IN TXT \"a b\"\r\n", []string{"record www 60 A 192.0.2.1\n", "record text 60 TXT \"a b\"\n"}, "2 record sets: 2 as they were"},
		{"no SOA", "www 60 IN A 192.0.2.1\n", []string{"ttl 300\n", "record www 60 A 192.0.2.1"}, "0 left out"},
		{"$GENERATE", "$TTL 60\n$GENERATE 1-3 host-$ A 192.0.2.$\n", []string{"record host-1 60 A 192.0.2.1", "record host-3 60 A 192.0.2.3"}, "3 record sets"},
		{"$GENERATE with a TTL", "$TTL 60\n$GENERATE 1-2 a$ IN 30 A 192.0.2.$\n$ttl 90\n$generate 3-4/2 a$ TXT \"n  $\"\n", []string{"record a1 30 A 192.0.2.1", `record a3 90 TXT "n  3"`}, "3 record sets"},
		{"$GENERATE of nothing", "$TTL 60\n$GENERATE 1-1 a$ A 192.0.2.1 ; a comment", []string{"record a1 60 A 192.0.2.1"}, "1 record set"},
		{"no TTL", "www IN A 192.0.2.1\n", []string{"record www 300 A 192.0.2.1"}, "1 record set"},
		{"no TTL but the SOA's", "www IN A 192.0.2.1\n@ IN SOA ns host 1 2 3 4 77\n  IN TXT x\n", []string{"ttl 77\n", "record www 77 A 192.0.2.1", "record @ 77 TXT x"}, "3 record sets"},
		{"$INCLUDE", "$INCLUDE part\n$INCLUDE part sub\n", []string{"record in 60 A 192.0.2.8", "record in.sub 60 A 192.0.2.8"}, "2 record sets"},
		{"outside", "www 60 IN A 192.0.2.1\nwww.example.com. 60 IN A 192.0.2.2\n", []string{"record www 60 A 192.0.2.1"}, "left out: www.example.com. A: it lies outside the zone example.org."},
		{"another class", "www 60 IN A 192.0.2.1\nwww 60 CH A 192.0.2.2\nwww 60 CH TXT x\n", []string{"record www 60 A 192.0.2.1\n"}, "left out: www.example.org. CH A: its class is CH, and here all records are IN"},
		{"a TTL with its first bit set", "www 4294967295 IN A 192.0.2.1\n", []string{"record www 0 A 192.0.2.1"}, "its TTL has the first bit set, and counts as 0 (RFC 2181)"},
		{"the SOA with such a TTL", "@ 2147483648 IN SOA ns host 1 2 3 4 5\nwww 2147483647 IN A 192.0.2.1\n", []string{"ttl 0\n", "record www 2147483647 A 192.0.2.1"}, "0 left out"},
		{"units", "www 1w2d IN A 192.0.2.1\n", []string{"record www 777600 A 192.0.2.1"}, "1 as they were"},
		{"escapes", `a\.b 60 IN A 192.0.2.1` + "\n" + `\042q 60 IN TXT "say \"hi\"; {x}" ` + "\n", []string{`record a\046b.example.org. 60 A 192.0.2.1`, `TXT "say \"hi\"; `}, "2 record sets: 2 as they were"},
		{"letters", "WWW.EXAMPLE.ORG. 60 IN A 192.0.2.1\nwww 60 in a 192.0.2.2\n", []string{"record www 60 A 192.0.2.1 192.0.2.2"}, "1 record set"},
		{"a record twice", "www 60 IN A 192.0.2.1\nwww 60 IN A 192.0.2.1\n", []string{"record www 60 A 192.0.2.1\n"}, "1 as they were"},
		{"CNAME beside other data", "www 60 IN CNAME a\nwww 60 IN TXT x\na 60 IN A 192.0.2.1\n", []string{"record a 60 A 192.0.2.1"}, "1 left out"},
		{"DNAME", "sub 60 IN DNAME example.net.\nwww 60 IN A 192.0.2.1\n", []string{"record www 60 A 192.0.2.1"}, "left out: sub.example.org. DNAME"},
	} {
		t.Run(c.name, func(t *testing.T) {
			zones, err := ReadZoneFile("Example.ORG", &File{Name: filepath.Join(dir, "db"), Data: []byte(c.text)})
			if err != nil {
				t.Fatal(err)
			}
			blocks, report, _ := write(t, zones)
			for _, want := range c.want {
				if !strings.Contains(blocks, want) {
					t.Errorf("no %q in\n%s", want, blocks)
				}
			}
			if !strings.Contains(report, c.report) {
				t.Errorf("no %q in\n%s", c.report, report)
			}
		})
	}
}
