package test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/cli"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// command runs a command of the binary, with a Corefile on its standard input.
func command(t *testing.T, corefile string, args ...string) (out, errors string, exitCode int) {
	t.Helper()
	var outBuf, errBuf strings.Builder
	exitCode = cli.Run(args, cli.Streams{In: strings.NewReader(corefile), Out: &outBuf, Err: &errBuf})
	return outBuf.String(), errBuf.String(), exitCode
}

// checked is the document of `coredns check -json`.
type checked struct {
	OK     bool
	Blocks []struct {
		Block  string
		Zones  []struct{ Zone string }
		RRsets []struct {
			Name, Type, Source string
			Values             []string
		}
		Checks   []struct{ Check string }
		Warnings []string
	}
	Errors, Surroundings []string
}

func checkCorefile(t *testing.T, corefile string, args ...string) (c checked, exitCode int) {
	t.Helper()
	out, errors, exitCode := command(t, corefile, append([]string{"check", "-json", "-conf", "stdin"}, args...)...)
	if err := json.Unmarshal([]byte(out), &c); err != nil {
		t.Fatalf("%v: %s%s", err, out, errors)
	}
	return c, exitCode
}

// TestCheckOfAllCorefiles guards the Corefiles that people copy: `coredns check` finds no error in any file of the repository,
// but for plugins that are not compiled in here, and what others need around them.
func TestCheckOfAllCorefiles(t *testing.T) {
	corefiles := make(map[string]string)
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if err == nil && (entry.Name() == ".git" || entry.Name() == "testdata") {
				return fs.SkipDir
			}
			return err
		}
		switch base := filepath.Base(name); {
		case base == "Corefile", base == "corefile.example":
			corefiles[name] = server.ReadFile(t, strings.TrimPrefix(filepath.ToSlash(name), "../"))
		case filepath.Ext(name) == ".md":
			for i, fence := range server.Fences(server.ReadFile(t, strings.TrimPrefix(filepath.ToSlash(name), "../")), "corefile") {
				corefiles[name+" "+string(rune('A'+i))] = fence
			}
		}
		return nil
	})
	if err != nil || len(corefiles) < 10 {
		t.Fatalf("%d Corefiles, %v", len(corefiles), err)
	}
	for name, corefile := range corefiles {
		corefile = strings.ReplaceAll(corefile, "/usr/share/GeoIP/GeoLite2-City.mmdb", server.GeoDatabasePath(t))
		found, _ := checkCorefile(t, corefile)
		for _, text := range found.Errors {
			if !strings.Contains(text, "is not in this binary") && !strings.Contains(text, "missing a plugin") {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}

// TestCheckFindsAllErrors guards who repairs a Corefile: each error of ours that does not follow from another is told at once,
// whatever other plugins lack.
func TestCheckFindsAllErrors(t *testing.T) {
	found, exitCode := checkCorefile(t, `example.org:0 {
	tls /nonexistent.pem /nonexistent.key
	roundrobin53 {
		record app A 192.0.2.1 192.0.2.300
		record web A {
			value 192.0.2.1 wight 3
		}
		frob
		ttl 1x
	}
}
example.net:0 {
	roundrobin53 {
		check web ftp://:1
		record lb A 192.0.2.1 check web
	}
}
example.com:0 {
	roundrobin53 {
		record good A 192.0.2.1
		record geo A 192.0.2.1 geo DE
	}
}
`)
	if exitCode != cli.Trouble || found.OK {
		t.Errorf("exit code %d, ok %v", exitCode, found.OK)
	}
	wants := []string{":4 - Error during parsing: record: ", `:6 - Error during parsing: value: "wight"`, `:8 - Error during parsing: "frob"`, ":9 - Error during parsing: ttl: ", ":14 - Error during parsing: check: ", "geo: the plugins metadata and geoip"}
	for _, want := range wants {
		if !slices.ContainsFunc(found.Errors, func(text string) bool { return strings.Contains(text, want) }) {
			t.Errorf("no error %q", want)
		}
	}
	if len(found.Errors) != len(wants) {
		t.Errorf("%d errors, want %d:\n%s", len(found.Errors), len(wants), strings.Join(found.Errors, "\n"))
	}
	if len(found.Surroundings) != 1 || !strings.HasPrefix(found.Surroundings[0], "tls: ") {
		t.Errorf("what others need: %q", found.Surroundings)
	}
}

// TestCheckFindsIndependentErrors guards whoever mends a block: behind a definition or a line that is wrong, all other errors are
// told, and none that only follows from the first.
func TestCheckFindsIndependentErrors(t *testing.T) {
	for _, row := range []struct {
		name  string
		block string   // its first line is the third of the Corefile
		wants []string // each the beginning of an error, with its line; the only ones
	}{
		{"checks and networks", `check web ftp://:1
			check db tcp://:0
			check both 2 of web db
			network office 10.0.0.0/33
			network home 192.168.0.0/16
			record app A 192.0.2.1 check web
			record lb A {
				value 192.0.2.1 from office check both
				value 192.0.2.2 from home
			}
			record more A 192.0.2.1 check wbe
			record most A 192.0.2.1 wight 3`, []string{"3 check: ", "4 check: ", "6 network: ", `14 record: `, `13 record: check: "wbe"`}},
		{"lines of a check", `check web http://:80 {
				interval 1x
				status 99
				timeout 5s
			}
			record app A 192.0.2.1 check web`, []string{"4 interval: ", "5 status: "}},
		{"a check without the line that it needs", `check smtp tcp://:25 {
				send "EHLO"
				expect
			}
			record app A 192.0.2.1 check smtp target 192.0.2.2`, []string{"5 expect: "}},
		{"lines of a record", `record app A {
				value 192.0.2.300 priority 2
				value 192.0.2.1 weight x
				value 192.0.2.2
				min_up 2
				order worst
			}
			record www ALIAS app`, []string{"4 value: ", "5 value: ", "8 order: "}},
		{"what an alias leads to", `record app A 192.0.2.300
			record www ALIAS app
			record w3 ALIAS nobody
			record sub NS ..
			record sub DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000`, []string{"3 record: ", "6 record: ", "5 record: ALIAS: nobody.example.org."}},
		{"a check that is defined twice", `check web tcp://:80
			check web tcp://:81
			record app A 192.0.2.1 check web`, []string{"4 check: "}},
		{"checks of another directive", "check web ftp://:1\n}\nroundrobin53 sub.example.org {\nrecord app A 192.0.2.1 check web", []string{"3 check: ", `6 record: check: "web"`}},
		{"a missing brace", "ttl 1x\ncheck web http://:80 {\ninterval 1x\nrecord app A 192.0.2.1\nrecord lb A {\nvalue 192.0.2.300\n}\nsoa ns1 hostmaster", []string{"3 ttl: ", "5 interval: ", `6 "record" is not an option of check; is the closing brace of the check at stdin:4 missing?`}},
		{"another missing brace", "record app A {\nvalue 192.0.2.1\nrecord lb A {\nvalue 192.0.2.300\n}\nns ns1", []string{`5 "record" is not an option of record; is the closing brace`}},
		{"the zone of everything", "ttl 1x\nfallthrough example.org x..y", []string{"3 ttl: ", "4 fallthrough: "}},
	} {
		zone := "example.org:0"
		if row.name == "the zone of everything" {
			zone = ".:0"
		}
		found, exitCode := checkCorefile(t, zone+" {\nroundrobin53 {\n"+row.block+"\n}\n}\n")
		if exitCode != cli.Trouble {
			t.Errorf("%s: exit code %d", row.name, exitCode)
		}
		got := make([]string, len(found.Errors))
		for i, text := range found.Errors {
			_, text, _ = strings.Cut(text, "stdin:")
			got[i] = strings.Replace(text, " - Error during parsing:", "", 1)
		}
		for i, want := range row.wants {
			if i >= len(got) || !strings.HasPrefix(got[i], want) {
				t.Errorf("%s: no error %q", row.name, want)
			}
		}
		if len(got) != len(row.wants) {
			t.Errorf("%s: %d errors, want %d:\n%s", row.name, len(got), len(row.wants), strings.Join(got, "\n"))
		}
	}
}

// TestCheck guards what check tells of a Corefile that is right, and its exit codes.
func TestCheck(t *testing.T) {
	const warned = `example.org:0 {
	loadbalance
	roundrobin53 {
		check web http://:8080/
		record app A 192.0.2.1 192.0.2.2 check web
		record www CNAME app
	}
}
`
	found, exitCode := checkCorefile(t, warned)
	if exitCode != cli.Fine || !found.OK || len(found.Blocks) != 1 {
		t.Fatalf("exit code %d: %+v", exitCode, found)
	}
	block := found.Blocks[0]
	if block.Block != "dns://example.org.:0" || block.Zones[0].Zone != "example.org." || block.RRsets[0].Name != "app.example.org." ||
		!strings.HasSuffix(block.RRsets[0].Source, ":5") || block.Checks[0].Check != "web" ||
		len(block.Warnings) != 1 || !strings.Contains(block.Warnings[0], "loadbalance shuffles") {
		t.Errorf("%+v", block)
	}
	if _, exitCode := checkCorefile(t, warned, "-strict"); exitCode != cli.Trouble {
		t.Errorf("with -strict: exit code %d", exitCode)
	}
	out, errors, exitCode := command(t, warned, "check", "-conf", "stdin")
	for _, want := range []string{"dns://example.org.:0\n", "app.example.org. 60 A 192.0.2.1 192.0.2.2", "check web in example.org.: 192.0.2.1 192.0.2.2\n", "warning: ", "fine\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s%s", want, out, errors)
		}
	}
	if exitCode != cli.Fine {
		t.Errorf("exit code %d", exitCode)
	}
	for _, row := range []struct {
		corefile string
		args     []string
		code     int
	}{
		{"example.org:0 {\n", []string{"-conf", "stdin"}, cli.Trouble},
		{"example.org:0 {\nfrob\n}\n", []string{"-conf", "stdin"}, cli.Trouble},
		{"example.org:0 {\nwhoami\n}\nexample.org:0 {\nwhoami\n}\n", []string{"-conf", "stdin"}, cli.Trouble},
		{"", []string{"-conf", filepath.Join(t.TempDir(), "none")}, cli.Misused},
		{"", []string{"-conf", "stdin"}, cli.Trouble},
		{"# nothing\n", []string{"-conf", "stdin"}, cli.Trouble},
		{"\ufeffexample.org:0 {\r\n\troundrobin53 {\r\n\t\trecord app A 192.0.2.1\r\n\t}\r\n}\r\n", []string{"-conf", "stdin"}, cli.Fine},
		{"example.org:0 {\nwhoami\n}\n", []string{"-conf", "stdin", "-strict"}, cli.Fine},
		{"", []string{"-conf", t.TempDir()}, cli.Misused},
		{"", []string{"-conf", ""}, cli.Misused},
		{"", []string{"-conf"}, cli.Misused},
		{"", []string{"-strict=maybe"}, cli.Misused},
		{"", []string{"-help"}, cli.Fine},
		{"", []string{"-frob"}, cli.Misused},
		{"", []string{"more"}, cli.Misused},
	} {
		if _, _, exitCode := command(t, row.corefile, append([]string{"check"}, row.args...)...); exitCode != row.code {
			t.Errorf("%q %q: exit code %d, want %d", row.corefile, row.args, exitCode, row.code)
		}
	}
}

