package server

import (
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// BadCorefiles are Corefiles that do not start, each at another moment, from one that does. Busy is a TCP address in use.
func BadCorefiles(good, busy string) map[string]string {
	host, port, _ := net.SplitHostPort(busy)
	open := good[:strings.LastIndexByte(good, '}')]
	open = open[:strings.LastIndexByte(open, '}')]
	return map[string]string{
		"syntax":       strings.Replace(good, "record ", "rekord ", 1),
		"open block":   open,
		"busy port":    good + "\nexample.net:" + port + " {\nbind " + host + "\nwhoami\n}\n",
		"later plugin": good + "\nexample.net:0 {\nwhoami\nfailstart\n}\n",
	}
}

// BusyAddress is a TCP address that somebody listens at.
func BusyAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// MustReload reloads, and returns when the new instance answers.
func MustReload(t *testing.T, s *Server, corefile string) {
	t.Helper()
	if err := s.Reload(corefile); err != nil {
		t.Fatalf("reload: %v", err)
	}
	s.Await()
}

// Descriptors is how many files and sockets the process has open.
func Descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// SettleAt waits until there are no more goroutines and descriptors than these. It returns how many there are at the end.
func SettleAt(t *testing.T, goroutines, files int) (nowGoroutines, nowFiles int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		runtime.GC() // closes the sockets of instances that caddy has discarded
		nowGoroutines, nowFiles = runtime.NumGoroutine(), Descriptors(t)
		if nowGoroutines <= goroutines && nowFiles <= files || time.Now().After(deadline) {
			return nowGoroutines, nowFiles
		}
	}
}
