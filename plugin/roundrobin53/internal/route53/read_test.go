package route53

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

const soaSet = `{"Name": "example.com.", "Type": "SOA", "TTL": 900, "ResourceRecords": [{"Value": "ns. host. 1 7200 900 1209600 86400"}]}`

func list(sets ...string) string {
	return `{"ResourceRecordSets": [` + strings.Join(sets, ", ") + `]}`
}

func address(name, value string) string {
	return fmt.Sprintf(`{"Name": %q, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": %q}]}`, name, value)
}

// imported returns what becomes of files, each with the text given.
func imported(t *testing.T, texts ...string) (blocks, report string, leftOut bool) {
	t.Helper()
	zones, err := readTexts(texts...)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, zones)
}

func readTexts(texts ...string) (*Zones, error) {
	var files []*File
	for i, text := range texts {
		files = append(files, &File{Name: fmt.Sprintf("%d.json", i), Data: []byte(text)})
	}
	return Read(files)
}

// TestBadInput guards what is said of input that can't be read: the file, where in it, what stands there, and what is expected.
func TestBadInput(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", `0.json: offset 0, line 1: the end of the file: no JSON object; the AWS CLI prints one with --output json`},
		{"RESOURCERECORDSETS", `0.json: offset 0, line 1: "RESOURCERECORDSETS": not JSON: invalid character 'R' looking for beginning of value`},
		{"[]", `0.json: offset 0, line 1: "[]": { is expected; print the whole object, without --query`},
		{"$ORIGIN example.com.\n", `0.json: offset 0, line 1: "$ORIGIN example.com.\n": not JSON: invalid character '$' looking for beginning of value; coredns import zone ORIGIN FILE reads zone files`},
		{`{"ResourceRecordSets": null}`, `0.json: offset 23, line 1: "null}": [ is expected`},
		{list(soaSet, `{"Name": "a.example.com.", "Type": "A", "TTL": 4294967296}`), `0.json: offset 194, line 1: "4294967296}]}": TTL is a number 4294967296, and a whole number is expected`},
		{"\xff\xfe{\x00", `0.json: offset 0, line 1: "\xff\xfe{\x00": the file is UTF-16, as PowerShell writes it; JSON is UTF-8`},
		{`{"Buckets": []}`, `0.json: offset 1, line 1: "\"Buckets\": []}": not a key that is known here; the objects that are read have ResourceRecordSets, HealthChecks, CidrBlocks, HostedZone and Changes`},
		{`{"ResourceRecordSets": {}}`, `0.json: offset 23, line 1: "{}}": [ is expected`},
		{"{\"ResourceRecordSets\": [\n" + soaSet + ",\n{\"Name\": \"a.example.com.\"", `0.json: offset 173, line 3: the end of the file: the JSON ends too early`},
		{list(soaSet, `{"Name": "a.example.com.", "Type": "A", "Weight": "10"}`), `0.json: offset 197, line 1: "\"10\"}]}": Weight is a string, and a whole number is expected`},
		{list(soaSet, `{"Name": "a.example.com."}`), `0.json: offset 147, line 1: "{\"Name\": \"a.example.com.\"}]}": a record set needs Name and Type`},
		{list(soaSet, address(`\05.example.com.`, "192.0.2.1")), `0.json: offset 147, line 1: "{\"Name\": \"\\\\05.example.com.\", \"Type\": \"A": Name: "\\05.example.com.": "\\05." is not the number of an octet with three digits`},
		{list(soaSet, address("example.net.", "192.0.2.1")), `0.json: offset 147, line 1: "{\"Name\": \"example.net.\", \"Type\": \"A\", \"T": no zone for example.net.: neither an SOA record set nor a hosted zone was read; add what aws route53 get-hosted-zone prints`},
		{list(soaSet, address("a.example.com.", "192.0.2.1"), address("a.example.com.", "192.0.2.2")), `0.json: offset 244, line 1: "{\"Name\": \"a.example.com.\", \"Type\": \"A\", ": a.example.com. A was read already, with something else; are there two zones of one name, one of them private? Import each by itself`},
		{`{"HealthChecks": [{"Id": "x"}]}`, `0.json: offset 18, line 1: "{\"Id\": \"x\"}]}": a health check needs Id and HealthCheckConfig with Type`},
		{`{"HealthChecks": []}`, `no record sets; print them with aws route53 list-resource-record-sets`},
		{`{"Changes": [{"Action": "MOVE", "ResourceRecordSet": ` + soaSet + `}]}`, `0.json: offset 13, line 1: "{\"Action\": \"MOVE\", \"ResourceRecordSet\": ": Action "MOVE" is none of CREATE, UPSERT and DELETE`},
		{`{"CidrBlocks": [{"CidrBlock": "192.0.2.0/24"}]}`, `0.json: offset 16, line 1: "{\"CidrBlock\": \"192.0.2.0/24\"}]}": a CIDR block needs CidrBlock and LocationName`},
	} {
		zones, err := readTexts(c.text)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, error %v\nwant %s", c.text, zones, err, c.want)
		}
	}
}

