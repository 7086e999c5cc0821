package route53

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// File is a file that the AWS CLI has printed.
type File struct {
	Name string
	Data []byte
}

// place is a position in a file.
type place struct {
	file   *File
	offset int64
}

// InputError is an error about what a file has at some place.
type InputError struct {
	place
	err error
}

var _ error = (*InputError)(nil)

// Error implements error. It names file and offset, and quotes what stands there.
func (e *InputError) Error() string {
	data := e.file.Data
	offset := min(max(e.offset, 0), int64(len(data)))
	rest := bytes.TrimLeft(data[offset:], " \t\r\n,:")
	offset = int64(len(data) - len(rest))
	line := 1 + bytes.Count(data[:offset], []byte("\n"))
	const most = 40 // octets that are quoted
	read := "the end of the file"
	if len(rest) > 0 {
		read = quoted(string(rest[:min(most, len(rest))]))
	}
	return fmt.Sprintf("%s: offset %d, line %d: %s: %v", e.file.Name, offset, line, read, e.err)
}

// Unwrap returns the error without its position.
func (e *InputError) Unwrap() error { return e.err }

func (p place) errorf(format string, args ...any) error {
	return &InputError{p, fmt.Errorf(format, args...)}
}

// quoted writes a text of the input so that it fits a line.
func quoted(text string) string { return strconv.Quote(text) }

// decode reads an object into a struct. It returns the fields that the struct lacks.
func decode(raw json.RawMessage, at place, into any) (unknown []string, err error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err = dec.Decode(into); err == nil {
		return nil, nil
	}
	if text, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name, _ := strconv.Unquote(text)
		unknown = append(unknown, name)
		err = json.Unmarshal(raw, into)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at.offset += startOfValue(raw, wrong.Offset)
		return nil, at.errorf("%s is a %s, and %s is expected", wrong.Field, wrong.Value, typeName(wrong.Type.Kind().String()))
	}
	if err != nil {
		return nil, at.errorf("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return unknown, nil
}

// startOfValue returns where the value begins that ends at an offset.
func startOfValue(raw json.RawMessage, end int64) int64 {
	text := raw[:min(max(end, 1), int64(len(raw)))-1]
	if raw[len(text)] == '"' {
		return int64(max(0, bytes.LastIndexByte(text, '"')))
	}
	return int64(bytes.LastIndexAny(text, " ,:[{\n") + 1)
}

func typeName(kind string) string {
	switch kind {
	case "struct", "map":
		return "an object"
	case "slice":
		return "an array"
	case "bool":
		return "true or false"
	case "string":
		return "a string"
	}
	return "a whole number"
}
