//go:build system

package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// A tab is a page in a browser, and all that it complained of and asked for.
type tab struct {
	context.Context
	t *testing.T

	mu         sync.Mutex
	complaints []string
	requests   []string
}

// openTab opens a page until the test ends. The profile is empty: no proxy, no extensions, nothing cached.
func openTab(t *testing.T, address string) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // root has none
		chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
	)
	allocator, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	p := &tab{Context: ctx, t: t}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatal(err)
	}
	call(p, log.Enable, cdp.Empty{})
	call(p, network.Enable, network.EnableParams{})
	call(p, runtime.Enable, cdp.Empty{})
	p.open("http://" + address + "/")
	return p
}

// hear notes what the page complains of and asks for.
func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch event := event.(type) {
	case *runtime.EventConsoleAPICalled:
		p.complaints = append(p.complaints, fmt.Sprintf("console: %s %v", event.Type, event.Args))
	case *runtime.EventExceptionThrown:
		p.complaints = append(p.complaints, "exception: "+event.ExceptionDetails.Text)
	case *log.EventEntryAdded:
		p.complaints = append(p.complaints, fmt.Sprintf("%s: %s %s", event.Entry.Level, event.Entry.Text, event.Entry.URL))
	case *network.EventRequestWillBeSent:
		p.requests = append(p.requests, event.Request.URL)
	}
}

// check returns an error if the page has complained, or asked another host.
func (p *tab) check(address string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, complaint := range p.complaints {
		p.t.Errorf("the browser says: %s", complaint)
	}
	for _, request := range p.requests {
		if u, err := url.Parse(request); err != nil || u.Host != address {
			p.t.Errorf("the page asks for %s", request)
		}
	}
}

// asked returns how many requests the page has made.
func (p *tab) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

func (p *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// open goes to a page.
func (p *tab) open(address string) {
	p.t.Helper()
	p.run(chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS("main")))
}

// call runs a command of the protocol.
func call[P, R any](p *tab, command cdp.Command[P, R], params P) {
	p.t.Helper()
	if _, err := chromedp.Call(p, command, params); err != nil {
		p.t.Fatal(err)
	}
}

// value returns what an expression is in the page.
func value[T any](p *tab, expression string) T {
	p.t.Helper()
	got, err := chromedp.Run(p, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return got
}

// follow does what leads to another page, and waits for that.
func (p *tab) follow(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if _, err := chromedp.RunResponse(p, actions...); err != nil {
		p.t.Fatal(err)
	}
	p.run(chromedp.WaitReady(chromedp.CSS("main")))
}

// await waits until an expression is true in the page.
func (p *tab) await(expression string, limit time.Duration) {
	p.t.Helper()
	poll := chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingTimeout(limit), chromedp.WithPollingInterval(50*time.Millisecond))
	if err := chromedp.Do(p, poll); err != nil {
		p.t.Fatalf("not so within %v: %s: %v\n%s", limit, expression, err, value[string](p, "document.body.innerText"))
	}
}

