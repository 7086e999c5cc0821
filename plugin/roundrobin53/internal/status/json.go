package status

import (
	"encoding/json"
	"io"
	"slices"
	"time"
)

// writeJSON writes the document with the RRsets that a filter shows, piece by piece.
func (v *view) writeJSON(w io.Writer, in *Instance, f *filter) error {
	j := jsonWriter{w: w}
	j.open(head{Version: Version, Time: v.now.UTC(), Instance: in.running(), Zones: []Zone{}})
	var s *summary
	if f.Down {
		s = v.summarize()
	}
	at := -1
	for i := range f.among(v, s) {
		e := &v.entries[i]
		for at < e.zone {
			at++
			j.zone(v, f, at)
		}
		j.element(v.rrset(e))
	}
	for at++; at < len(v.zones); at++ {
		j.zone(v, f, at)
	}
	j.end(v.lookups(in))
	return j.err
}

// running tells what runs.
func (in *Instance) running() Running {
	return Running{in.Started.UTC(), in.Corefile, in.CoreDNS, in.Roundrobin53}
}

// A jsonWriter writes a document whose lists are too long to be held. The first error stays.
type jsonWriter struct {
	w      io.Writer
	zones  int
	rrsets int
	err    error
}

func (j *jsonWriter) write(text []byte) {
	if j.err == nil {
		_, j.err = j.w.Write(text)
	}
}

// marshal returns a value as JSON, without the end of the object and of the empty list at its end.
func (j *jsonWriter) marshal(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil && j.err == nil {
		j.err = err
	}
	return text
}

// opened returns an object as JSON up to the list at its end, which is empty.
func (j *jsonWriter) opened(value any) []byte {
	text := j.marshal(value)
	return text[:max(0, len(text)-len("]}"))]
}

// A head holds the fields that a document begins with.
type head struct {
	Version  int       `json:"version"`
	Time     time.Time `json:"time"`
	Instance Running   `json:"instance"`
	Zones    []Zone    `json:"zones"`
}

func (j *jsonWriter) open(h head) { j.write(j.opened(h)) }

// zone begins a zone, unless the filter does not show it.
func (j *jsonWriter) zone(v *view, f *filter, number int) {
	z := &v.zones[number]
	if f.Zone != "" && f.Zone != z.Name || f.View != "" && f.View != z.block.View {
		return
	}
	j.endZone()
	if j.zones++; j.zones > 1 {
		j.write([]byte(","))
	}
	j.rrsets = 0
	j.write(j.opened(z.shown()))
}

func (j *jsonWriter) endZone() {
	if j.zones > 0 {
		j.write([]byte("]}"))
	}
}

func (j *jsonWriter) element(rrset RRset) {
	if j.rrsets++; j.rrsets > 1 {
		j.write([]byte(","))
	}
	j.write(j.marshal(rrset))
}

func (j *jsonWriter) end(lookups []Lookup) {
	j.endZone()
	j.write([]byte(`],"lookups":`))
	j.write(j.marshal(lookups))
	j.write([]byte("}\n"))
}

// shown shows a zone without its RRsets.
func (z *zone) shown() Zone {
	bind := slices.DeleteFunc(slices.Clone(z.block.Bind), func(address string) bool { return address == "" })
	return Zone{Zone: z.Name, View: z.block.View, Server: z.server, Bind: append([]string{}, bind...), Serial: z.Serial, Overlay: z.Overlay, RRsets: []RRset{}}
}
