package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// refusedTypes are the types that no record line can have, with the reason.
var refusedTypes = map[uint16]string{
	dns.TypeSOA:        "the SOA has a directive of its own: soa MNAME RNAME",
	dns.TypeDNAME:      "DNAME is not supported; write a wildcard CNAME, or the names themselves",
	dns.TypeRRSIG:      "signatures are made by the dnssec plugin",
	dns.TypeSIG:        "signatures are made by the dnssec plugin",
	dns.TypeNSEC:       "denials are made by the dnssec plugin",
	dns.TypeNSEC3:      "denials are made by the dnssec plugin",
	dns.TypeNSEC3PARAM: "denials are made by the dnssec plugin",
	dns.TypeNXT:        "denials are made by the dnssec plugin",
	dns.TypeDNSKEY:     "keys are given to the dnssec plugin",
	dns.TypeZONEMD:     "its digest holds the serial, which is made anew with every change of the zone",
	dns.TypeNULL:       "it has no form in zone files",
	dns.TypeNXNAME:     "it belongs to the denials that the dnssec plugin makes",
	dns.TypeANY:        "it is a question, not data",
	dns.TypeAXFR:       "it is a question, not data; zone transfers are the transfer plugin's",
	dns.TypeIXFR:       "it is a question, not data; zone transfers are the transfer plugin's",
	dns.TypeMAILA:      "it is a question, not data",
	dns.TypeMAILB:      "it is a question, not data",
	dns.TypeOPT:        "it belongs to messages, not to zones",
	dns.TypeTSIG:       "it belongs to messages, not to zones",
	dns.TypeTKEY:       "it belongs to messages, not to zones",
}

// parseRData reads the data of any type except A, AAAA and CNAME. It makes one record for each
// owner name.
func (rec *Record) parseRData(d *Directive, words []string) error {
	rrtype := dns.TypeToString[rec.rrtype]
	if why, ok := refusedTypes[rec.rrtype]; ok {
		return fmt.Errorf("%s: %s", rrtype, why)
	}
	if len(words) == 0 {
		return fmt.Errorf("%s: no data; write record NAME [TTL] %s and the data as in a zone file", rrtype, rrtype)
	}
	if slices.Contains(words, "") && !slices.Contains(typesWithText, rec.rrtype) {
		return fmt.Errorf("%s: %q has an empty word; is it an {$ENV} variable that is not set?", rrtype, words)
	}
	rec.rdata = words
	for _, owner := range rec.owners {
		rr, err := parseRR(rec.rrtype, words, owner, d.ZoneOf(owner), d.Index)
		if err != nil {
			return fmt.Errorf("%s: %w", rrtype, err)
		}
		rec.rrs = append(rec.rrs, rr)
	}
	return nil
}

// typesWithText are the types whose data may have an empty text.
var typesWithText = []uint16{dns.TypeTXT, dns.TypeHINFO, dns.TypeCAA, dns.TypeNAPTR, dns.TypeURI}

// parseRR reads the data of one record, as in a zone file.
func parseRR(rrtype uint16, rdata []string, owner, zone string, zones ZoneIndex) (dns.RR, error) {
	if rrtype == dns.TypeTXT {
		if len(rdata) != 1 {
			return nil, fmt.Errorf(`%q is %d words; a TXT record has one text: put it into quotes if it has spaces, write \" for a quote in it, and join the strings of a long one, which are made again at 255 octets`,
				strings.Join(rdata, " "), len(rdata))
		}
		octets, err := unescape(rdata[0])
		if err != nil {
			return nil, err
		}
		hdr := dns.RR_Header{Name: owner, Rrtype: dns.TypeTXT, Class: dns.ClassINET}
		return &dns.TXT{Hdr: hdr, Txt: characterStrings(octets)}, nil
	}
	text := zoneFileText(rrtype, rdata)
	if strings.ContainsAny(text, "\r\n") {
		return nil, fmt.Errorf("%q has a line break", text)
	}
	rr, err := parseZoneFileLine(owner, dns.TypeToString[rrtype], text)
	if err != nil {
		if slices.Contains(rdata, "ttl") {
			err = fmt.Errorf("%w; a TTL stands behind the name, or in a block", err)
		}
		return nil, err
	}
	if err := completeNames(rr, zone, zones); err != nil {
		return nil, err
	}
	if strings.Contains(rr.String(), relativeOrigin) {
		return nil, fmt.Errorf("%q has a name without its final dot", text)
	}
	wire := make([]byte, dns.Len(rr)+256)
	if _, err := dns.PackRR(rr, wire, 0, nil, false); err != nil {
		return nil, fmt.Errorf("%q does not fit a message: %w", text, err)
	}
	if err := validateRData(rr, rdata); err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	return rr, nil
}

