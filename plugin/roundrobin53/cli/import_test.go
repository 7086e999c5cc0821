package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImport guards what a shell sees of the command: where the blocks and the report go, and the exit codes.
func TestImport(t *testing.T) {
	dir := t.TempDir()
	const soa = `{"Name": "example.com.", "Type": "SOA", "TTL": 900, "ResourceRecords": [{"Value": "ns. host. 1 7200 900 1209600 86400"}]}`
	for name, text := range map[string]string{
		"fine.json":  `{"ResourceRecordSets": [` + soa + `]}`,
		"near.json":  `{"ResourceRecordSets": [` + soa + `, {"Name": "a.example.com.", "Type": "A", "TTL": 60, "SetIdentifier": "x", "Region": "eu-west-1", "ResourceRecords": [{"Value": "192.0.2.1"}]}]}`,
		"left.json":  `{"ResourceRecordSets": [` + soa + `, {"Name": "a.example.com.", "Type": "A", "TTL": 60, "SetIdentifier": "x", "Region": "moon", "ResourceRecords": [{"Value": "192.0.2.1"}]}]}`,
		"wrong.json": `{"ResourceRecordSets": 1}`,
		"db":         "@ 60 IN SOA ns host 1 2 3 4 5\nwww 60 IN A 192.0.2.1\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		args        []string
		code        int
		out, errors string
	}{
		{[]string{file("fine.json")}, Fine, "example.com {", "example.com.: 1 record set: 0 as they were, 1 changed, 0 left out"},
		{[]string{"-geoip", "/x.mmdb", file("near.json")}, Fine, "geoip /x.mmdb {", "latency becomes distance"},
		{[]string{file("left.json")}, Trouble, `# left out: a.example.com. A "x": the region "moon" is not in the table of regions`, "left out: a.example.com."},
		{[]string{file("wrong.json")}, Misused, "", "wrong.json: offset 23, line 1: \"1}\": [ is expected"},
		{[]string{file("missing.json")}, Misused, "", "missing.json: no such file"},
		{[]string{"zone", "example.org", file("db")}, Fine, "record www 60 A 192.0.2.1", "example.org.: 2 record sets"},
		{[]string{"zone", "example.org"}, Misused, "", "coredns import " + importArgs},
		{nil, Misused, "", "coredns import " + importArgs},
		{[]string{"-x"}, Misused, "", "flag provided but not defined"},
	} {
		out, errors, code := run(t, append([]string{"import"}, c.args...)...)
		if code != c.code || !strings.Contains(out, c.out) || c.out == "" && out != "" || !strings.Contains(errors, c.errors) {
			t.Errorf("%q: exit code %d, want %d, standard output\n%s\nstandard error\n%s", c.args, code, c.code, out, errors)
		}
	}
}

// TestImportFromPipe guards "-": what the AWS CLI prints comes through a pipe.
func TestImportFromPipe(t *testing.T) {
	const text = `{"ResourceRecordSets": [{"Name": "example.com.", "Type": "SOA", "TTL": 900, "ResourceRecords": [{"Value": "ns. host. 1 7200 900 1209600 86400"}]}]}`
	var out, errors strings.Builder
	if code := Run([]string{"import", "-"}, Streams{In: strings.NewReader(text), Out: &out, Err: &errors}); code != Fine || !strings.HasPrefix(out.String(), "example.com {") {
		t.Errorf("exit code %d\n%s%s", code, &out, &errors)
	}
}
