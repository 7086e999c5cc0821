package roundrobin53

import (
	"fmt"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/pool"
)

// growing are directives of about n words, each with much of one thing.
var growing = []struct {
	name      string
	directive func(n int) string
}{
	{"networks of a from", func(n int) string {
		return fmt.Sprintf("roundrobin53 {\nrecord app A 192.0.2.1 from %s\n}\n", strings.Join(manyNetworks(n), " "))
	}},
	{"networks of a name", func(n int) string {
		return fmt.Sprintf("roundrobin53 {\nnetwork office %s\nrecord app {\nvalue 192.0.2.1 from office\nvalue 192.0.2.2\n}\n}\n",
			strings.Join(manyNetworks(n), " "))
	}},
	{"records for many networks", func(n int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "roundrobin53 {\nnetwork office %s\n", strings.Join(manyNetworks(n/2), " "))
		for i := range n / 2 {
			fmt.Fprintf(&b, "record app%d A 192.0.2.1 from office\n", i)
		}
		return b.String() + "}\n"
	}},
	{"values for many networks", func(n int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "roundrobin53 {\nnetwork office %s\nrecord app {\n", strings.Join(manyNetworks(n/2), " "))
		for i := range n / 2 {
			fmt.Fprintf(&b, "value 10.%d.%d.%d from office\n", i>>16, i>>8&255, i&255)
		}
		return b.String() + "}\n}\n"
	}},
	{"networks with a name each", func(n int) string {
		var b strings.Builder
		b.WriteString("roundrobin53 {\n")
		for i, network := range manyNetworks(n / 2) {
			fmt.Fprintf(&b, "network office%d %s\n", i, network)
		}
		b.WriteString("record app A {\n")
		for i := range n / 2 {
			fmt.Fprintf(&b, "value 192.0.2.1 from office%d\n", i)
		}
		return b.String() + "}\n}\n"
	}},
	{"zones", func(n int) string {
		var b strings.Builder
		b.WriteString("roundrobin53")
		for i := range n {
			fmt.Fprintf(&b, " z%d.example.", i)
		}
		return b.String() + " {\nrecord app A 192.0.2.1\nrecord www CNAME app\nrecord sub NS ns\n}\n"
	}},
	{"zones that fall through", func(n int) string {
		var b strings.Builder
		for i := range n / 2 {
			fmt.Fprintf(&b, " z%d.example.", i)
		}
		return "roundrobin53" + b.String() + " {\nrecord app A 192.0.2.1\nfallthrough" + b.String() + "\n}\n"
	}},
	{"aliases of aliases", func(n int) string {
		var b strings.Builder
		b.WriteString("roundrobin53 {\n")
		for i := range n {
			fmt.Fprintf(&b, "record a%d ALIAS a%d\n", i, i+1)
		}
		return fmt.Sprintf("%srecord a%d A 192.0.2.1\n}\n", b.String(), n)
	}},
	{"texts of a name", func(n int) string {
		var b strings.Builder
		b.WriteString("roundrobin53 {\n")
		for i := range n {
			fmt.Fprintf(&b, "record app TXT text%d\n", i)
		}
		return b.String() + "}\n"
	}},
	{"checks of checks", func(n int) string {
		var b strings.Builder
		b.WriteString("roundrobin53 {\n")
		for i := range n / 2 {
			fmt.Fprintf(&b, "check c%d 1 of c%d\nrecord app%d A 192.0.2.%d check c%d\n", i, i+1, i, i%200, i)
		}
		return fmt.Sprintf("%scheck c%d tcp://:80\n}\n", b.String(), n/2)
	}},
	{"weights", func(n int) string {
		var b strings.Builder
		b.WriteString("roundrobin53 {\nrecord app {\n")
		for i := range n {
			fmt.Fprintf(&b, "value 10.%d.%d.%d weight %d\n", i>>16, i>>8&255, i&255, i%65535+1)
		}
		return b.String() + "}\n}\n"
	}},
	{"priorities", func(n int) string {
		var b strings.Builder
		b.WriteString("roundrobin53 {\nrecord app {\n")
		for i := range n {
			fmt.Fprintf(&b, "value 10.%d.%d.%d priority %d\n", i>>16, i>>8&255, i&255, 65535-i%65535)
		}
		return b.String() + "}\n}\n"
	}},
	{"places", func(n int) string {
		var b strings.Builder
		b.WriteString("roundrobin53 {\nrecord app A order nearest {\n")
		for i := range n {
			fmt.Fprintf(&b, "value 10.%d.%d.%d at %d.%d,8\n", i>>16, i>>8&255, i&255, i%80, i)
		}
		return b.String() + "}\n}\n"
	}},
}

func manyNetworks(n int) []string {
	networks := make([]string, n)
	for i := range networks {
		networks[i] = fmt.Sprintf("2001:db8:%x:%x::/64", i>>16, i&0xffff)
	}
	return networks
}

// BenchmarkGrowth reads directives with much of one thing: 10 times as many words take at most some
// 20 times as long.
func BenchmarkGrowth(b *testing.B) {
	for _, row := range growing {
		for _, n := range []int{1_000, 10_000, 100_000} {
			if row.name == "places" || row.name == "weights" || row.name == "priorities" {
				n = min(n, pool.MaxEndpoints-1)
			}
			directive := row.directive(n)
			b.Run(fmt.Sprintf("%s/%d", row.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					handler(b, directive)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/word")
			})
		}
	}
}
