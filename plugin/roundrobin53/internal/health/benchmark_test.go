package health

import (
	"context"
	"crypto/x509"
	"net/netip"
	"testing"
	"time"
)

// benchmarkKinds are servers in another process and what they are probed by.
var benchmarkKinds = []struct{ name, server, scheme string }{
	{"tcp", schemeTCP, schemeTCP},
	{"tls", schemeTLS, schemeTLS},
	{"http", schemeHTTP, schemeHTTP},
	{"https_http1", "https1", schemeHTTPS},
	{"https_http2", schemeHTTPS, schemeHTTPS},
	{"grpc", schemeGRPC, schemeGRPC},
	{"grpcs", schemeGRPCS, schemeGRPCS},
}

func benchmarkCheck(scheme string, port uint16, roots *x509.CertPool) *Check {
	return &Check{
		Scheme: scheme, Name: "www.example.org", Port: port, Roots: roots, Status: []StatusRange{{200, 399}},
		Interval: 10 * time.Second, Timeout: time.Minute, Rise: 2, Fall: 3, // a slow machine takes longer, and fails nothing
	}
}

// BenchmarkProbe is one probe after another. The metric cpu-µs/op is the time of this process,
// without the server's.
func BenchmarkProbe(b *testing.B) {
	for _, kind := range benchmarkKinds {
		b.Run(kind.name, func(b *testing.B) {
			at, roots := startServer(b, kind.server)
			target := Target{at.Addr(), benchmarkCheck(kind.scheme, at.Port(), roots)}
			p := newProber(target)
			b.ReportAllocs()
			used := processorTime()
			for b.Loop() {
				ctx, cancel := context.WithTimeout(b.Context(), target.Check.Timeout)
				left, err := p.Probe(ctx)
				if err != nil {
					b.Fatal(err)
				}
				hangUp(left)
				cancel()
			}
			reportProcessor(b, used)
		})
	}
}

// BenchmarkMonitor is a monitor of 10,000 targets at 10s, so 1,000 probes a second: what the loop
// and the wake-ups cost besides, when probes come one by one. Run it with -benchtime 20000x for 20
// s.
func BenchmarkMonitor(b *testing.B) {
	const targets = 10_000
	for _, kind := range benchmarkKinds {
		b.Run(kind.name, func(b *testing.B) {
			at, roots := startServer(b, kind.server)
			check := benchmarkCheck(kind.scheme, at.Port(), roots)
			list := make([]Target, targets)
			for i := range list {
				list[i] = Target{netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}), check}
			}
			probed := make(chan error, 10*targets)
			m := NewMonitor(list, Observer{
				Changed: func([]Transition) {},
				Probed:  func(_ int, _ time.Duration, err error) { probed <- err },
				Trouble: func(err error) { b.Log(err) },
			})
			m.Start()
			defer m.Stop()
			<-m.FirstRound()
			late := 0 // as it may be with the server on the same machine
			for range len(probed) {
				if err := <-probed; err != nil {
					late++
				}
			}
			b.Logf("first round: %d of %d failed", late, targets)
			b.ReportAllocs()
			b.ResetTimer()
			used := processorTime()
			for range b.N {
				if err := <-probed; err != nil {
					b.Fatal(err)
				}
			}
			reportProcessor(b, used)
		})
	}
}

func reportProcessor(b *testing.B, before time.Duration) {
	b.Helper()
	b.ReportMetric(float64((processorTime()-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}
