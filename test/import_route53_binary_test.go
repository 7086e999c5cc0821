package test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/test/nameserver"
	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestImportedByTheBinary is the proof of `coredns import` for the program that is released: it imports every fixture, serves what
// it has written, and answers as Route 53 does while all endpoints are up.
func TestImportedByTheBinary(t *testing.T) {
	fixtures, err := filepath.Glob(server.Path(route53Data + "/*"))
	if err != nil || len(fixtures) < 6 {
		t.Fatalf("%d fixtures, %v", len(fixtures), err)
	}
	server.BuiltBinary(t)
	for _, dir := range fixtures {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			if filepath.Base(dir) == "zonefile" {
				checkZoneFile(t, filepath.Join(dir, "db.example.org"))
				return
			}
			checkFixture(t, dir)
		})
	}
}

// checkFixture imports and serves a directory of JSON files.
func checkFixture(t *testing.T, dir string) {
	t.Helper()
	target := server.StartTarget(t)
	target.Set(server.Pass, "a b c e f")
	watched := watching(t, dir, target, "")
	files, _ := filepath.Glob(filepath.Join(watched, "*.json"))
	corefile := importWithBinary(t, append([]string{"-geoip", server.GeoDatabasePath(t)}, files...)...)
	resolver := nameserver.Start(t)
	for _, name := range []string{"lb-1.eu-west-1", "lb-eu.eu-west-1", "lb-us.us-east-1"} {
		resolver.Set("dualstack."+name+".elb.amazonaws.com.", "60 A 198.51.100.1", "60 A 198.51.100.2", "60 AAAA 2001:db8::1")
	}
	exchange := serveWithBinary(t, strings.Replace(corefile, "ttl 900\n", "ttl 900\nresolver "+resolver.Address+"\n", 1), "example.com")
	z := readRoute53(t, watched)
	switch filepath.Base(dir) {
	case "policies", "trees":
		checkAllOutcomes(t, exchange, &moment{route53Zone: z}, corefile)
	case "types":
		checkData(t, exchange, z, corefile)
	default:
		checkAnswered(t, exchange, z, corefile)
	}
}

// importWithBinary runs coredns import, and returns what it writes.
func importWithBinary(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(server.BuiltBinary(t), append([]string{"import"}, args...)...).Output()
	if failed := new(exec.ExitError); errors.As(err, &failed) && failed.ExitCode() == 1 {
		err = nil // something is left out
	}
	if err != nil {
		t.Fatalf("import %q: %v", args, err)
	}
	return string(out)
}

// serveWithBinary serves an imported block, and returns when each endpoint and each name has been asked.
func serveWithBinary(t *testing.T, corefile, zone string) exchanger {
	t.Helper()
	ready := "127.0.0.1:" + server.FreePort(t)
	p := server.StartProgram(t, strings.Replace(strings.Replace(corefile, zone+" {", zone+":PORT {\nready "+ready, 1), "    reload\n", "", 1))
	server.Eventually(t, "the program serves", func() bool {
		select {
		case <-p.Ended:
			t.Fatalf("the program ended: %v\n%s", p.Err, p.Output.Since(0))
		default:
		}
		if _, err := dns.Exchange(server.Question(zone, dns.TypeSOA), "127.0.0.1:"+p.Port); err != nil {
			return false // ready may say so before the sockets are there
		}
		got, err := server.Readiness(ready)
		return err == nil && got == "OK"
	})
	return func(t *testing.T, network string, m *dns.Msg) *dns.Msg {
		t.Helper()
		return server.Exchange(t, network, "127.0.0.1:"+p.Port, m)
	}
}

// checkAnswered asks for everything that is not left out: each record set has an answer, with values that it or what it leads to
// has.
func checkAnswered(t *testing.T, exchange exchanger, z *route53Zone, corefile string) {
	t.Helper()
	asked := 0
	for key, sets := range z.groups {
		if isLeftOut(corefile, key) {
			continue
		}
		asked++
		m := exchange(t, "tcp", server.Question(inDecimal(key[0]), dns.StringToType[key[1]]))
		if m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 {
			t.Errorf("%v: no answer:\n%s", key, server.ReplyText(m))
			continue
		}
		var known []string
		for _, set := range sets {
			for _, record := range set.ResourceRecords {
				known = append(known, record.Value)
			}
			if set.AliasTarget != nil {
				known = append(known, "198.51.100.1", "198.51.100.2", "2001:db8::1")
			}
		}
		for _, value := range server.AnsweredValues(m) {
			isTold := slices.Contains(known, value) || slices.Contains(known, strings.TrimSuffix(value, "."))
			if (key[1] == "A" || key[1] == "AAAA") && !isTold && sets[0].AliasTarget == nil {
				t.Errorf("%v: %s in the answer, which has only %q", key, value, known)
			}
		}
	}
	if asked == 0 {
		t.Error("all is left out")
	}
}

// checkZoneFile imports and serves a zone file.
func checkZoneFile(t *testing.T, path string) {
	t.Helper()
	corefile := importWithBinary(t, "zone", "example.org", path)
	exchange := serveWithBinary(t, corefile, "example.org")
	data, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	want := make(map[[2]string][]string)
	parser := dns.NewZoneParser(data, "example.org.", path)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		key := [2]string{rr.Header().Name, dns.TypeToString[rr.Header().Rrtype]}
		want[key] = append(want[key], dataText(rr))
	}
	if err := parser.Err(); err != nil || len(want) < 10 {
		t.Fatalf("%d RRsets, %v", len(want), err)
	}
	for key, data := range want {
		if key[1] == "SOA" || isLeftOut(corefile, key) {
			continue
		}
		m := exchange(t, "tcp", server.Question(key[0], dns.StringToType[key[1]]))
		var got []string
		for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) { // of a delegation, the last two
			if rr.Header().Name == key[0] && rr.Header().Rrtype == dns.StringToType[key[1]] {
				got = append(got, dataText(rr))
			}
		}
		slices.Sort(got)
		if slices.Sort(data); !slices.Equal(got, data) {
			t.Errorf("%v: got %q, want %q", key, got, data)
		}
	}
}
