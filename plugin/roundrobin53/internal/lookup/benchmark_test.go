package lookup

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// serverVariable is set in the process that serves: what it uses is not counted as the lookups'.
const serverVariable = "LOOKUP_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(serverVariable) != "" {
		serveProcess()
		return
	}
	os.Exit(m.Run())
}

// benchmarkServer stands for a benchmark in the serving process.
type benchmarkServer struct{ testing.TB }

func (benchmarkServer) Helper()                   {}
func (benchmarkServer) Cleanup(func())            {}
func (benchmarkServer) Fatal(reasons ...any)      { panic(fmt.Sprint(reasons...)) }
func (benchmarkServer) Logf(string, ...any)       {}
func (benchmarkServer) Errorf(s string, _ ...any) { panic(s) }

// serveProcess answers each question with 8 addresses that are valid for 5 s, until its input ends.
func serveProcess() {
	n := startNameserver(benchmarkServer{}, func(x *exchange) {
		name := x.query.Question[0].Name
		for i := range 8 {
			x.reply.Answer = append(x.reply.Answer, &dns.A{
				Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}, A: []byte{192, 0, 2, byte(i)},
			})
		}
		x.send()
	})
	fmt.Fprintln(os.Stdout, NewResolver(n.udp, n.tcp, n.tls).String(), base64.StdEncoding.EncodeToString(n.authority))
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// startServer starts this program again, as a nameserver that ends with the benchmark.
func startServer(b *testing.B) ([]Server, *x509.CertPool) {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), serverVariable+"=1")
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = input.Close()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	words := strings.Fields(line)
	der, err := base64.StdEncoding.DecodeString(words[3])
	if err != nil {
		b.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return Resolver{strings.Join(words[:3], " ")}.Servers(), roots
}

// BenchmarkAsk is one lookup after another. The metric cpu-µs/op is the time of this process,
// without the server's.
func BenchmarkAsk(b *testing.B) {
	servers, roots := startServer(b)
	for _, s := range servers {
		b.Run(s.Network, func(b *testing.B) {
			r := newResolver([]Server{s}, roots)
			defer r.close()
			b.ReportAllocs()
			used := processorTime()
			for b.Loop() {
				if a, err := r.ask(b.Context(), Question{Name: asked, Type: dns.TypeA}); err != nil || len(a.addresses) != 8 {
					b.Fatal(a, err)
				}
			}
			b.ReportMetric(float64((processorTime()-used).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
		})
	}
	b.Run("tls_handshake", func(b *testing.B) {
		used := processorTime()
		for b.Loop() {
			r := newResolver(servers[2:], roots)
			if _, err := r.ask(b.Context(), Question{Name: asked, Type: dns.TypeA}); err != nil {
				b.Fatal(err)
			}
			r.close()
		}
		b.ReportMetric(float64((processorTime()-used).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
	})
}

// BenchmarkLookups has 10,000 names with a TTL of 5 s: the metric core-% is the part of one core
// that lookups use. Run it with -benchtime 20000x, which takes 10 s.
func BenchmarkLookups(b *testing.B) {
	const names = 10_000
	servers, roots := startServer(b)
	for _, s := range servers {
		b.Run(s.Network, func(b *testing.B) {
			questions := make([]Question, names)
			for i := range questions {
				questions[i] = Question{fmt.Sprintf("n%d.example.", i), dns.TypeA, NewResolver(s)}
			}
			looked := make(chan Result, 10*names)
			l := New(questions, Observer{Looked: func(_ Question, r Result) { looked <- r }})
			l.roots = roots
			l.Start()
			defer l.Stop()
			<-l.First()
			for range names {
				if r := <-looked; r != Success {
					b.Fatal(r)
				}
			}
			b.ReportAllocs()
			b.ResetTimer()
			used, began := processorTime(), time.Now()
			for range b.N {
				if r := <-looked; r != Success {
					b.Fatal(r)
				}
			}
			spent, took := processorTime()-used, time.Since(began)
			b.ReportMetric(float64(spent.Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
			b.ReportMetric(100*spent.Seconds()/took.Seconds(), "core-%")
			b.ReportMetric(float64(b.N)/took.Seconds(), "lookups/s")
		})
	}
}
