package lookup

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// lookUpAll looks names up at servers until each has had a result, and returns what is known of each then.
func lookUpAll(t *testing.T, names []string, servers ...Server) map[string]Set {
	t.Helper()
	var questions []Question
	for _, name := range names {
		questions = append(questions, Question{name, dns.TypeA, NewResolver(servers...)})
	}
	l := New(questions, Observer{})
	l.Start()
	<-l.First()
	sets := make(map[string]Set)
	for _, q := range questions {
		sets[q.Name] = l.Get(q)
	}
	l.Stop()
	return sets
}

// TestBatchOfAll guards lookups that go out together: each ends as it would alone, whatever its answer is like and however the
// others end.
func TestBatchOfAll(t *testing.T) {
	n := startNameserver(t, func(x *exchange) {
		name := x.query.Question[0].Name
		kind, _, _ := strings.Cut(name, "-")
		switch {
		case kind == "plain":
			x.add(name + " 60 IN A 192.0.2.1")
		case kind == "cname":
			x.add(name+" 60 IN CNAME end.", "end. 30 IN A 192.0.2.2")
		case kind == "nx":
			x.reply.Rcode = dns.RcodeNameError
		case kind == "fail":
			x.reply.Rcode = dns.RcodeServerFailure
		case kind == "edns" && x.query.IsEdns0() != nil:
			x.reply.Rcode = dns.RcodeFormatError
		case kind == "edns":
			x.add(name + " 60 IN A 192.0.2.3")
		case kind == "long" && x.network == "udp":
			x.reply.Truncated = true
		case kind == "long", kind == "over":
			x.add(addresses(name, 100)...)
		case kind == "guess" && x.network == "udp":
			for range strayLimit {
				x.reply.Id++
				x.send()
			}
			return
		case kind == "guess":
			x.add(name + " 60 IN A 192.0.2.4")
		}
		x.send()
	})
	want := map[string]string{
		"plain": "ok [192.0.2.1] []", "cname": "ok [192.0.2.2] [end.]", "nx": "empty [] []", "fail": "never [] []",
		"edns": "ok [192.0.2.3] []", "long": "ok 100 []", "over": "ok 100 []", "guess": "ok [192.0.2.4] []",
	}
	for _, kinds := range []string{"plain cname nx fail edns long over", "plain guess", "fail", "long", "nx edns"} {
		var names []string
		for i := range 100 {
			for kind := range strings.FieldsSeq(kinds) {
				names = append(names, fmt.Sprintf("%s-%d.", kind, i))
			}
		}
		for name, set := range lookUpAll(t, names, n.udp) {
			kind, _, _ := strings.Cut(name, "-")
			list := fmt.Sprint(set.Addresses)
			if len(set.Addresses) == 100 {
				list = "100"
			}
			if got := fmt.Sprintf("%s %s %v", set.State, list, set.Path); got != want[kind] {
				t.Errorf("%s among %s: %s, want %s (%v)", name, kinds, got, want[kind], set.Err)
			}
		}
	}
}

// TestBatchGoesOnAtTheNextServer guards names against a first server that is not there.
func TestBatchGoesOnAtTheNextServer(t *testing.T) {
	n := startNameserver(t, func(x *exchange) { x.add(x.query.Question[0].Name + " 60 IN A 192.0.2.1").send() })
	listener, packets := listen(t)
	nobody := Server{Network: "udp", Address: addressOf(packets.LocalAddr())}
	_, _ = listener.Close(), packets.Close()
	var names []string
	for i := range 40 {
		names = append(names, fmt.Sprintf("n%d.", i))
	}
	for name, set := range lookUpAll(t, names, nobody, n.udp) {
		if set.State != OK {
			t.Errorf("%s: %s, %v", name, set.State, set.Err)
		}
	}
}

// TestBatchesHavePortsAndIDs guards against guessing: a port stays for batchLimit lookups, and each of them has an id that no
// other one of the port has. The system may give the port of a batch that has ended to another one, but hardly to two.
func TestBatchesHavePortsAndIDs(t *testing.T) {
	type port struct {
		lookups int
		ids     map[uint16]bool // of the last lookups, up to batchLimit
	}
	ports := make(map[string]*port)
	n := startNameserver(t, func(x *exchange) {
		p := ports[x.w.RemoteAddr().String()]
		if p == nil {
			p = new(port)
			ports[x.w.RemoteAddr().String()] = p
		}
		if p.lookups%batchLimit == 0 {
			p.ids = make(map[uint16]bool)
		}
		if p.lookups++; p.ids[x.query.Id] {
			t.Errorf("port %s has the id %d twice", x.w.RemoteAddr(), x.query.Id)
		}
		p.ids[x.query.Id] = true
		x.add(x.query.Question[0].Name + " 60 IN A 192.0.2.1").send()
	})
	var names []string
	for i := range 50 * batchLimit {
		names = append(names, fmt.Sprintf("n%d.", i))
	}
	lookUpAll(t, names, n.udp)
	n.queries() // waits for the last answer
	for address, p := range ports {
		if p.lookups > 3*batchLimit {
			t.Errorf("port %s was used for %d lookups", address, p.lookups)
		}
	}
	if most := len(names) / 4; len(ports) > most {
		t.Errorf("%d sockets for %d lookups, want %d at most", len(ports), len(names), most)
	}
}

// TestBatchDoesNotWaitForOne guards names against one beside them that takes long: they are known before it is answered.
func TestBatchDoesNotWaitForOne(t *testing.T) {
	var mu sync.Mutex
	var held *exchange
	others, all := make(chan struct{}), make(chan struct{})
	n := startNameserver(t, func(x *exchange) {
		name := x.query.Question[0].Name
		x.add(name + " 60 IN A 192.0.2.1")
		if name != "slow." {
			x.send()
			return
		}
		mu.Lock()
		defer mu.Unlock()
		held = x
	})
	questions := []Question{{"slow.", dns.TypeA, NewResolver(n.udp)}}
	for i := range batchLimit - 1 {
		questions = append(questions, Question{fmt.Sprintf("n%d.", i), dns.TypeA, NewResolver(n.udp)})
	}
	looked := 0
	l := New(questions, Observer{Looked: func(q Question, r Result) {
		if looked++; looked == batchLimit-1 {
			close(others)
		}
		if r != Success || looked < batchLimit && q.Name == "slow." {
			t.Errorf("result %d is of %s: %s", looked, q, r)
		}
		if looked == batchLimit {
			close(all)
		}
	}})
	l.Start()
	defer l.Stop()
	<-others
	mu.Lock()
	held.send()
	mu.Unlock()
	<-all
}
