package lookup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseServer(t *testing.T) {
	for _, row := range []struct{ word, want string }{
		{"10.96.0.10", "10.96.0.10:53"},
		{"10.96.0.10:5353", "10.96.0.10:5353"},
		{"2001:db8::53", "[2001:db8::53]:53"},
		{"[2001:db8::53]", "[2001:db8::53]:53"},
		{"[2001:db8::53]:5353", "[2001:db8::53]:5353"},
		{"fe80::1%eth0", "[fe80::1%eth0]:53"},
		{"::ffff:192.0.2.1", "192.0.2.1:53"},
		{"[::ffff:192.0.2.1]:54", "192.0.2.1:54"},
		{"udp://192.0.2.1", "192.0.2.1:53"},
		{"dns://192.0.2.1", "192.0.2.1:53"},
		{"tcp://192.0.2.1", "tcp://192.0.2.1:53"},
		{"TCP://[2001:db8::53]:54", "tcp://[2001:db8::53]:54"},
		{"tls://9.9.9.9#dns.quad9.net", "tls://9.9.9.9:853#dns.quad9.net"},
		{"tls://9.9.9.9:8853#DNS.quad9.net.", "tls://9.9.9.9:8853#dns.quad9.net"},
		{"tls://[2620:fe::fe]:853#9.9.9.9", "tls://[2620:fe::fe]:853#9.9.9.9"},
	} {
		got, err := ParseServer(row.word)
		if err != nil || got.String() != row.want {
			t.Errorf("ParseServer(%q) = %s, %v, want %s", row.word, got, err, row.want)
			continue
		}
		if again, err := ParseServer(got.String()); err != nil || again != got {
			t.Errorf("ParseServer(%q) = %+v, %v, want %+v again", got, again, err, got)
		}
	}
}

func TestParseServerErrors(t *testing.T) {
	for _, row := range []struct{ word, want string }{
		{"", `"": "" is not an address`},
		{"dns.example.net", `"dns.example.net" is not an address with or without a port, as in 10.96.0.10, 192.0.2.1:5353 or [2001:db8::1]:53; a resolver can't be a name`},
		{"dns.example.net:53", "a resolver can't be a name"},
		{"192.0.2.1:", "is not an address"},
		{"192.0.2.1:0", "port 0; it is a whole number from 1 to 65535"},
		{"192.0.2.1:65536", "is not an address"},
		{"192.0.2.1/24", "is not an address"},
		{"2001:db8::53:5353:1:2:3:4:5:6", "is not an address"},
		{"0.0.0.0", "0.0.0.0 stands for every address of a host; write the one that the server has"},
		{"tcp://[::]:53", ":: stands for every address"},
		{"224.0.0.251:5353", "224.0.0.251 is a multicast address"},
		{"https://192.0.2.1/dns-query", `"https://192.0.2.1/dns-query" is not a server; write ADDRESS[:PORT], tcp://ADDRESS[:PORT] or "tls://ADDRESS[:PORT]#NAME"`},
		{"192.0.2.1#dns.example.net", "a name behind # is for tls:// only"},
		{"tls://9.9.9.9", `the name that the certificate is verified for is missing; write "tls://9.9.9.9#NAME" in quotes, since # begins a comment`},
		{"tls://9.9.9.9:853#", `write "tls://9.9.9.9:853#NAME" in quotes`},
		{"tls://9.9.9.9#a b", `"a b" is not a name`},
		{"tls://9.9.9.9#a#b", `"a#b" is not a name`},
		{"tls://dns.quad9.net#dns.quad9.net", "a resolver can't be a name"},
	} {
		if got, err := ParseServer(row.word); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("ParseServer(%q) = %s, %v, want an error with %s", row.word, got, err, row.want)
		}
	}
}

// TestResolverIsComparable guards what a reload looks for: the same question as before.
func TestResolverIsComparable(t *testing.T) {
	one, _ := ParseServer("192.0.2.1")
	other, _ := ParseServer("tls://192.0.2.2#dns.example.net")
	r := NewResolver(one, other)
	if same, _ := ParseServer("udp://192.0.2.1:53"); NewResolver(same, other) != r {
		t.Error("the same servers, written otherwise, are another resolver")
	}
	if NewResolver(other, one) == r {
		t.Error("another order is the same resolver")
	}
	if got := r.Servers(); len(got) != 2 || got[0] != one || got[1] != other {
		t.Errorf("servers %v, want %v and %v", got, one, other)
	}
	if got := (Resolver{}).Servers(); len(got) != 0 {
		t.Errorf("the zero resolver has the servers %v", got)
	}
}

func TestReadServers(t *testing.T) {
	for _, row := range []struct{ name, text, want, err string }{
		{"cluster", "search default.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n", "10.96.0.10:53", ""},
		{"several", "# comment\n nameserver 192.0.2.1 \n;nameserver 192.0.2.9\nnameserver fe80::1%eth0\n", "192.0.2.1:53 [fe80::1%eth0]:53", ""},
		{"this host", "nameserver 0.0.0.0\nnameserver ::\n", "127.0.0.1:53 [::1]:53", ""},
		{"none", "search example.org\n", "", "lists no nameserver"},
		{"multicast", "nameserver 192.0.2.1\nnameserver 224.0.0.251\n", "", ":2: 224.0.0.251 is a multicast address"},
		{"bad", "\nnameserver localhost\n", "", `:2: "localhost" is not an address`},
	} {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "resolv.conf")
			if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ReadServers(path)
			if text := NewResolver(got...).String(); text != row.want || (row.err == "") != (err == nil) {
				t.Fatalf("ReadServers: %q, %v, want %q, %q", text, err, row.want, row.err)
			}
			if err != nil && !strings.Contains(err.Error(), path) || err != nil && !strings.Contains(err.Error(), row.err) {
				t.Errorf("error %q, want the path and %q", err, row.err)
			}
		})
	}
	if _, err := ReadServers(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a file that does not exist is no error")
	}
}
