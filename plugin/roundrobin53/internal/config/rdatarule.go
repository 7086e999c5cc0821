package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// validateRData returns an error if a record's data break a rule of its type that miekg/dns does
// not know: it takes any octets for a digest, for example. A resolver would call the whole answer
// malformed, or ignore the record.
func validateRData(rr dns.RR, words []string) error {
	switch rr := rr.(type) {
	case *dns.DS:
		return validateDS(rr)
	case *dns.DLV:
		return validateDS(&rr.DS)
	case *dns.TA:
		return validateDigest(rr.Digest, rr.DigestType, dsDigests)
	case *dns.CDS:
		return validateCDS(rr)
	case *dns.KEY:
		return validateKey(&rr.DNSKEY)
	case *dns.CDNSKEY:
		return validateCDNSKEY(rr)
	case *dns.SSHFP:
		return validateSSHFP(rr)
	case *dns.TLSA:
		return validateDigest(rr.Certificate, rr.MatchingType, certificateDigests)
	case *dns.SMIMEA:
		return validateDigest(rr.Certificate, rr.MatchingType, certificateDigests)
	case *dns.DHCID:
		return validateDHCID(rr)
	case *dns.CAA:
		return validateCAA(rr)
	case *dns.NAPTR:
		return validateNAPTR(rr)
	case *dns.LOC:
		return validateAltitude(words)
	case *dns.URI:
		if rr.Target == "" {
			return errors.New("the target is missing (RFC 7553)")
		}
	case *dns.SVCB:
		return validateService(rr)
	case *dns.HTTPS:
		return validateService(&rr.SVCB)
	}
	return nil
}

var (
	isWord     = regexp.MustCompile(`^[A-Za-z0-9]+$`).MatchString
	isIssuer   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`).MatchString
	isReportTo = regexp.MustCompile(`^(?i)(mailto:|https?://).`).MatchString
)

// validateCAA returns an error if an authority can't read the tag or value of a CAA record (RFC
// 8659 §4). Then it must not issue any certificate.
func validateCAA(caa *dns.CAA) error {
	if !isWord(caa.Tag) {
		return fmt.Errorf("%q is not a tag, which has letters and digits alone (RFC 8659)", caa.Tag)
	}
	switch strings.ToLower(caa.Tag) {
	case "issue", "issuewild":
		issuer, parameters, _ := strings.Cut(caa.Value, ";")
		if issuer = strings.Trim(issuer, " \t"); issuer != "" && !isIssuer(issuer) {
			return fmt.Errorf(`%q is not the domain name of an authority, as in ca.example.net; for none write ";" (RFC 8659)`, issuer)
		}
		for parameter := range strings.SplitSeq(parameters, ";") {
			if parameter = strings.Trim(parameter, " \t"); parameter != "" && !strings.Contains(parameter, "=") {
				return fmt.Errorf("%q is not a parameter, as in accounturi=https://ca.example.net/1 (RFC 8659)", parameter)
			}
		}
	case "iodef":
		if !isReportTo(caa.Value) {
			return fmt.Errorf("%q is not a URL of mailto, http or https (RFC 8659)", caa.Value)
		}
	}
	return nil
}

// validateAltitude returns an error if a LOC record can't hold its altitude (RFC 1876 §3).
// miekg/dns takes any number.
func validateAltitude(words []string) error {
	isLongitude := func(word string) bool { return strings.EqualFold(word, "E") || strings.EqualFold(word, "W") }
	text := words[slices.IndexFunc(words, isLongitude)+1] // it was read
	metres, err := strconv.ParseFloat(strings.TrimRight(text, "mM"), 64)
	const lowest, highest = -100_000, 42_849_672.95
	if err != nil || !(metres >= lowest && metres <= highest) { // false for what is not a number
		return fmt.Errorf("%q is not an altitude from -100000m to 42849672.95m (RFC 1876)", text)
	}
	return nil
}

// validateNAPTR returns an error if clients can't use a NAPTR record (RFC 3403 §4.1).
func validateNAPTR(naptr *dns.NAPTR) error {
	switch {
	case naptr.Flags != "" && !isWord(naptr.Flags):
		return fmt.Errorf("flags %q; flags are letters and digits (RFC 3403)", naptr.Flags)
	case naptr.Regexp != "" && naptr.Replacement != ".":
		return fmt.Errorf("it has the regular expression %q and the replacement %q; one of them is to be \"\" or . (RFC 3403)", naptr.Regexp, naptr.Replacement)
	case naptr.Regexp == "":
		return nil
	}
	text, err := unescape(naptr.Regexp)
	if err == nil && !isSubstitution(text) {
		err = fmt.Errorf("%q is not a substitution, as in !^.*$!sip:info@example.org! (RFC 3402)", naptr.Regexp)
	}
	return err
}

// isSubstitution reports whether a text is a regular expression and its replacement between
// delimiters, perhaps with the flag i (RFC 3402 §3.2).
func isSubstitution(text string) bool {
	delimiter := text[0]
	if delimiter == '\\' || delimiter == 'i' || '0' <= delimiter && delimiter <= '9' {
		return false
	}
	parts := 1
	rest := text[1:]
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case delimiter:
			if parts++; parts == 3 {
				flags := rest[i+1:]
				return flags == "" || flags == "i"
			}
		}
	}
	return false
}

