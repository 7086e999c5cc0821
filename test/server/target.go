package server

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/authority"
)

// TargetName is the name in the certificates of targets. Nobody could look it up.
const TargetName = "www.target.invalid"

// Signal is how an endpoint answers a probe.
type Signal int

// The signals.
const (
	Pass Signal = iota // with 200
	Fail               // with 503
	Hang               // not before it is set to another signal

	failByScript // with 500, see Script
)

// Target serves the probes of checks, with servers of every kind on one loopback address. Each path
// of its HTTP servers is an endpoint of its own, which passes until it is set to do something else.
// Target counts requests by path and connections by kind of server.
type Target struct {
	URL string // of the server of the kind http

	t         *testing.T
	address   string
	authority *authority.Authority // see CAFile
	caFile    string

	mu          sync.Mutex
	ports       map[string]string // by kind of server
	requests    map[string]int
	connections map[string]int
	signals     map[string]Signal
	scripts     map[string]string // see Script
	changed     chan struct{}     // closed when signals change
}

// StartTarget starts a target on 127.0.0.1, until the test ends.
func StartTarget(t *testing.T) *Target {
	t.Helper()
	return StartTargetAt(t, "127.0.0.1")
}

// StartTargetAt starts a target on a loopback address, until the test ends.
func StartTargetAt(t *testing.T, address string) *Target {
	t.Helper()
	tg := &Target{
		t: t, address: address, ports: make(map[string]string), requests: make(map[string]int), connections: make(map[string]int),
		signals: make(map[string]Signal), scripts: make(map[string]string), changed: make(chan struct{}),
	}
	tg.URL = "http://" + net.JoinHostPort(address, tg.Port("http"))
	return tg
}

// CAFile is the path of a file, ca.pem, with the certificate of the authority that signs the target's. The first call
// makes it.
func (tg *Target) CAFile() string {
	tg.t.Helper()
	if tg.authority != nil {
		return tg.caFile
	}
	var err error
	if tg.authority, err = authority.New(); err != nil {
		tg.t.Fatal(err)
	}
	tg.caFile = filepath.Join(tg.t.TempDir(), "ca.pem")
	if err := os.WriteFile(tg.caFile, tg.authority.PEM, 0o600); err != nil {
		tg.t.Fatal(err)
	}
	return tg.caFile
}

var portWord = regexp.MustCompile(`PORT\((\w+)\)`)

// Fill puts what is known of the target into a text: its ADDRESS, the TARGETNAME in its certificates, the CAFILE that
// they can be verified by, and for each kind of server the port, as in PORT(http).
func (tg *Target) Fill(text string) string {
	tg.t.Helper()
	text = portWord.ReplaceAllStringFunc(text, func(word string) string { return tg.Port(portWord.FindStringSubmatch(word)[1]) })
	if strings.Contains(text, "CAFILE") {
		text = strings.ReplaceAll(text, "CAFILE", tg.CAFile())
	}
	return strings.NewReplacer("ADDRESS", tg.address, "TARGETNAME", TargetName).Replace(text)
}

// Set sets endpoints, named in one text, to a signal.
func (tg *Target) Set(to Signal, names string) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	for name := range strings.FieldsSeq(names) {
		tg.signals[name] = to
	}
	close(tg.changed)
	tg.changed = make(chan struct{})
}

// Script makes an endpoint fail (x), with 500, and pass (.) request by request. The last result goes on.
func (tg *Target) Script(name, results string) {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	tg.scripts[name] = results
}

// Requests is how many requests for an endpoint there were.
func (tg *Target) Requests(name string) int {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.requests[name]
}

// Connections is how many connections to a kind of server there were.
func (tg *Target) Connections(kind string) int {
	tg.mu.Lock()
	defer tg.mu.Unlock()
	return tg.connections[kind]
}

// QuickCheck are the options of checks that find out at once: each result counts.
const QuickCheck = "interval 500ms\ntimeout 500ms\nrise 1\nfall 1"

// SlowCheck are the options of checks that probe once in a test.
const SlowCheck = "interval 10m\ntimeout 1m\nrise 1\nfall 1"

// Checks are quick checks of endpoints, each with the name of its endpoint.
func (tg *Target) Checks(names string) string { return tg.ChecksWith(QuickCheck, names) }

// ChecksWith are checks of endpoints with these options, one a line.
func (tg *Target) ChecksWith(options, names string) string {
	var b strings.Builder
	for name := range strings.FieldsSeq(names) {
		fmt.Fprintf(&b, "check %s %s/%s {\n%s\n}\n", name, tg.URL, name, options)
	}
	return b.String()
}

// Watched are checks of endpoints with these options, and for each a record that shows its verdict: verdict-NAME has a
// value while the check is up, and none while it is down. The checks name the target's address, so the values that use
// them may be any.
func (tg *Target) Watched(options, names string) string {
	var b strings.Builder
	b.WriteString(tg.ChecksWith(options, names))
	for name := range strings.FieldsSeq(names) {
		fmt.Fprintf(&b, "record verdict-%s A 192.0.2.250 check %s all_down none\n", name, name)
	}
	return b.String()
}

// Flip sets endpoints to a signal, and returns when a server answers by it.
func (tg *Target) Flip(t *testing.T, s *Server, zone, names string, to Signal) {
	t.Helper()
	tg.Set(to, names)
	for name := range strings.FieldsSeq(names) {
		AwaitVerdict(t, s, zone, name, to == Pass)
	}
}
