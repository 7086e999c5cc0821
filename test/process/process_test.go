//go:build linux

package process

import (
	"os"
	"syscall"
	"testing"
)

func TestParseStat(t *testing.T) {
	const line = "4711 (a ) b) S 1 4700 4700 0 -1 4194560 100 0 0 0 250 50 3 4 20 0 9 0 12345 1000000 500"
	group, ticks, err := parseStat(line)
	if group != 4700 || ticks != 300 || err != nil {
		t.Errorf("parseStat: got group %d, %d ticks, %v, want 4700, 300", group, ticks, err)
	}
	if _, _, err := parseStat("4711 (dns) S"); err == nil {
		t.Error("parseStat of half a line: got no error")
	}
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	if group, _, err := parseStat(string(text)); group != syscall.Getpgrp() || err != nil {
		t.Errorf("parseStat of this process: got group %d, %v, want %d", group, err, syscall.Getpgrp())
	}
}