// TestPages guards lists that come in pieces: in one file or several, in any order, or twice.
func TestPages(t *testing.T) {
	a, b := address("a.example.com.", "192.0.2.1"), address("b.example.com.", "192.0.2.2")
	want, _, _ := imported(t, list(soaSet, a, b))
	for _, texts := range [][]string{
		{list(soaSet, a), list(b)},
		{list(b), list(soaSet, a)},
		{list(b, soaSet), list(b, a)},
		{list(soaSet, a) + "\n" + list(b)},
		{"\xef\xbb\xbf" + list(soaSet, a, b)},
		{list(a, b), `{"HostedZone": {"Id": "/hostedzone/Z1", "Name": "example.com.", "Config": {}}, "DelegationSet": {}}`, list(soaSet)},
		{`{"IsTruncated": true, "NextRecordName": "b", "MaxItems": "2", "ResourceRecordSets": [` + soaSet + "," + a + "]}", list(b)},
	} {
		if got, report, leftOut := imported(t, texts...); got != want || leftOut {
			t.Errorf("%q: left out %t\n%s\n%s\nwant\n%s", texts, leftOut, got, report, want)
		}
	}
	for _, text := range []string{
		`{"NextToken": "x", "ResourceRecordSets": [` + soaSet + "," + a + "]}",
		`{"ResourceRecordSets": [` + soaSet + "," + a + `], "IsTruncated": true}`,
	} {
		if _, report, leftOut := imported(t, text); !leftOut || !strings.Contains(report, "left out: example.com.: what follows the last page") {
			t.Errorf("%s: left out %t\n%s", text, leftOut, report)
		}
	}
}

// TestChanges guards change batches: they are carried out on the lists, whatever comes first.
func TestChanges(t *testing.T) {
	change := func(action, set string) string {
		return fmt.Sprintf(`{"Action": %q, "ResourceRecordSet": %s}`, action, set)
	}
	a, b, c := address("a.example.com.", "192.0.2.1"), address("b.example.com.", "192.0.2.2"), address("c.example.com.", "192.0.2.3")
	want, _, _ := imported(t, list(soaSet, address("a.example.com.", "192.0.2.9"), c))
	batch := `"Changes": [` + change("UPSERT", address("a.example.com.", "192.0.2.9")) + "," + change("DELETE", b) + "," + change("CREATE", c) + "]"
	for _, texts := range [][]string{
		{list(soaSet, a, b), "{" + batch + "}"},
		{`{"HostedZoneId": "Z1", "ChangeBatch": {"Comment": "x", ` + batch + "}}", list(soaSet, a, b)},
	} {
		if got, _, _ := imported(t, texts...); got != want {
			t.Errorf("%q:\n%s\nwant\n%s", texts, got, want)
		}
	}
}

// TestZones guards several zones: a block for each, in the order of their names, and a name in the longest.
func TestZones(t *testing.T) {
	sub := strings.Replace(soaSet, "example.com.", "sub.example.com.", 1)
	got, report, _ := imported(t, list(sub, address("a.sub.example.com.", "192.0.2.1")), list(soaSet, address("a.example.com.", "192.0.2.2")))
	first, second := strings.Index(got, "example.com {"), strings.Index(got, "sub.example.com {")
	if first != 0 || second < 0 || strings.Count(got, "record a 60 A") != 2 || !strings.Contains(report, "sub.example.com.: 2 record sets") {
		t.Errorf("%s\n%s", got, report)
	}
}

// TestOrderOfInput guards output that does not change when the input comes in another order.
func TestOrderOfInput(t *testing.T) {
	zones := readDir(t, "testdata/trees")
	var sets []string
	for _, rs := range zones.all[0].sets {
		sets = append(sets, rs.raw())
	}
	checks, err := os.ReadFile("testdata/trees/checks.json")
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := write(t, zones)
	random := rand.New(rand.NewPCG(1, 2))
	for range 5 {
		random.Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
		if got, _, _ := imported(t, list(sets...), string(checks)); got != want {
			t.Fatalf("%s\nwant\n%s", got, want)
		}
	}
}

