package status

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	values, err := readQuery(r.URL.RawQuery, filterParameters...)
	var f filter
	if err == nil {
		f, err = readFilter(values)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	in := s.shown.Load()
	if f.Zone != "" && !in.hasZone(f.Zone) {
		in.refuseName(w, f.Zone)
		return
	}
	defer s.renders.take()()
	w.Header().Set("Content-Type", "application/json")
	v := view{in.list(), time.Now()}
	y := yielder{Writer: w, renders: &s.renders}
	if v.writeJSON(&y, in, &f) == nil { // else whoever asked has gone
		_ = y.flush()
	}
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

// mostZones limits the zones that a sentence lists.
const mostZones = 20

// refuseName says that a name is not here, and which zones are.
func (in *Instance) refuseName(w http.ResponseWriter, name string) {
	zones := in.zoneNames()
	list := strings.Join(zones[:min(len(zones), mostZones)], ", ")
	if more := len(zones) - mostZones; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	refuse(w, http.StatusNotFound, "%.300q does not exist here; the zones are %s", name, list)
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
