package roundrobin53

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	clog "github.com/coredns/coredns/plugin/pkg/log"
)

// logged returns what f logs, a line each without its beginning.
func logged(f func()) string {
	var out bytes.Buffer
	clog.SetOutput(&out)
	defer clog.SetOutput(os.Stdout)
	f()
	var lines []string
	for line := range strings.Lines(out.String()) {
		_, text, _ := strings.Cut(line, "plugin/roundrobin53: ")
		lines = append(lines, strings.TrimSpace(text))
	}
	return strings.Join(lines, "\n")
}

const (
	beginsToFail = ": no value is up, and answers are as if all values were (all_down all)"
	failsNoMore  = ": answers are no longer as if all values were up"
)

// TestFailOpenIsToldOnce guards an operator who reads the log: one line when an RRset begins to
// answer with values that are down, one when that is over, whatever changes in between, and none
// over a reload. Targets are 192.0.2.1, .2 and .3.
func TestFailOpenIsToldOnce(t *testing.T) {
	const directive = `roundrobin53 {
		check web http://:80/
		record app A {
			value 192.0.2.1
			value 192.0.2.2 priority 2
			check web
		}
		record none A 192.0.2.1 check web all_down none
		record lb CNAME {
			value a.example.net. target 192.0.2.1
			value b.example.net. target 192.0.2.2
			check web
		}
		record routed A {
			value 192.0.2.1 from 10.0.0.0/8 check web
			value 192.0.2.3 check web
		}
		record fenced A {
			value 192.0.2.1 from 10.0.0.0/8 check web
			value 192.0.2.3 from 172.16.0.0/12 check web
		}
	}`
	h := handler(t, directive)
	const app, lb, routed, fenced = "app.example.org. A", "lb.example.org. CNAME", "routed.example.org. A", "fenced.example.org. A"
	step := func(what, verdicts, want string) {
		t.Helper()
		if got := logged(func() { setUp(h, verdicts) }); got != want {
			t.Errorf("%s: logged\n%s\nwant\n%s", what, got, want)
		}
	}
	reload := func(what, verdicts, want string) {
		t.Helper()
		got := logged(func() {
			next := handler(t, directive)
			next.block = h.block
			next.Store().Adopt(h.Store(), time.Now())
			next.Store().Verdicts.UpdateAll(func(target int) bool { return verdicts[target] == '+' }, time.Now())
			setUp(h, verdicts) // the old instance goes on until the new one serves
			next.Store().Verdicts.Serve(next.tellFailOpen)
			h = next
		})
		if got != want {
			t.Errorf("%s: logged\n%s\nwant\n%s", what, got, want)
		}
	}
	step("before it serves", "---", "")
	step("before it serves", "+++", "")
	h.Store().Verdicts.Serve(h.tellFailOpen)
	step("one down", "-++", fenced+beginsToFail)
	step("the second tier too", "--+", app+beginsToFail+"\n"+lb+beginsToFail)
	step("all", "---", routed+beginsToFail)
	reload("a reload", "---", "")
	step("the same again", "---", "")
	step("the second tier is back", "-+-", app+failsNoMore+"\n"+lb+failsNoMore)
	reload("a reload during which the third comes back", "-++", routed+failsNoMore)
	step("all are back", "+++", fenced+failsNoMore)
	reload("a reload", "+++", "")
	h = handler(t, directive)
	h.Store().Verdicts.UpdateAll(func(int) bool { return false }, time.Now())
	if got := strings.Count(logged(func() { h.Store().Verdicts.Serve(h.tellFailOpen) }), beginsToFail); got != 4 {
		t.Errorf("%d lines of an instance that begins with all down, want 4", got)
	}
}

// TestManyFailOpenLines guards the log against one endpoint that thousands of names have.
func TestManyFailOpenLines(t *testing.T) {
	var directive strings.Builder
	directive.WriteString("roundrobin53 {\ncheck web http://:80/\n")
	for i := range 25 {
		fmt.Fprintf(&directive, "record name%d A 192.0.2.1 check web\n", i)
	}
	directive.WriteString("}\n")
	h := handler(t, directive.String())
	h.Store().Verdicts.Serve(h.tellFailOpen)
	for _, c := range []struct{ verdict, text string }{{"-", beginsToFail}, {"+", failsNoMore}} {
		got := logged(func() { setUp(h, c.verdict) })
		if n := strings.Count(got, c.text); n != maxWarnings || !strings.HasSuffix(got, "and 15 more like the last") {
			t.Errorf("%d lines, want %d and how many more:\n%s", n, maxWarnings, got)
		}
	}
}
