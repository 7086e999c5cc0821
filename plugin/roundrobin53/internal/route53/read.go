package route53

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// document is one JSON object of a file.
type document struct {
	sets      []*recordSet
	truncated bool
}

// input collects what the files have.
type input struct {
	documents []*document
	changes   []*change
	checks    map[string]*healthCheck
	blocks    []cidrBlock
	hosted    []*hostedZone
}

// change is an element of a change batch.
type change struct {
	Action            string
	ResourceRecordSet json.RawMessage
	set               *recordSet
}

type cidrBlock struct {
	CidrBlock, LocationName string
	at                      place
}

type hostedZone struct{ Name string }

// kinds are the keys of a document, each with what reads its value. Keys without one are known, and
// say nothing of what is answered.
var kinds map[string]func(*reader, *document) error

func init() { // not a literal, because document looks keys up here
	kinds = map[string]func(*reader, *document) error{
		"ResourceRecordSets": (*reader).recordSets, "HealthChecks": (*reader).healthChecks, "HealthCheck": (*reader).healthCheck,
		"CidrBlocks": (*reader).cidrBlocks, "HostedZones": (*reader).hostedZones, "HostedZone": (*reader).hostedZone,
		"Changes": (*reader).changes, "ChangeBatch": (*reader).document, "IsTruncated": (*reader).isTruncated, "NextToken": (*reader).nextToken,
		"MaxItems": nil, "Marker": nil, "NextMarker": nil, "NextRecordName": nil, "NextRecordType": nil, "NextRecordIdentifier": nil,
		"Comment": nil, "HostedZoneId": nil, "DelegationSet": nil, "VPCs": nil, "ResponseMetadata": nil,
	}
}

const kindNames = "ResourceRecordSets, HealthChecks, CidrBlocks, HostedZone and Changes"

// reader reads the documents of a file.
type reader struct {
	*input
	file *File
	dec  *json.Decoder
}

// read reads the documents of a file, which follow one another.
func (in *input) read(file *File) error {
	if err := readable(file, "JSON is UTF-8"); err != nil {
		return err
	}
	r := &reader{in, file, json.NewDecoder(bytes.NewReader(file.Data))}
	for n := 0; ; n++ {
		if !r.dec.More() {
			if n == 0 {
				return r.here().errorf("no JSON object; the AWS CLI prints one with --output json")
			}
			if _, err := r.dec.Token(); err != nil && !errors.Is(err, io.EOF) {
				return r.wrap(err)
			}
			return nil
		}
		doc := new(document)
		in.documents = append(in.documents, doc)
		if err := r.document(doc); err != nil {
			return err
		}
	}
}

// readable cuts the mark off that some editors put before a text. It returns an error for UTF-16. Want
// says what is read instead.
func readable(file *File, want string) error {
	if bytes.HasPrefix(file.Data, []byte("\xff\xfe")) || bytes.HasPrefix(file.Data, []byte("\xfe\xff")) {
		return place{file, 0}.errorf("the file is UTF-16, as PowerShell writes it; %s", want)
	}
	file.Data = bytes.TrimPrefix(file.Data, []byte("\xef\xbb\xbf"))
	return nil
}

func (r *reader) here() place { return place{r.file, r.dec.InputOffset()} }

// wrap gives an error of the decoder a position.
func (r *reader) wrap(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return place{r.file, int64(len(r.file.Data))}.errorf("the JSON ends too early")
	}
	hint := ""
	if text := bytes.TrimSpace(r.file.Data); len(text) > 0 && strings.IndexByte("$;@", text[0]) >= 0 {
		hint = "; coredns import zone ORIGIN FILE reads zone files"
	}
	return r.here().errorf("not JSON: %s%s", strings.TrimPrefix(err.Error(), "json: "), hint)
}

// open reads a delimiter.
func (r *reader) open(delim json.Delim) error {
	at := r.here()
	token, err := r.dec.Token()
	switch {
	case err != nil:
		return r.wrap(err)
	case token == json.Delim('[') && delim == '{':
		return at.errorf("%s is expected; print the whole object, without --query", delim)
	case token != delim:
		return at.errorf("%s is expected", delim)
	}
	return nil
}

// document reads an object, the whole one or a change batch in it.
func (r *reader) document(doc *document) error {
	if err := r.open('{'); err != nil {
		return err
	}
	for known := 0; r.dec.More(); known++ {
		at := r.here()
		token, err := r.dec.Token()
		if err != nil {
			return r.wrap(err)
		}
		key, _ := token.(string)
		read, ok := kinds[key]
		switch {
		case !ok:
			return at.errorf("not a key that is known here; the objects that are read have %s", kindNames)
		case read == nil:
			_, _, err = r.element()
		default:
			err = read(r, doc)
		}
		if err != nil {
			return err
		}
	}
	_, err := r.dec.Token()
	if err != nil {
		return r.wrap(err)
	}
	return nil
}

