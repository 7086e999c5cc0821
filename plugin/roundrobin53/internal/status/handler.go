package status

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// handler returns what answers the requests to the page.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", s.servePage)
	mux.HandleFunc("/status.json", s.serveJSON)
	mux.HandleFunc("/explain", s.serveExplain)
	mux.HandleFunc("/ready", s.serveReady)
	for name, kind := range map[string]string{"status.css": "text/css", "status.js": "text/javascript", "icon.svg": "image/svg+xml"} {
		mux.HandleFunc("/"+name, serveAsset(name, kind))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "%.100q is no page here; the pages are /, /status.json, /explain and /ready", r.URL.Path)
	})
	return guard(mux)
}

// serveAsset serves a file of the page.
func serveAsset(name, kind string) http.HandlerFunc {
	content, err := assets.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind+"; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}
}

// serveJSON serves the document.
func (s *Server) serveJSON(w http.ResponseWriter, r *http.Request) {
	sel := s.selected(w, r)
	if sel == nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = s.renders.document(w, sel.in, "/status.json?"+sel.values.Encode(), func(to io.Writer) error {
		v := view{sel.in.list(), time.Now()}
		return v.writeJSON(to, sel.in, &sel.filter)
	})
}

// A selection is the part of an instance that a request asks for.
type selection struct {
	in     *Instance
	values url.Values // of the query string
	filter
	page int
}

// selected reads the query string of a request, which may have some parameters more than those of a
// filter. It returns nil if it had to refuse the request.
func (s *Server) selected(w http.ResponseWriter, r *http.Request, more ...string) *selection {
	sel := &selection{in: s.shown.Load()}
	var err error
	if sel.values, err = readQuery(r.URL.RawQuery, slices.Concat(more, filterParameters)...); err == nil {
		sel.page, err = readPage(sel.values)
	}
	if err == nil {
		sel.filter, err = readFilter(sel.values)
	}
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "%v", err)
		return nil
	case sel.Zone != "" && !sel.in.hasZone(sel.Zone):
		sel.in.refuseName(w, sel.Zone)
		return nil
	case sel.View != "" && sel.in.refusesView(w, sel.View):
		return nil
	}
	return sel
}

// hasZone reports whether a block has a zone.
func (in *Instance) hasZone(name string) bool { return slices.Contains(in.zoneNames(), name) }

// zoneNames returns the zones of all blocks, each once.
func (in *Instance) zoneNames() []string {
	var names []string
	seen := make(map[string]bool)
	for _, b := range in.Blocks {
		for i := range b.Store.Zones {
			if name := b.Store.Zones[i].Name; !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// mostListed limits the zones, views or server blocks that a sentence lists.
const mostListed = 20

// listed lists texts in a sentence.
func listed(texts []string) string {
	list := strings.Join(texts[:min(len(texts), mostListed)], ", ")
	if more := len(texts) - mostListed; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// refuseName says that a name is not here, and which zones are.
func (in *Instance) refuseName(w http.ResponseWriter, name string) {
	refuse(w, http.StatusNotFound, "%.300q does not exist here; the zones are %s", name, listed(in.zoneNames()))
}

// refusesView says that no server block has a view, and which views there are. It returns false if
// one has it. The view of blocks without one is "".
func (in *Instance) refusesView(w http.ResponseWriter, view string) bool {
	var views []string
	for _, b := range in.Blocks {
		if b.View == view {
			return false
		}
		if text := strconv.Quote(b.View); !slices.Contains(views, text) {
			views = append(views, text)
		}
	}
	refuse(w, http.StatusNotFound, "no server block here has the view %.300q; the views are %s", view, listed(views))
	return true
}

// refusesServer says that no server block has a key, and which keys there are. It returns false if
// one has it.
func (in *Instance) refusesServer(w http.ResponseWriter, key string) bool {
	var keys []string
	for _, b := range in.Blocks {
		keys = append(keys, b.Keys...)
	}
	if slices.Contains(keys, key) {
		return false
	}
	slices.Sort(keys)
	refuse(w, http.StatusNotFound, "no server block here has the key %.300q; the keys are %s", key, listed(slices.Compact(keys)))
	return true
}

// validateName returns an error unless a name can be looked up.
func validateName(name string) error {
	if name == "" {
		return errors.New("no name; write name=NAME")
	}
	if _, ok := dns.IsDomainName(name); !ok {
		return fmt.Errorf("name: %.300q is not a domain name", name)
	}
	return nil
}
