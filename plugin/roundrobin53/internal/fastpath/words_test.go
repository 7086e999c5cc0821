package fastpath

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
)

func TestWithoutRecords(t *testing.T) {
	for name, c := range map[string]struct{ corefile, want string }{
		"one": {
			"example.org {\n errors\n roundrobin53 {\n  record a A 192.0.2.1\n  record b A {\n   value 192.0.2.1\n  }\n }\n bind lo\n}\n",
			"example.org {\n errors\n roundrobin53 {\n}\n bind lo\n}\n",
		},
		"several, with zones and comments": {
			"example.org {\n roundrobin53 a.example.org { # {\n  # }\n  record a A 192.0.2.1\n }\n roundrobin53\n roundrobin53 b.example.org {\n }\n}\nexample.net {\n whoami\n}\n",
			"example.org {\n roundrobin53 a.example.org {\n}\n roundrobin53\n roundrobin53 b.example.org {\n}\n}\nexample.net {\n whoami\n}\n",
		},
		"braces in quotes and words": {
			"example.org {\n roundrobin53 {\n  record a TXT \"x } \\\" { \n }\"\n  record b TXT a}b\n }\n shed\n}\n",
			"example.org {\n roundrobin53 {\n}\n shed\n}\n",
		},
		"a quoted brace is one":           {"example.org {\n roundrobin53 {\n  record a TXT \"{\" \"}\"\n }\n shed\n}\n", "example.org {\n roundrobin53 {\n}\n shed\n}\n"},
		"an open block":                   {"example.org {\n roundrobin53 {\n  record a A 192.0.2.1\n", "example.org {\n roundrobin53 {\n  record a A 192.0.2.1\n"},
		"a server block of that name":     {"roundrobin53 {\n errors\n roundrobin53 {\n }\n}\n", "roundrobin53 {\n errors\n roundrobin53 {\n}\n}\n"},
		"in a block of another":           {"example.org {\n x {\n  roundrobin53 {\n   y\n  }\n }\n}\n", "example.org {\n x {\n  roundrobin53 {\n   y\n  }\n }\n}\n"},
		"quoted":                          {"example.org {\n \"roundrobin53\" {\n  record a A 192.0.2.1\n }\n}\n", "example.org {\n \"roundrobin53\" {\n  record a A 192.0.2.1\n }\n}\n"},
		"no directive":                    {"example.org {\n log roundrobin53 {\n class all\n }\n}\n", "example.org {\n log roundrobin53 {\n class all\n }\n}\n"},
		"without braces around, CRLF":     {"example.org\r\nroundrobin53 {\r\n record a A 192.0.2.1\r\n}\r\nbind lo\r\n", "example.org\r\nroundrobin53 {\r\n record a A 192.0.2.1\r\n}\r\nbind lo\r\n"},
		"an open quote":                   {"example.org {\n roundrobin53 {\n record a TXT \"x\n}\n", "example.org {\n roundrobin53 {\n record a TXT \"x\n}\n"},
		"empty":                           {"", ""},
		"word that a comment ends":        {"example.org {\n roundrobin53 {#\n record a A 192.0.2.1\n }#\n}\n", "example.org {\n roundrobin53 {\n}#\n}\n"},
		"more than ASCII, and odd spaces": {"example.org {\n\u00a0roundrobin53\u2003{\n  record a TXT \u00e9}\n }\n}\n", "example.org {\n\u00a0roundrobin53\u2003{\n}\n}\n"},
	} {
		if got := string(withoutRecords([]byte(c.corefile))); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// FuzzWithoutRecords compares what is found of server blocks with what caddy finds in the whole
// Corefile.
func FuzzWithoutRecords(f *testing.F) {
	for _, seed := range []string{
		"example.org {\n roundrobin53 {\n record a TXT \"}\"\n }\n shed\n}\n",
		"a b:53 {\n bind lo\n roundrobin53 x { # {\n record a A {\n value 192.0.2.1\n }\n }\n view v {\n expr true\n }\n}\n(s) {\n shed\n}\nc {\n import s\n}\n",
		"a\nroundrobin53\nbind 192.0.2.1\n", "\"\\\"\" {\n roundrobin53 \"{\n\" {\n}\n}", "a#b {\r\n roundrobin53 {\r\n #}\r\n}\r\n}\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, corefile string) {
		whole, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), nil)
		if err != nil {
			return
		}
		short, err := caddyfile.Parse("Corefile", bytes.NewReader(withoutRecords([]byte(corefile))), nil)
		if err != nil || len(short) != len(whole) {
			t.Fatalf("%d blocks, %v, want %d, of\n%s", len(short), err, len(whole), withoutRecords([]byte(corefile)))
		}
		for i := range whole {
			// Another line is no other word.
			if !reflect.DeepEqual(short[i].Keys, whole[i].Keys) || !reflect.DeepEqual(texts(short[i]), texts(whole[i])) {
				t.Errorf("got %v, want %v", short[i], whole[i])
			}
		}
	})
}

// texts returns the words of a server block's directives, but those of this plugin.
func texts(block caddyfile.ServerBlock) map[string][]string {
	found := make(map[string][]string)
	for directive, tokens := range block.Tokens {
		if directive != directiveName {
			for _, token := range tokens {
				found[directive] = append(found[directive], token.Text)
			}
		}
	}
	return found
}
