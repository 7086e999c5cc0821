package status

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html explain.html status.css status.js icon.svg
var assets embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"age": ageText, "count": countText, "join": strings.Join, "percent": percent, "stamp": stampText, "words": stateWords,
}).ParseFS(assets, "page.html"))

// Bounds of one page: people don't read further, and browsers stay quick.
const (
	rrsetsPerPage   = 50
	valuesPerRRset  = 40
	mostZoneOptions = 500
)

// A page holds the data of the template.
type page struct {
	Running
	Now      time.Time
	Summary  *summary
	Filter   filter
	Zones    []string // to choose among; none if they are too many
	Sections []section
	Found    int // RRsets
	Number   int // of the page
	Last     int
	query    url.Values
}

// A section is the RRsets of a zone of a server block that are on the page.
type section struct {
	Zone
	Number int // of the zone
	Shown  []shownRRset
}

// A shownRRset is an RRset as people see it.
type shownRRset struct {
	RRset
	Number     int // of the entry
	Shown      []Value
	More       int // values that are left out
	Names      []Lookup
	MoreNames  int // names that are left out
	HasChecks  bool
	HasOptions bool
	HasGiven   bool
	IsChosen   bool // values have states and shares
}

// page makes a page.
func (v *view) page(in *Instance, f *filter, number int, query url.Values) *page {
	p := &page{Running: in.running(), Now: v.now, Summary: v.summarize(), Filter: *f, Number: number, query: query}
	if zones := in.zoneNames(); len(zones) <= mostZoneOptions {
		p.Zones = zones
	}
	first := (number - 1) * rrsetsPerPage
	for i := range f.among(v, p.Summary) {
		if p.Found >= first && p.Found < first+rrsetsPerPage {
			p.add(v, i)
		}
		if p.Found++; f.isAll() && p.Found == first+rrsetsPerPage {
			p.Found = len(v.entries)
			break
		}
	}
	p.Last = max(1, (p.Found+rrsetsPerPage-1)/rrsetsPerPage)
	return p
}

// isAll reports whether the filter shows all RRsets.
func (f *filter) isAll() bool { return *f == filter{} }

// add adds an entry to the page.
func (p *page) add(v *view, number int) {
	e := &v.entries[number]
	if n := len(p.Sections); n == 0 || p.Sections[n-1].Number != e.zone {
		p.Sections = append(p.Sections, section{Zone: v.zones[e.zone].shown(), Number: e.zone})
	}
	shown := shownRRset{RRset: v.rrset(e), Number: number}
	shown.IsChosen = shown.Order != ""
	for i := range shown.Values {
		value := &shown.Values[i]
		shown.HasChecks = shown.HasChecks || len(value.Checks) > 0
		shown.HasOptions = shown.HasOptions || value.HasOptions()
		shown.HasGiven = shown.HasGiven || value.FirstPicks != nil
	}
	shown.Shown = shown.Values
	if shown.More = len(shown.Values) - valuesPerRRset; shown.More > 0 {
		slices.SortStableFunc(shown.Shown, func(a, b Value) int { return rank(a.State) - rank(b.State) })
		shown.Shown = shown.Shown[:valuesPerRRset]
	}
	shown.Names = v.names(e)
	if shown.MoreNames = len(shown.Names) - valuesPerRRset; shown.MoreNames > 0 {
		shown.Names = shown.Names[:valuesPerRRset]
	}
	last := &p.Sections[len(p.Sections)-1]
	last.Shown = append(last.Shown, shown)
}

// rank orders states by how much they matter to whoever looks.
func rank(s State) int { return slices.Index([]State{Down, Unknown, Drained, Up}, s) }

// HasOptions reports whether the line of a value says more than the value.
func (v *Value) HasOptions() bool { return v.Options() != "" }

// Options writes the options of a value as in the Corefile.
func (v *Value) Options() string {
	var words []string
	if v.Weight != 1 {
		words = append(words, "weight "+strconv.Itoa(v.Weight))
	}
	if v.Priority != 1 {
		words = append(words, "priority "+strconv.Itoa(v.Priority))
	}
	if len(v.From) > 0 {
		words = append(words, "from "+strings.Join(v.From, " "))
	}
	if len(v.Geo) > 0 {
		words = append(words, "geo "+strings.Join(v.Geo, " "))
	}
	if v.At != "" {
		words = append(words, "at "+v.At)
	}
	return strings.Join(words, " ")
}

// AnswersText says how many values an answer has.
func (r *RRset) AnswersText() string {
	switch {
	case r.ByLine:
		return "one line"
	case r.Answers == 0:
		return "all"
	}
	return strconv.Itoa(r.Answers)
}

// Link returns the query string of another page with the same filter.
func (p *page) Link(number int) string {
	query := maps.Clone(p.query)
	query.Set("page", strconv.Itoa(number))
	return "?" + query.Encode()
}

// Explain returns the query string that explains an RRset.
func (s section) Explain(r shownRRset) string {
	query := url.Values{"name": {r.Name}, "type": {r.Type}}
	if s.View != "" {
		query.Set("view", s.View)
	}
	if server, _, _ := strings.Cut(s.Server, " "); server != "" {
		query.Set("server", server)
	}
	return "?" + query.Encode()
}

// Before and After return the numbers of the pages beside this one, 0 if there is none.
func (p *page) Before() int { return min(p.Number-1, p.Last) }

// After returns the number of the next page, 0 if there is none.
func (p *page) After() int {
	if p.Number >= p.Last {
		return 0
	}
	return p.Number + 1
}

// Headline says in a sentence how things are.
func (p *page) Headline() string {
	s := p.Summary
	if s.Down+s.FailOpen+s.NoData == 0 {
		return "No value is down."
	}
	text := countText(s.Down, "value is down", "values are down")
	if s.FailOpen > 0 {
		text += "; " + countText(s.FailOpen, "RRset fails open", "RRsets fail open")
	}
	if s.NoData > 0 {
		text += "; " + countText(s.NoData, "RRset has", "RRsets have") + " clients without an answer"
	}
	return text + "."
}

// countText returns a number with its noun.
func countText(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// stateWords are the states in words.
func stateWords(s State) string {
	switch s {
	case FailOpen:
		return "fails open"
	case NoData:
		return "no answer"
	}
	return string(s)
}

// stampText writes a time for machines.
func stampText(t *time.Time) string { return t.UTC().Format(time.RFC3339) }

// ageText writes how long ago a time is.
func ageText(now time.Time, then *time.Time) string {
	switch d := now.Sub(*then); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(max(0, d).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	}
}

// servePage serves the page.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	sel := s.selected(w, r, "page")
	if sel == nil {
		return
	}
	body, err := s.renders.page(sel.in, "/?"+sel.values.Encode(), func() ([]byte, error) {
		v := view{sel.in.list(), time.Now()}
		var body bytes.Buffer
		err := pageTemplate.Execute(&body, v.page(sel.in, &sel.filter, sel.page, sel.values))
		return body.Bytes(), err
	})
	if err != nil {
		refuse(w, http.StatusInternalServerError, "%v", err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// Short returns a position without the directory of the Corefile, which the page has at its top.
func (p *page) Short(source string) string {
	return strings.TrimPrefix(source, filepath.Dir(p.Corefile)+string(filepath.Separator))
}

// StartedAt returns when the instance started.
func (p *page) StartedAt() *time.Time { return &p.Started }

// NowAt returns when the page was made.
func (p *page) NowAt() *time.Time { return &p.Now }
