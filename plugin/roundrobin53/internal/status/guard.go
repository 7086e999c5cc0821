package status

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// contentPolicy is the Content-Security-Policy of all that is sent: nothing comes from elsewhere, nothing
// inline runs, and no other page frames this one.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard lets only reading requests through that were made to this page, and not by a page of
// another site.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			header.Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "%.20q: this page is only read; the methods are GET and HEAD", r.Method)
		case !isOwnHost(r.Host):
			refuse(w, http.StatusForbidden, "%.100q is a foreign name; ask for this page by an address, or as localhost", r.Host)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isOwnHost reports whether a Host header is an address or localhost. A name of somebody's domain
// that leads here would let that domain's pages read this one (DNS rebinding). Without a header, as
// in the probes of some load balancers, the request comes from no browser.
func isOwnHost(host string) bool {
	if host == "" || strings.EqualFold(host, "localhost") {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil || strings.EqualFold(host, "localhost")
}

// refuse answers with a status and a sentence.
func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, format+"\n", args...) //nolint:gosec // plain text, and the browser is told not to take it for more
}