// TestNames guards the spelling of names: numbers are octal in the JSON, and decimal in Corefiles and zone files.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		text string
		base int
		want string
	}{
		{"www.example.com.", octal, "www.example.com."},
		{"WWW.example.com", octal, "www.example.com."},
		{`\052.example.com.`, octal, "*.example.com."},
		{`a.\052.example.com.`, octal, `a.\042.example.com.`},
		{`\052a.example.com.`, octal, `\042a.example.com.`},
		{`0\05764.2.0.192.in-addr.arpa.`, octal, "0/64.2.0.192.in-addr.arpa."},
		{`a\056b.example.com.`, octal, `a\046b.example.com.`},
		{`\344.example.com.`, octal, `\228.example.com.`},
		{`\042.example.com.`, decimal, "*.example.com."},
		{`a\.b.example.com.`, decimal, `a\046b.example.com.`},
		{".", octal, "."},
	} {
		if got, err := spellName(c.text, c.base); got != c.want || err != nil {
			t.Errorf("%s in base %d: %s, %v, want %s", c.text, c.base, got, err, c.want)
		}
	}
	for _, text := range []string{"", `a\`, `\400.example.com.`, "a..example.com.", strings.Repeat("a", 64) + ".example.com."} {
		if got, err := spellName(text, octal); err == nil {
			t.Errorf("%q: %q, want an error", text, got)
		}
	}
}

// FuzzRead makes record sets and a health check of arbitrary texts. Nothing panics, and what is written is a block that a server
// reads, and the same in each run.
func FuzzRead(f *testing.F) {
	f.Add("www", "A", "blue", "192.0.2.1", "/healthz", "all is well", "lb.example.net.")
	f.Add(`\\052`, "TXT", "{$HOME}", `"a" "b\\303"`, "/{x}", `"`, "www.example.com.")
	f.Add("@", "CAA", "a\nb", `0 issue ";"`, "", "}", "\\")
	f.Add("import", "SRV", "#", "1 2 3 .", "?", "{", ".")
	f.Fuzz(func(t *testing.T, name, rrtype, identifier, data, path, search, target string) {
		id := "x"
		weight := 1
		sets := []*recordSet{
			{Name: name + ".example.com.", Type: rrtype, SetIdentifier: identifier, Weight: &weight, HealthCheckID: id, ResourceRecords: []struct{ Value string }{{data}}},
			{Name: name + ".a.example.com.", Type: rrtype, ResourceRecords: []struct{ Value string }{{data}, {target}}},
			{Name: "b.example.com.", Type: "A", SetIdentifier: identifier, Failover: primary, AliasTarget: &aliasTarget{DNSName: target}},
			{Name: "c.example.com.", Type: "A", SetIdentifier: identifier, Region: target, HealthCheckID: id, ResourceRecords: []struct{ Value string }{{"192.0.2.1"}}},
		}
		hc := &healthCheck{ID: id}
		hc.HealthCheckConfig.Type, hc.HealthCheckConfig.FullyQualifiedDomainName = "HTTPS_STR_MATCH", target
		hc.HealthCheckConfig.IPAddress, hc.HealthCheckConfig.ResourcePath, hc.HealthCheckConfig.SearchString = "192.0.2.1", path, search
		text, err := json.Marshal(map[string]any{"ResourceRecordSets": sets, "HealthChecks": []*healthCheck{hc}})
		if err != nil {
			t.Fatal(err)
		}
		read := func() *Zones {
			zones, err := readTexts(list(soaSet), string(text))
			if err != nil {
				return nil
			}
			return zones
		}
		zones := read()
		if zones == nil {
			return
		}
		first, _, _ := write(t, zones)
		if second, _, _ := write(t, read()); second != first {
			t.Errorf("%s\nand then\n%s", first, second)
		}
	})
}

// BenchmarkImport reads and writes 10,000 weighted record sets.
func BenchmarkImport(b *testing.B) {
	sets := []string{soaSet}
	for i := range 5000 {
		for _, weight := range []int{1, 2} {
			sets = append(sets, fmt.Sprintf(`{"Name": "h%d.example.com.", "Type": "A", "TTL": 60, "SetIdentifier": "%d", "Weight": %d, "ResourceRecords": [{"Value": "192.0.2.%d"}]}`, i, weight, weight, weight))
		}
	}
	text := list(sets...)
	for b.Loop() {
		zones, err := readTexts(text)
		if err == nil {
			_, err = zones.Write(io.Discard, "")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
