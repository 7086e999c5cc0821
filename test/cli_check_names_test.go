package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckFindsCircles guards names that are looked up for each other: `coredns check` finds what a start refuses, each circle
// once, at its line.
func TestCheckFindsCircles(t *testing.T) {
	c, exitCode := checkCorefile(t, `example.org {
		roundrobin53 {
			resolver 127.0.0.1
			record app web.example.net.
			record good A web.example.com.
		}
	}
	example.net {
		roundrobin53 {
			resolver 127.0.0.1
			record web app.example.org. 192.0.2.1
		}
	}`)
	want := "plugin/roundrobin53: stdin:4 - Error during parsing: record: web.example.net. is looked up for itself: web.example.net. to app.example.org. to web.example.net.;"
	if len(c.Errors) != 1 || !strings.HasPrefix(c.Errors[0], want) || exitCode != 1 {
		t.Errorf("exit code %d, errors %q, want %q", exitCode, c.Errors, want)
	}
}

// TestCheckOfAddressesInStateFile guards -strict: an address that a name may have is no mistake in a state file, since nobody
// looks names up here.
func TestCheckOfAddressesInStateFile(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(state, []byte("drain app 192.0.2.1\ndrain written 192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _ := checkCorefile(t, fmt.Sprintf("example.org {\nroundrobin53 {\nstate %s\nresolver 127.0.0.1\nrecord app A web.example.net.\nrecord written A 192.0.2.8\n}\n}", state))
	if warnings := c.Blocks[0].Warnings; len(warnings) != 1 || !strings.Contains(warnings[0], state+":2") {
		t.Errorf("warnings %q, want one about line 2", warnings)
	}
}

// TestCheckWithoutDatabase guards CI, where a database of locations may be missing: the plugin that reads it is written, so it is
// not called missing.
func TestCheckWithoutDatabase(t *testing.T) {
	const block = "example.org {\nmetadata\n%sroundrobin53 {\nrecord app A {\nvalue 192.0.2.1 geo DE\n}\n}\n}"
	for geoip, want := range map[string]string{"": "has no geoip", "geoip /nonexistent.mmdb\n": "/nonexistent.mmdb"} {
		c, _ := checkCorefile(t, fmt.Sprintf(block, geoip))
		if told := append(c.Errors, c.Surroundings...); len(told) != 1 || !strings.Contains(told[0], want) {
			t.Errorf("%q: %q, want one about %q", geoip, told, want)
		}
	}
}
