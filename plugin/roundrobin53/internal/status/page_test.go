package status

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPageQuotes guards readers against what comes from outside: what they search for, and what an
// endpoint answers to a probe.
func TestPageQuotes(t *testing.T) {
	b, verdicts := served(t, everything, "example.org.")
	settle(b, verdicts, ".2.1")
	h := pageOf(b)
	body := get(h, `/?q=192.0.2.1`).Body.String()
	if !strings.Contains(body, "connection &lt;refused&gt;") || strings.Contains(body, "<refused>") {
		t.Errorf("the reason is not there, or not quoted:\n%s", body)
	}
	if body = get(h, `/?q=%22%3E%3Cscript%3E`).Body.String(); strings.Contains(body, `"><script>`) || !strings.Contains(body, "Nothing matches.") {
		t.Errorf("the search is not quoted:\n%s", body)
	}
}

// TestManyValues guards a page that can be read with 100,000 values: it is short, its pages have
// every name once, and the search and the filter find what is on no page.
func TestManyValues(t *testing.T) {
	var directives strings.Builder
	const names = 12500
	directives.WriteString("roundrobin53 {\ncheck web tcp://:80\n")
	for i := range names {
		fmt.Fprintf(&directives, "record n%d A", i)
		for j := range 8 {
			fmt.Fprintf(&directives, " 10.%d.%d.%d", i>>8, i&255, j)
		}
		if i%1000 == 7 {
			directives.WriteString(" check web")
		}
		directives.WriteByte('\n')
	}
	directives.WriteString("}")
	b, verdicts := served(t, directives.String(), "example.org.")
	settle(b, verdicts, "10.43.255.3") // of n11007 there is 10.42.255.*, of n11263 no check
	h := pageOf(b)
	seen := make(map[string]bool)
	for page := 1; page <= (names+2+rrsetsPerPage-1)/rrsetsPerPage; page += 83 {
		body := get(h, fmt.Sprint("/?page=", page)).Body.String()
		if len(body) > 1<<20 || strings.Count(body, "<article") > rrsetsPerPage {
			t.Fatalf("page %d: %d octets, %d RRsets", page, len(body), strings.Count(body, "<article"))
		}
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "<h3") {
				if seen[line] {
					t.Errorf("page %d: %s again", page, line)
				}
				seen[line] = true
			}
		}
	}
	if want := "251"; !strings.Contains(get(h, "/").Body.String(), "of "+want) {
		t.Errorf("the first page does not say that there are %s", want)
	}
	if w := get(h, "/?page=9999"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Nothing matches.") {
		t.Errorf("a page that does not exist: %d", w.Code)
	}
	for query, want := range map[string]int{"q=n12345.": 1, "q=10.48.57.7": 1, "down=1": 0, "q=n1234": 11} {
		if got := strings.Count(get(h, "/?"+query).Body.String(), "<article"); got != want {
			t.Errorf("%s: %d RRsets, want %d", query, got, want)
		}
	}
	settle(b, verdicts, ".7.3", ".239.3")
	if d := documentOf(t, h, "/status.json?down=1"); len(d.Zones[0].RRsets) == 0 || len(d.Zones[0].RRsets) > names/1000+1 {
		t.Errorf("%d RRsets are down", len(d.Zones[0].RRsets))
	}
	if d := documentOf(t, h, "/status.json"); len(d.Zones[0].RRsets) != names+2 {
		t.Errorf("the document has %d RRsets, want %d", len(d.Zones[0].RRsets), names+2)
	}
}

// TestLongRRset guards a page against an RRset as long as it: what is down comes first.
func TestLongRRset(t *testing.T) {
	directives := "roundrobin53 {\ncheck web tcp://:80\nrecord app A check web {\n"
	for i := range 1000 {
		directives += fmt.Sprintf("value 10.0.%d.%d\n", i>>8, i&255)
	}
	b, verdicts := served(t, directives+"}\n}", "example.org.")
	settle(b, verdicts, "10.0.3.200")
	body := get(pageOf(b), "/").Body.String()
	if strings.Count(body, "<tr role=\"row\" class=\"") != valuesPerRRset || !strings.Contains(body, "10.0.3.200") || !strings.Contains(body, "960 more") {
		t.Errorf("want %d values, the one that is down among them:\n%s", valuesPerRRset, body)
	}
}

