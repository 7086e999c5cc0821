package health

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// serverVariable is set in the process that serves: what it has open is not counted as the
// monitor's.
const serverVariable = "HEALTH_TEST_SERVER"

func TestMain(m *testing.M) {
	if kind := os.Getenv(serverVariable); kind != "" {
		serveProcess(kind)
		return
	}
	os.Exit(m.Run())
}

// startServer starts this program again, as a server of a kind, which ends with the test. It tells
// where that listens, and who signs its certificate.
func startServer(tb testing.TB, kind string) (netip.AddrPort, *x509.CertPool) {
	tb.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), serverVariable+"="+kind)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = input.Close()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	address, authority, _ := strings.Cut(strings.TrimSpace(line), " ")
	octets, err := base64.StdEncoding.DecodeString(authority)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(octets)
	if err != nil {
		tb.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.MustParseAddrPort(address).Port()), roots
}

// serveProcess serves until its standard input ends.
func serveProcess(kind string) {
	listener, err := net.Listen("tcp4", ":0") // on all of 127.0.0.0/8: as many addresses as a test wants
	if err != nil {
		panic(err)
	}
	go serveKind(kind, listener)
	_, _ = fmt.Fprintln(os.Stdout, listener.Addr(), base64.StdEncoding.EncodeToString(newTestAuthority().cert.Raw))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func serveKind(kind string, listener net.Listener) {
	var tb testing.B // for what serves in tests, too: the process ends without a clean-up
	switch kind {
	case "hang":
		accept(listener, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	case "drip":
		accept(listener, func(conn net.Conn) { drip(conn, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1000)) })
	case "reset":
		accept(listener, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.(*net.TCPConn).SetLinger(0)
		})
	case "https1":
		serveHTTP(&tb, listener, serverConfig(protocolHTTP1), servePage)
	default:
		servers[kind](&tb, listener)
	}
}

func accept(listener net.Listener, handle func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			handle(conn)
		}()
	}
}

// TestHostileTargetsLeaveNothing guards against goroutines and descriptors that are lost with each
// check. 1,000 targets hang, drip or reset; a round ends in time, what is open stays bounded, and
// after Stop nothing is left.
func TestHostileTargetsLeaveNothing(t *testing.T) {
	const targets, inFlight, parting = 1000, 200, 100
	for _, kind := range []string{"hang", "drip", "reset"} {
		t.Run(kind, func(t *testing.T) {
			at, _ := startServer(t, kind)
			list, kinds := make([]Target, targets), append(streamSchemes(), schemeDNS)
			for i := range list {
				list[i] = Target{at.Addr(), &Check{
					Scheme: kinds[i%len(kinds)], Path: "app.example.org", Port: at.Port(), Insecure: true, Status: []StatusRange{{200, 399}},
					Interval: time.Second, Timeout: 300 * time.Millisecond, Rise: 1, Fall: 1,
				}}
			}
			goroutines := runtime.NumGoroutine()
			descriptors, counted := openDescriptors()
			m := NewMonitor(list, Observer{Changed: func([]Transition) {}})
			m.bounds = bounds{inFlight: inFlight, parting: parting}
			m.Start()
			tooLong := time.After(time.Minute)
			for over := false; !over; {
				select {
				case <-m.FirstRound():
					over = true
				case <-time.After(50 * time.Millisecond):
				case <-tooLong:
					t.Fatal("the first round does not end")
				}
				// A probe of gRPC has some goroutines of its own.
				if got, limit := runtime.NumGoroutine(), goroutines+8*inFlight; got > limit {
					t.Errorf("%d goroutines, want %d at most", got, limit)
				}
				// Both ends of a connection are in this process, and those that are parting count apart.
				limit := descriptors + 2*(inFlight+parting)
				if got, _ := openDescriptors(); counted && got > limit {
					t.Errorf("%d descriptors, want %d at most", got, limit)
				}
			}
			m.Stop()
			for i, target := range list {
				if target.Check.Scheme != schemeTCP && m.Up(i) {
					t.Errorf("target %d, %s, is up", i, target.Check.Scheme)
				}
			}
			waitFor(t, "goroutines", goroutines, runtime.NumGoroutine)
			if counted {
				waitFor(t, "descriptors", descriptors, func() int { n, _ := openDescriptors(); return n })
			}
		})
	}
}

// waitFor waits for a count to come down. Libraries let goroutines end a moment after what they
// were started for.
func waitFor(t *testing.T, what string, limit int, count func() int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for count() > limit {
		if time.Now().After(deadline) {
			t.Errorf("%d %s are left, want %d", count(), what, limit)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