// look gives the page a width and a color scheme.
func (p *tab) look(width int, scheme string) {
	p.t.Helper()
	p.run(chromedp.EmulateViewport(int64(width), 900))
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// problems is a script that lists what a page has that some people can't read or use: texts that do not stand out from their
// ground (WCAG 2.2, 1.4.3), controls without a name, tables whose cells have no heading, states that only a color tells, what
// is wider than the window (1.4.10), targets that are too small (2.5.8).
const problems = `(() => {
  const found = [];
  const channels = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const isShown = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest(".quiet, .skip, thead");
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let looked = 0;
  for (let n = texts.nextNode(); n; n = texts.nextNode()) {
    const e = n.parentElement;
    if (!n.data.trim() || !isShown(e)) continue;
    looked++;
    const style = getComputedStyle(e);
    const [a, b] = [luminance(style.color), luminance(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) found.push("contrast " + ratio.toFixed(2) + ": " + n.data.trim());
  }
  if (looked < 50) found.push("only " + looked + " texts");
  for (const e of document.querySelectorAll("input:not([type=hidden]), select, button, a")) {
    const name = e.labels?.length ? e.labels[0].textContent : e.getAttribute("aria-label") ?? e.textContent;
    if (!name.trim()) found.push("no name: " + e.outerHTML);
    const box = e.getBoundingClientRect();
    if (isShown(e) && e.matches("input[type=search], select, button") && box.height < 24) found.push("small: " + e.outerHTML);
  }
  for (const table of document.querySelectorAll("table")) {
    const columns = table.querySelectorAll("thead th[scope=col]").length;
    for (const row of table.querySelectorAll("tbody tr")) {
      if (row.children.length !== columns || !row.querySelector("th[scope=row]")) found.push("cells without heading: " + row.textContent);
    }
  }
  for (const e of document.querySelectorAll(".state")) if (!e.textContent.trim()) found.push("a state in color only: " + e.outerHTML);
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push("an id stands twice");
  for (const e of document.querySelectorAll("[aria-labelledby]")) if (!document.getElementById(e.getAttribute("aria-labelledby"))) found.push("no such label: " + e.outerHTML);
  if (!document.documentElement.lang || !document.querySelector("main") || document.querySelectorAll("h1").length !== 1) found.push("no language, main part or heading");
  if (document.documentElement.scrollWidth > innerWidth) found.push("wider than the window: " + document.documentElement.scrollWidth + " > " + innerWidth);
  return found;
})()`

// corefile is a server with something of everything on its page.
func corefile(address string, signs *server.Target) string {
	return `example.org:0 {
	bind 127.0.0.1
	roundrobin53 {
		status ` + address + `
		` + strings.ReplaceAll(signs.Checks("web api db"), "\n", "\n\t\t") + `
		network office 10.0.0.0/8
		record app 30 A {
			value 192.0.2.1 192.0.2.2 weight 3 check web
			value 192.0.2.3 check api
			value 192.0.2.4 drain
			metrics
		}
		record db A {
			value 198.51.100.1 check db
			value 198.51.100.2 priority 2
			failback 5m
		}
		record files A {
			value 10.1.0.1 10.1.0.2 from office check web
			value 203.0.113.7
		}
		record www 192.0.2.10 192.0.2.11 192.0.2.12
		record www 2001:db8::10 2001:db8::11
		record @ MX 10 mail
		record mail 192.0.2.25
	}
}
example.net:0 {
	bind 127.0.0.1
	roundrobin53 {
		status ` + address + `
		record shop 192.0.2.80
	}
}
`
}

// checkedRow is an expression: the row of the value that has a check.
const checkedRow = `[...document.querySelectorAll("tbody tr")].find((r) => r.firstChild.textContent === "192.0.2.3")`

// TestSystemPage guards the page as people have it: at three widths, light and dark, with a search and a filter, by keyboard;
// without errors, and without a request to anybody else.
func TestSystemPage(t *testing.T) {
	address, signs := "127.0.0.1:"+server.FreePort(t), server.StartTarget(t)
	s := server.Start(t, corefile(address, signs))
	server.AwaitDown(t, s, "")
	p := openTab(t, address)

	t.Run("a value that goes down", func(t *testing.T) {
		p.t = t
		p.run(chromedp.Evaluate[chromedp.Void]("window.isSame = true"))
		p.await(checkedRow+".textContent.includes('passed')", 10*time.Second)
		signs.Set(server.Fail, "api db")
		server.AwaitDown(t, s, "api db")
		p.await(checkedRow+`.querySelector(".state").textContent === "down"`, 30*time.Second)
		if got := value[string](p, checkedRow+".innerText"); !strings.Contains(got, "503") || !strings.Contains(got, "Corefile:") {
			t.Errorf("the row says %q, want the reason and the line", got)
		}
		p.await(`document.getElementById("headline").textContent.includes("2 values are down")`, 30*time.Second)
		if !value[bool](p, "window.isSame") {
			t.Error("the page was loaded again")
		}
		if got := value[string](p, "document.title"); !strings.HasPrefix(got, "2 down") {
			t.Errorf("title %q", got)
		}
	})
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int{400, 800, 1280} {
			t.Run(fmt.Sprint(scheme, " ", width), func(t *testing.T) {
				p.t = t
				p.look(width, scheme)
				for _, problem := range value[[]string](p, problems) {
					t.Error(problem)
				}
				keep(t, p, fmt.Sprintf("page-%s-%d.png", scheme, width))
			})
		}
	}
	t.Run("search and filter", func(t *testing.T) {
		p.t = t
		names := func() string {
			return strings.Join(value[[]string](p, `[...document.querySelectorAll("h3")].map((e) => e.textContent)`), ", ")
		}
		p.follow(chromedp.SendKeys(chromedp.ID("q"), "198.51.100.1"+kb.Enter))
		if got := names(); got != "db.example.org. A" {
			t.Errorf("search: %s", got)
		}
		p.open("http://" + address + "/")
		p.follow(chromedp.Click(chromedp.ID("down")))
		if got := names(); got != "app.example.org. A, db.example.org. A" {
			t.Errorf("only what is down: %s", got)
		}
		p.open("http://" + address + "/")
		p.follow(chromedp.SetValue(chromedp.ID("zone"), "example.net."), chromedp.Submit(chromedp.ID("filter")))
		if got := names(); !strings.Contains(got, "shop.example.net. A") || strings.Contains(got, "example.org") {
			t.Errorf("a zone: %s", got)
		}
	})
	t.Run("keyboard", func(t *testing.T) {
		p.t = t
		p.open("http://" + address + "/")
		var path []string
		for range 6 {
			p.run(chromedp.KeyEvent(kb.Tab))
			path = append(path, value[string](p, "document.activeElement.id || document.activeElement.textContent"))
			if outline := value[string](p, "getComputedStyle(document.activeElement).outlineStyle"); outline == "none" {
				t.Errorf("%s: nothing shows the focus", path[len(path)-1])
			}
		}
		if got := strings.Join(path, ", "); got != "Skip to the records, q, zone, down, Show, pause" {
			t.Errorf("tab goes to %s", got)
		}
		p.run(chromedp.KeyEvent(" "))
		if !value[bool](p, `document.getElementById("pause").getAttribute("aria-pressed") === "true"`) {
			t.Error("the space key does not pause")
		}
		before := p.asked()
		signs.Set(server.Pass, "api")
		server.AwaitDown(t, s, "db")
		if got := value[string](p, checkedRow+`.querySelector(".state").textContent`); got != "down" || p.asked() > before+1 {
			t.Errorf("while it pauses the page shows %s, after %d requests", got, p.asked()-before)
		}
		p.run(chromedp.KeyEvent(" "))
		p.await(checkedRow+`.querySelector(".state").textContent === "up"`, 30*time.Second)
		if got := value[string](p, "document.activeElement.id"); got != "pause" {
			t.Errorf("an update moved the focus to %s", got)
		}
	})
	t.Run("explanation", func(t *testing.T) {
		p.t = t
		p.open("http://" + address + "/")
		p.follow(chromedp.Click(chromedp.CSS(`a[href*="name=db.example.org"]`)))
		if got := value[string](p, `document.getElementById("explanation").innerText`); !strings.Contains(got, "198.51.100.2") || !strings.Contains(got, "503") {
			t.Errorf("the explanation lacks the answer or the reason:\n%s", got)
		}
		for _, scheme := range []string{"light", "dark"} {
			p.look(400, scheme)
			for _, problem := range value[[]string](p, strings.Replace(problems, "looked < 50", "looked < 20", 1)) {
				t.Error(scheme, problem)
			}
			keep(t, p, "explain-"+scheme+"-400.png")
		}
		p.look(1280, "light")
		keep(t, p, "explain-light-1280.png")
	})
	t.Run("without a script", func(t *testing.T) {
		p.t = t
		call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		p.open("http://" + address + "/?down=1")
		text, err := chromedp.Run(p, chromedp.Text(chromedp.ID("records")))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, "198.51.100.1") || strings.Contains(text, "shop") {
			t.Errorf("the page says %s", text)
		}
	})
	p.t = t
	p.check(address)
}

// keep keeps a picture of the page where the environment says, for people to look at.
func keep(t *testing.T, p *tab, name string) {
	t.Helper()
	dir := os.Getenv("PICTURES")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(p, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/"+name, picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