// TestExplainCommand guards explain without a server: the client, what-if, and what it says where there is nothing to explain.
func TestExplainCommand(t *testing.T) {
	corefile := "example.org:0 {\nroundrobin53 {\necs\nnetwork office 10.0.0.0/8\ncheck web http://:8080/\ncheck db tcp://:5432\n" +
		"record app A {\nvalue 10.1.0.1 10.1.0.2 from office\nvalue 192.0.2.1 192.0.2.2\ncheck web db\n}\nrecord www CNAME app\nrecord six 2001:db8::1 2001:db8::2 check web\n" +
		"resolver 192.0.2.53\nrecord named A lb.example.net.\n}\n}\n" +
		"example.net:0 {\nmetadata\ngeoip " + server.GeoDatabasePath(t) + "\nroundrobin53 {\nrecord geo A {\nvalue 192.0.2.3 geo US\nvalue 192.0.2.4\n}\n}\n}\n"
	for _, row := range []struct {
		args string
		code int
		want []string
	}{
		{"www.example.org -client 10.2.3.4", cli.Fine, []string{"www.example.org. A for 10.2.3.4", "office: 2 of 4", "answer   10.1.0."}},
		{"app.example.org A -client 10.2.0.0/16", cli.Fine, []string{"for 10.2.0.0/16", "office: 2 of 4"}},
		{"app.example.org -client 10.2.3.4 -down 10.1.0.1", cli.Fine, []string{"10.1.0.1", "down, check web; check db", "answer   10.1.0.2"}},
		{"app.example.org -client 10.2.3.4 -down db/10.1.0.2", cli.Fine, []string{"down, check db", "answer   10.1.0.1"}},
		{"app.example.org -down 10.1.0.1 -down 10.1.0.2 -client 10.2.3.4", cli.Fine, []string{"office comes before, but has none up", "answer   192.0.2."}},
		{"named.example.org", cli.Fine, []string{"- lb.example.net.", "not looked up: there is no server that does", "none SERVFAIL"}},
		{"app.example.org TXT", cli.Fine, []string{"NODATA"}},
		{"geo.example.net -client 203.0.113.1 -json", cli.Fine, []string{`"answer": [`}},
		{"app.example.org -down 192.0.2.99", cli.Trouble, []string{"no check probes such a value"}},
		{"example.com", cli.Trouble, []string{"no zone has the name; the zones are example.org. example.net."}},
		{"app", cli.Trouble, []string{"no zone has the name; the zones are example.org. example.net.; write the whole name, as in app.example.org."}},
		{"app.example.org AXFR", cli.Misused, []string{`"AXFR" is not a type of records that a client can ask a name for`}},
		{"app.example.org A AAAA", cli.Misused, []string{`coredns explain: "AAAA" is one argument too many`, "coredns explain [-conf FILE] NAME"}},
		{"app.example.org FROB", cli.Misused, []string{`"FROB" is not a type`}},
		{"a..b", cli.Misused, []string{`"a..b" is not a name`}},
		{"app.example.org -client frob", cli.Misused, []string{`"frob" is neither an address nor a network`}},
		{"APP.Example.ORG. a -client ::ffff:10.2.3.4", cli.Fine, []string{"app.example.org. A for 10.2.3.4", "office: 2 of 4"}},
		{"app.example.org -client ::ffff:10.2.0.0/112", cli.Fine, []string{"for 10.2.0.0/16", "office: 2 of 4"}},
		{"app.example.org TYPE16", cli.Fine, []string{"TXT", "NODATA"}},
		{"app.example.org TYPE65536", cli.Misused, []string{`"TYPE65536" is not a type`}},
		{"app.example.org -client 10.2.3.4/33", cli.Misused, []string{"neither an address nor a network"}},
		{"app.example.org -client fe80::1%eth0", cli.Misused, []string{"neither an address nor a network"}},
		{"six.example.org AAAA -down 2001:DB8:0::1", cli.Fine, []string{"down, check web", "answer   2001:db8::2"}},
		{"six.example.org AAAA -down web/2001:db8:0:0::2", cli.Fine, []string{"down, check web", "answer   2001:db8::1"}},
		{"app.example.org -down", cli.Misused, []string{"flag needs an argument: -down"}},
		{"app.example.org -down web/", cli.Misused, []string{`"" is not a value`}},
		{"app.example.org -down 10.1.0", cli.Misused, []string{`"10.1.0" is not a value`}},
		{"app.example.org -now noon", cli.Misused, []string{`"noon" is not a time`}},
		{"app.example.org -now 2026-12-01T04:00:00Z", cli.Fine, []string{"answer"}},
		{"", cli.Misused, []string{"coredns explain: an argument is missing", "coredns explain [-conf FILE] NAME"}},
	} {
		out, errors, exitCode := command(t, corefile, append([]string{"explain", "-conf", "stdin"}, strings.Fields(row.args)...)...)
		for _, want := range row.want {
			if !strings.Contains(out+errors, want) {
				t.Errorf("%s: no %q in\n%s%s", row.args, want, out, errors)
			}
		}
		if exitCode != row.code {
			t.Errorf("%s: exit code %d, want %d:\n%s%s", row.args, exitCode, row.code, out, errors)
		}
	}
	if _, errors, exitCode := command(t, "example.org:0 {\nroundrobin53 {\nfrob\n}\n}\n", "explain", "-conf", "stdin", "app.example.org"); exitCode != cli.Trouble || !strings.Contains(errors, "frob") {
		t.Errorf("a wrong Corefile: exit code %d, %q", exitCode, errors)
	}
	if _, _, exitCode := command(t, "", "explain", "-conf", filepath.Join(os.TempDir(), "none", "Corefile"), "app.example.org"); exitCode != cli.Misused {
		t.Errorf("no Corefile: exit code %d", exitCode)
	}
}

