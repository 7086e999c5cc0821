package fastpath

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
)

func TestServerBlocks(t *testing.T) {
	const corefile = `
(common) {
    errors
    shed
}
example.org example.net:1053 dns://Example.COM tls://example.org {
    whoami
}
10.1.0.0/15 {
    whoami
}
a.example.org:1053 {
    bind 192.0.2.1 2001:db8::1
    view internal {
        expr true
    }
}
b.example.org {
    bind 192.0.2.1
    bind 192.0.2.2
    import common
}
c.example.org {
    bind lo
    whoami
}
`
	blocks, err := parseServerBlocks(caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(corefile)})
	if err != nil {
		t.Fatal(err)
	}
	r := &Run{blocks: blocks}
	for _, row := range []struct{ addr, zones, intruders string }{
		{"dns://:53", "example.org. example.com. 0.10.in-addr.arpa. c.example.org.", ""},
		{"dns://192.0.2.2:53", "example.org. example.com. 0.10.in-addr.arpa. b.example.org. c.example.org.", "shed"},
		{"dns://:1053", "example.net.", ""},
		{"dns://192.0.2.1:1053", "example.net. a.example.org.", "view"},
		{"dns://[2001:db8::1]:1053", "example.net. a.example.org.", "view"},
		{"dns://:853", "", ""},
	} {
		var zones []string
		for i := range blocks {
			zones = append(zones, blocks[i].zonesAt(row.addr)...)
		}
		want := strings.Fields(strings.ReplaceAll(row.zones, "0.10.in-addr.arpa.", "0.10.in-addr.arpa. 1.10.in-addr.arpa."))
		if slices.Sort(zones); !slices.Equal(zones, slices.Sorted(slices.Values(want))) {
			t.Errorf("zones at %s: got %q, want %q", row.addr, zones, want)
		}
		if got := strings.Join(r.intruders(row.addr), " "); got != row.intruders {
			t.Errorf("intruders at %s: got %q, want %q", row.addr, got, row.intruders)
		}
	}
}

// TestServerBlocksUnreadable guards the error: a Corefile that caddy has just read is read again.
func TestServerBlocksUnreadable(t *testing.T) {
	if _, err := parseServerBlocks(caddy.CaddyfileInput{Contents: []byte("example.org {\n import a b c\n}\n")}); err == nil {
		t.Error("no error")
	}
}

// TestServerBlocksWithImportedBrace guards the Corefile whose braces match only with those of a
// file that it imports.
func TestServerBlocksWithImportedBrace(t *testing.T) {
	rest := filepath.Join(t.TempDir(), "rest")
	if err := os.WriteFile(rest, []byte("record app A 192.0.2.1\n}\nshed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	blocks, err := parseServerBlocks(caddy.CaddyfileInput{Contents: []byte("example.org {\n roundrobin53 {\n import " + rest + "\n}\n")})
	if err != nil || len(blocks) != 1 || !slices.Equal(blocks[0].words, []string{"shed"}) {
		t.Errorf("got %v, %v, want one block with shed", blocks, err)
	}
}