// validateService returns an error if the parameters of an SVCB or HTTPS record do not fit together
// (RFC 9460). A client would ignore the record, or the whole RRset.
func validateService(rr *dns.SVCB) error {
	if rr.Priority == 0 {
		switch {
		case len(rr.Value) > 0:
			return fmt.Errorf("%s: priority 0 makes it an alias, whose parameters are ignored (RFC 9460)", rr.Value[0].Key())
		case strings.EqualFold(rr.Target, rr.Hdr.Name):
			return fmt.Errorf("priority 0 makes it an alias, and %s leads to itself (RFC 9460)", rr.Hdr.Name)
		}
		return nil
	}
	for _, param := range rr.Value {
		if err := validateServiceParam(rr, param); err != nil {
			return fmt.Errorf("%s: %w", param.Key(), err)
		}
	}
	return nil
}

func validateServiceParam(rr *dns.SVCB, param dns.SVCBKeyValue) error {
	has := func(key dns.SVCBKey) bool {
		return slices.ContainsFunc(rr.Value, func(other dns.SVCBKeyValue) bool { return other.Key() == key })
	}
	switch param := param.(type) {
	case *dns.SVCBMandatory:
		return validateMandatory(param, has)
	case *dns.SVCBAlpn:
		if len(param.Alpn) == 0 || slices.Contains(param.Alpn, "") {
			return errors.New("no protocol, as in alpn=h2 (RFC 9460)")
		}
	case *dns.SVCBNoDefaultAlpn:
		if !has(dns.SVCB_ALPN) {
			return errors.New("without alpn there is no protocol left (RFC 9460)")
		}
	case *dns.SVCBECHConfig:
		if len(param.ECH) == 0 {
			return errors.New("no configuration (RFC 9848)")
		}
	case *dns.SVCBDoHPath:
		if _, variables, _ := strings.Cut(param.Template, "{"); !strings.HasPrefix(param.Template, "/") || !strings.Contains(variables, "dns") {
			return fmt.Errorf("%q is not a path with the variable dns, as in /dns-query{?dns} (RFC 9461)", param.Template)
		}
	}
	return nil
}

// validateMandatory returns an error unless the record has each mandatory parameter, named once
// (RFC 9460 §8).
func validateMandatory(param *dns.SVCBMandatory, has func(dns.SVCBKey) bool) error {
	if len(param.Code) == 0 {
		return errors.New("no parameter is named (RFC 9460)")
	}
	for i, key := range param.Code {
		switch {
		case key == dns.SVCB_MANDATORY:
			return errors.New("it does not name itself (RFC 9460)")
		case slices.Contains(param.Code[:i], key):
			return fmt.Errorf("%s stands twice (RFC 9460)", key)
		case !has(key):
			return fmt.Errorf("%s is named, but the record does not have it (RFC 9460)", key)
		}
	}
	return nil
}

// mixesModes reports whether only some SVCB or HTTPS records of an RRset are aliases. Clients
// ignore the others (RFC 9460 §2.4.1).
func (rrset *RRset) mixesModes() bool {
	if rrset.Type != dns.TypeSVCB && rrset.Type != dns.TypeHTTPS {
		return false
	}
	isAlias := func(rr dns.RR) bool { return servicePriority(rr) == 0 }
	isOther := func(rr dns.RR) bool { return servicePriority(rr) > 0 }
	return slices.ContainsFunc(rrset.RRs, isAlias) && slices.ContainsFunc(rrset.RRs, isOther)
}

func servicePriority(rr dns.RR) uint16 {
	if https, ok := rr.(*dns.HTTPS); ok {
		return https.Priority
	}
	return rr.(*dns.SVCB).Priority
}
