package config

import (
	"strings"
	"testing"

	"github.com/coredns/caddy/caddyfile"
)

// TestFormatWith guards where comments stand: above the line that they are about, or above that of the record where its only
// value line is written on it.
func TestFormatWith(t *testing.T) {
	const corefile = `example.org {
roundrobin53 {
    ns ns1.example.net.
    network office 192.0.2.0/24
    check web tcp://:80
    record one A check web {
        value 192.0.2.1
    }
    record two A {
        value 192.0.2.1 from office
        value 192.0.2.2
    }
    record text TXT word
}
}
`
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(corefile), []string{directiveName})
	if err != nil {
		t.Fatal(err)
	}
	conf, err := read(blocks[0])
	if err != nil {
		t.Fatal(err)
	}
	comments := &Comments{Above: make(map[int][]string), End: []string{"end"}}
	for number, line := range strings.Split(corefile, "\n") {
		comments.Above[number+1] = []string{strings.TrimSpace(strings.TrimSuffix(line, "{"))}
	}
	var got strings.Builder
	if err := conf.FormatWith(&got, comments); err != nil {
		t.Fatal(err)
	}
	const want = `# roundrobin53
roundrobin53 example.org. {
    ttl 60
    # ns ns1.example.net.
    ns ns1.example.net.
    # network office 192.0.2.0/24
    network office 192.0.2.0/24
    # check web tcp://:80
    check web tcp://:80 {
        interval 10
        timeout 4
        rise 2
        fall 3
    }
    # record one A check web
    # value 192.0.2.1
    record one A 192.0.2.1 check web
    # record two A
    record two A {
        # value 192.0.2.1 from office
        value 192.0.2.1 from office
        # value 192.0.2.2
        value 192.0.2.2
    }
    # record text TXT word
    record text TXT word
    # end
}
`
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}
