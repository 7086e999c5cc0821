package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/explain"
	"github.com/roundrobin53/roundrobin53/plugin/roundrobin53/internal/record"
)

var explainTemplate = template.Must(template.New("explain.html").Funcs(template.FuncMap{"join": strings.Join}).ParseFS(assets, "explain.html"))

// A question names the answer to explain.
type question struct {
	Name   string
	Type   string
	Client string
	View   string
	Server string

	rrtype  uint16
	network netip.Prefix
}

// explanation holds the data of the template.
type explanation struct {
	question
	Types     []string
	Documents []*explain.Document // of the name, and of the targets of its CNAMEs
}

// commonTypes are the types that the page suggests.
var commonTypes = []string{"A", "AAAA", "CNAME", "MX", "TXT", "SRV", "HTTPS", "NS", "SOA"}

// readQuestion reads a question. If it names no client, whoever asks is the client.
func readQuestion(values url.Values, remote string) (question, error) {
	q := question{Name: fullName(values.Get("name")), Type: strings.ToUpper(values.Get("type")), Client: values.Get("client"), View: values.Get("view"), Server: values.Get("server")}
	if err := validateName(q.Name); err != nil {
		return q, err
	}
	if q.Type == "" {
		q.Type = "A"
	}
	var ok bool
	if q.rrtype, ok = dns.StringToType[q.Type]; !ok {
		return q, fmt.Errorf("type: %.50q is not a type of records; write A, AAAA, CNAME …", values.Get("type"))
	}
	if q.Client == "" {
		if from, err := netip.ParseAddrPort(remote); err == nil {
			q.Client = from.Addr().Unmap().String()
		}
	}
	if addr, err := netip.ParseAddr(q.Client); err == nil && addr.Zone() == "" {
		q.network = netip.PrefixFrom(addr, addr.BitLen())
		return q, nil
	}
	var err error
	if q.network, err = netip.ParsePrefix(q.Client); err != nil {
		return q, fmt.Errorf("client: %.50q is neither an address nor a network; write 192.0.2.1 or, for EDNS Client Subnet, 192.0.2.0/24", q.Client)
	}
	q.network = q.network.Masked()
	return q, nil
}

// blocks returns the server blocks that a question is about: those with a zone of the name.
func (q *question) blocks(in *Instance) []*Block {
	var found []*Block
	for _, b := range in.Blocks {
		result := b.Store.Table.Lookup(q.Name, q.rrtype)
		if result.Kind == record.Outside || q.View != "" && q.View != b.View || q.Server != "" && !slices.Contains(b.Keys, q.Server) {
			continue
		}
		found = append(found, b)
	}
	return found
}

// serveExplain explains what a client would get for a name next.
func (s *Server) serveExplain(w http.ResponseWriter, r *http.Request) {
	values, err := readQuery(r.URL.RawQuery, "name", "type", "client", "view", "server")
	var q question
	if err == nil {
		q, err = readQuestion(values, r.RemoteAddr)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	in := s.shown.Load()
	blocks := q.blocks(in)
	switch {
	case q.View != "" && in.refusesView(w, q.View), q.Server != "" && in.refusesServer(w, q.Server): // said
	case len(blocks) == 0:
		in.refuseName(w, q.Name)
	case len(blocks) > 1:
		refuse(w, http.StatusBadRequest, "several server blocks have %s; choose one with view=VIEW or server=KEY: %s", q.Name, choices(blocks))
	default:
		writeExplanation(w, r.Header.Get("Accept"), &q, blocks[0].Explain(q.Name, q.rrtype, q.network))
	}
}

// choices lists server blocks with what tells them apart.
func choices(blocks []*Block) string {
	texts := make([]string, len(blocks))
	for i, b := range blocks {
		texts[i] = fmt.Sprintf("view=%s of server=%s", b.View, b.Keys[0])
	}
	return strings.Join(texts, ", ")
}

// writeExplanation writes a document in the form that was asked for.
func writeExplanation(w http.ResponseWriter, accept string, q *question, d *explain.Document) {
	w.Header().Set("Vary", "Accept")
	switch preferred(accept, "text/plain", "text/html", "application/json") {
	case "text/html":
		shown := explanation{question: *q, Types: commonTypes}
		for ; d != nil; d = d.Next {
			shown.Documents = append(shown.Documents, d)
		}
		var body bytes.Buffer
		if err := explainTemplate.Execute(&body, shown); err != nil {
			refuse(w, http.StatusInternalServerError, "%v", err)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(body.Bytes())
	case "application/json":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(d) // whoever asked has gone
	default:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte(d.Text()))
	}
}

// preferred returns which of some media types an Accept header prefers, the first of them if it says
// nothing of them (RFC 9110 §12.5.1).
func preferred(accept string, types ...string) string {
	best, most := types[0], 0.0
	for part := range strings.SplitSeq(accept, ",") {
		media, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
		quality := 1.0
		for parameter := range strings.SplitSeq(parameters, ";") {
			if text, ok := strings.CutPrefix(strings.TrimSpace(parameter), "q="); ok {
				quality, _ = strconv.ParseFloat(text, 64)
			}
		}
		if media = strings.ToLower(strings.TrimSpace(media)); slices.Contains(types, media) && quality > most {
			best, most = media, quality
		}
	}
	return best
}