// TestRenders guards the processors against readers: a page that was made a moment ago is served
// again, and one that is not is made anew.
func TestRenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, in, made := newRenders(), new(Instance), 0
		var failure error
		render := func() ([]byte, error) {
			made++
			return fmt.Append(nil, made), failure
		}
		for _, step := range []struct {
			wait time.Duration
			in   *Instance
			key  string
			want string
		}{
			{0, in, "", "1"},
			{leastFresh / 2, in, "", "1"},
			{0, in, "q=a", "2"},
			{0, new(Instance), "", "3"}, // after a reload
			{leastFresh, in, "", "4"},
		} {
			time.Sleep(step.wait)
			if got, err := r.page(step.in, step.key, render); err != nil || string(got) != step.want {
				t.Errorf("page %s, %v; want %s", got, err, step.want)
			}
		}
		slow := func() ([]byte, error) {
			time.Sleep(20 * time.Millisecond)
			return render()
		}
		for i, wait := range []time.Duration{0, mostFresh - time.Millisecond, time.Millisecond} {
			time.Sleep(wait)
			if got, err := r.page(in, "slow", slow); err != nil || string(got) != []string{"5", "5", "6"}[i] {
				t.Errorf("page %d that takes long to make: %s, %v", i, got, err)
			}
		}
		failure = errors.New("failed")
		if got, err := r.page(in, "failing", render); !errors.Is(err, failure) {
			t.Errorf("%s, %v; want an error", got, err)
		}
		failure = nil
		if got, err := r.page(in, "failing", render); err != nil || string(got) != "8" {
			t.Errorf("after a failure: %s, %v; want it made anew", got, err)
		}
		for i := range 10 * mostMade {
			_, _ = r.page(in, fmt.Sprint(i), render)
		}
		if len(in.made) > mostMade {
			t.Errorf("%d pages are kept", len(in.made))
		}
	})
}

// TestDocuments guards readers of documents: a short one that was made a moment ago is served
// again, unless a verdict has changed.
func TestDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, verdicts := served(t, everything, "example.org.")
		r, in, made, octets := newRenders(), &Instance{Blocks: []*Block{b}}, 0, 0
		document := func() string {
			var body bytes.Buffer
			err := r.document(&body, in, "", func(w io.Writer) error {
				made++
				_, err := fmt.Fprintf(w, "%d%*s", made, octets, "")
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return strings.TrimSpace(body.String())
		}
		for _, step := range []struct {
			before func()
			want   string
		}{
			{func() {}, "1"},
			{func() { time.Sleep(leastFresh / 2) }, "1"},
			{func() { settle(b, verdicts, "192.0.2") }, "2"},
			{func() {}, "2"},
			{func() { time.Sleep(leastFresh); octets = longWrite }, "3"},
			{func() {}, "4"}, // a long one is not kept
		} {
			step.before()
			if got := document(); got != step.want {
				t.Errorf("document %s, want %s", got, step.want)
			}
		}
	})
}

func TestCompareNames(t *testing.T) {
	names := []string{".", "example.org.", "a.example.org.", "z.a.example.org.", "b.example.org.", "a.b.example.org."}
	for i, a := range names {
		for j, b := range names {
			if got := compareNames(a, b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%s and %s: %d", a, b, got)
			}
		}
	}
}

// slowWriter is a reader that takes what it gets when it is told to.
type slowWriter struct {
	http.ResponseWriter
	writes, takes chan struct{}
}

func (w slowWriter) Write(p []byte) (int, error) {
	w.writes <- struct{}{}
	<-w.takes
	return w.ResponseWriter.Write(p)
}

// TestSlowReader guards readers against one that takes its time.
func TestSlowReader(t *testing.T) {
	b, _ := served(t, everything, "example.org.")
	h := pageOf(b)
	slow := slowWriter{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(slow, localRequest("/status.json"))
	}()
	<-slow.writes
	if w := get(h, "/"); w.Code != http.StatusOK {
		t.Errorf("another reader gets %d", w.Code)
	}
	close(slow.takes)
	<-done
}