// completeNames makes the relative names in a record's data fully qualified.
func completeNames(rr dns.RR, zone string, zones ZoneIndex) error {
	for _, name := range rdataNames(rr) {
		if err := validateASCII(strings.TrimSuffix(*name, "."+relativeOrigin)); err != nil {
			return err
		}
		relative, ok := strings.CutSuffix(*name, relativeOrigin)
		if !ok {
			*name = respell(*name)
			continue
		}
		if relative = strings.TrimSuffix(relative, "."); relative == "" {
			relative = "@"
		}
		full, err := FullName(relative, zone, zones)
		if err != nil {
			return err
		}
		*name = respell(full)
	}
	return nil
}

// respell returns a name in the spelling that names are compared in, but leaves the case of
// letters: an escape may stand for any octet, as \119 does for w.
func respell(name string) string {
	var wire [256]byte
	if !strings.Contains(name, `\`) {
		return name
	}
	if _, err := dns.PackDomainName(name, wire[:], 0, nil, false); err != nil {
		return name // packing the record reports the error
	}
	spelled, _, _ := dns.UnpackDomainName(wire[:], 0) // it was packed
	return spelled
}

// relativeOrigin is the origin that zone file lines are read with. A name below it was relative.
const relativeOrigin = "relative.roundrobin53.invalid."

// parseZoneFileLine reads a zone file line with one record.
func parseZoneFileLine(owner, rrtype, rdata string) (dns.RR, error) {
	line := fmt.Sprintf("%s 0 IN %s %s\n", owner, rrtype, rdata)
	parser := dns.NewZoneParser(strings.NewReader(line), relativeOrigin, "")
	rr, ok := parser.Next()
	if err := parser.Err(); err != nil {
		why, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "dns: "), " at line: ") // the position is of our own line
		return nil, fmt.Errorf("%q is not its data as in a zone file: %s", rdata, why)
	}
	if !ok {
		return nil, fmt.Errorf("%q is not its data as in a zone file", rdata)
	}
	return rr, nil
}

// quotedFields are the positions of fields that miekg/dns reads only in quotes.
var quotedFields = map[uint16][]int{
	dns.TypeNAPTR: {2, 3, 4},
	dns.TypeURI:   {2},
}

// zoneFileText joins words into a zone file line. Caddy has removed the quotes; words that need
// them get them back.
func zoneFileText(rrtype uint16, words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		spaces := word == "" || strings.ContainsAny(word, " \t\r\n")
		special := strings.ContainsAny(word, ";()") && !strings.Contains(word, `"`)
		if quoted[i] = word; spaces || special || slices.Contains(quotedFields[rrtype], i) {
			quoted[i] = `"` + strings.ReplaceAll(word, `"`, `\"`) + `"`
		}
	}
	return strings.Join(quoted, " ")
}

// unescape replaces escapes in a text: \DDD, the decimal number of an octet, and \ before any other
// character (RFC 1035 §5.1).
func unescape(text string) (string, error) {
	if !strings.Contains(text, `\`) {
		return text, nil
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		before, after, escaped := strings.Cut(rest, `\`)
		b.WriteString(before)
		if rest = after; !escaped {
			break
		}
		switch {
		case rest == "":
			return "", fmt.Errorf(`%q ends in an escape; a backslash is written \\`, text)
		case rest[0] < '0' || rest[0] > '9':
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		octet, err := strconv.ParseUint(rest[:min(3, len(rest))], 10, 8)
		if err != nil || len(rest) < 3 {
			return "", fmt.Errorf(`%q: %q is not the decimal number of an octet, from \000 to \255; a backslash is written \\`, text, `\`+rest[:min(3, len(rest))])
		}
		b.WriteByte(byte(octet))
		rest = rest[3:]
	}
	return b.String(), nil
}

// characterStrings cuts the text of a TXT record into strings of at most 255 octets (RFC 1035
// §3.3), escaped as miekg/dns keeps them.
func characterStrings(text string) []string {
	const most = 255
	var texts []string
	for first := true; first || text != ""; first = false {
		part := text[:min(most, len(text))]
		text = text[len(part):]
		var b strings.Builder
		for i := range len(part) {
			switch c := part[i]; {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c > '~':
				fmt.Fprintf(&b, `\%03d`, c)
			default:
				b.WriteByte(c)
			}
		}
		texts = append(texts, b.String())
	}
	return texts
}

// rdataNames returns the domain names in a record's data.
func rdataNames(rr dns.RR) []*string {
	switch rr := rr.(type) {
	case *dns.CNAME:
		return []*string{&rr.Target}
	case *dns.NS:
		return []*string{&rr.Ns}
	case *dns.MX:
		return []*string{&rr.Mx}
	case *dns.SRV:
		return []*string{&rr.Target}
	case *dns.PTR:
		return []*string{&rr.Ptr}
	case *dns.HTTPS:
		return []*string{&rr.Target}
	case *dns.SVCB:
		return []*string{&rr.Target}
	case *dns.NAPTR:
		return []*string{&rr.Replacement}
	case *dns.AFSDB:
		return []*string{&rr.Hostname}
	case *dns.KX:
		return []*string{&rr.Exchanger}
	case *dns.RP:
		return []*string{&rr.Mbox, &rr.Txt}
	}
	return nil
}