// element reads a value of any kind.
func (r *reader) element() (json.RawMessage, place, error) {
	var raw json.RawMessage
	if err := r.dec.Decode(&raw); err != nil {
		return nil, place{}, r.wrap(err)
	}
	return raw, place{r.file, r.dec.InputOffset() - int64(len(raw))}, nil
}

// each reads the elements of an array.
func (r *reader) each(read func(raw json.RawMessage, at place) error) error {
	if err := r.open('['); err != nil {
		return err
	}
	for r.dec.More() {
		raw, at, err := r.element()
		if err == nil {
			err = read(raw, at)
		}
		if err != nil {
			return err
		}
	}
	if _, err := r.dec.Token(); err != nil {
		return r.wrap(err)
	}
	return nil
}

func (r *reader) recordSets(doc *document) error {
	return r.each(func(raw json.RawMessage, at place) error {
		rs, err := decodeRecordSet(raw, at)
		doc.sets = append(doc.sets, rs)
		return err
	})
}

func decodeRecordSet(raw json.RawMessage, at place) (*recordSet, error) {
	rs := &recordSet{at: at}
	var err error
	if rs.unknown, err = decode(raw, at, rs); err != nil {
		return nil, err
	}
	if rs.Name == "" || rs.Type == "" {
		return nil, at.errorf("a record set needs Name and Type")
	}
	if rs.name, err = corefileName(rs.Name); err != nil {
		return nil, at.errorf("Name: %w", err)
	}
	rs.Type = strings.ToUpper(rs.Type)
	return rs, nil
}

// raw is the text of a record set, without what this package adds.
func (rs *recordSet) raw() string {
	text, _ := json.Marshal(rs) // of what came from JSON
	return string(text)
}

// isWord matches what AWS makes identifiers and names of locations of. They become words of the Corefile.
var isWord = regexp.MustCompile(`^[0-9A-Za-z_-]+$`).MatchString

func (r *reader) cidrBlocks(*document) error {
	return r.each(func(raw json.RawMessage, at place) error {
		block := cidrBlock{at: at}
		if _, err := decode(raw, at, &block); err != nil {
			return err
		}
		if block.CidrBlock == "" || block.LocationName == "" {
			return at.errorf("a CIDR block needs CidrBlock and LocationName")
		}
		prefix, err := netip.ParsePrefix(block.CidrBlock)
		if err != nil || prefix != prefix.Masked() {
			return at.errorf("CidrBlock %s is not a network, as in 192.0.2.0/24", quoted(block.CidrBlock))
		}
		if !isWord(block.LocationName) {
			return at.errorf("LocationName %s is not a word of letters, digits, hyphens and underscores", quoted(block.LocationName))
		}
		r.blocks = append(r.blocks, block)
		return nil
	})
}

func (r *reader) hostedZones(*document) error {
	return r.each(r.addHostedZone)
}

func (r *reader) hostedZone(*document) error {
	raw, at, err := r.element()
	if err != nil {
		return err
	}
	return r.addHostedZone(raw, at)
}

func (r *reader) addHostedZone(raw json.RawMessage, at place) error {
	zone := new(hostedZone)
	if _, err := decode(raw, at, zone); err != nil {
		return err
	}
	if zone.Name == "" {
		return at.errorf("a hosted zone needs Name")
	}
	r.hosted = append(r.hosted, zone)
	return nil
}

func (r *reader) changes(*document) error {
	return r.each(func(raw json.RawMessage, at place) error {
		c := new(change)
		if _, err := decode(raw, at, c); err != nil {
			return err
		}
		if !slices.Contains([]string{"CREATE", "UPSERT", "DELETE"}, c.Action) {
			return at.errorf("Action %s is none of CREATE, UPSERT and DELETE", quoted(c.Action))
		}
		var err error
		c.set, err = decodeRecordSet(c.ResourceRecordSet, at)
		r.input.changes = append(r.input.changes, c)
		return err
	})
}

func (r *reader) isTruncated(doc *document) error {
	raw, _, err := r.element()
	doc.truncated = doc.truncated || string(raw) == "true"
	return err
}

func (r *reader) nextToken(doc *document) error {
	raw, _, err := r.element()
	doc.truncated = doc.truncated || string(raw) != "null"
	return err
}