// TestExplainTellsOfStateFiles guards against an explanation that lacks what an operator decided, because the file is wrong.
func TestExplainTellsOfStateFiles(t *testing.T) {
	f := server.NewStateFile(t, "drain app 192.0.2.1\n")
	corefile := "example.org:0 {\nroundrobin53 {\nstate " + f.Name + "\nrecord app A 192.0.2.1 192.0.2.2\n}\n}\n"
	out, errors, exitCode := command(t, corefile, "explain", "-conf", "stdin", "app.example.org")
	if exitCode != cli.Fine || errors != "" || !strings.Contains(out, "drained at "+f.Name+":1") {
		t.Errorf("exit code %d, %q\n%s", exitCode, errors, out)
	}
	f.Write("drian app 192.0.2.1\n")
	out, errors, exitCode = command(t, corefile, "explain", "-conf", "stdin", "app.example.org")
	if exitCode != cli.Fine || !strings.Contains(errors, `:1: "drian" is not an action`) || !strings.Contains(out, "answer   192.0.2.") {
		t.Errorf("a wrong state file: exit code %d, %q\n%s", exitCode, errors, out)
	}
}

// TestCheckListsEverything guards what check prints of a block: the names whose addresses are values, and the line of records of
// all types. A block with errors has no warnings that may follow from them.
func TestCheckListsEverything(t *testing.T) {
	found, _ := checkCorefile(t, "example.org:0 {\nroundrobin53 {\nresolver 127.0.0.1:9\nrecord app A {\nvalue lb.example.net. weight 3\nvalue 192.0.2.1\n}\nrecord @ MX 10 app\n}\n}\n")
	got := make(map[string]string)
	for _, r := range found.Blocks[0].RRsets {
		got[r.Name+" "+r.Type] = strings.Join(r.Values, " ") + r.Source[strings.LastIndexByte(r.Source, ':')+1:]
	}
	if got["app.example.org. A"] != "192.0.2.1 lb.example.net.4" || got["example.org. MX"] != "10 app.example.org.8" {
		t.Errorf("got %q", got)
	}
	wrong, _ := checkCorefile(t, "example.org:0 {\nroundrobin53 {\ncheck web http://:80\nrecord app A 192.0.2.300 check web\n}\n}\n")
	if len(wrong.Errors) != 1 || len(wrong.Blocks) != 1 || len(wrong.Blocks[0].Warnings) > 0 {
		t.Errorf("errors %q, blocks %+v", wrong.Errors, wrong.Blocks)
	}
}
