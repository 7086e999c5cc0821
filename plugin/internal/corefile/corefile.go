// Package corefile tells whether the Corefile in force is still the one on disk.
package corefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
)

// A Copy remembers the text of a Corefile that was read.
type Copy struct {
	path string
	read func(path string, text []byte) ([sha256.Size]byte, error)
	sum  [sha256.Size]byte
}

// Remember returns a copy of a Corefile that is in force. It is nil if the Corefile is not a file, as where it comes through
// standard input.
//
// Like the plugin reload, a copy takes the files into account that the Corefile imports. They are read again each time that
// somebody asks, which takes 1 ms for some 1,000 lines. Without imports, a copy covers the Corefile's own text alone.
func Remember(input caddy.Input, imports bool) *Copy {
	info, err := os.Stat(input.Path())
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	c := &Copy{path: input.Path(), read: sumOfText}
	if imports {
		c.read = sumOfWords
	}
	if c.sum, err = c.read(c.path, input.Body()); err != nil {
		return nil
	}
	return c
}

// IsOutdated reports whether a reload now would read something else: the Corefile or a file that it imports has changed,
// has gone, or can't be read.
func (c *Copy) IsOutdated() bool {
	if c == nil {
		return false
	}
	text, err := os.ReadFile(c.path)
	if err != nil {
		return true
	}
	sum, err := c.read(c.path, text)
	return err != nil || sum != c.sum
}

func sumOfText(_ string, text []byte) ([sha256.Size]byte, error) { return sha256.Sum256(text), nil }

// sumOfWords returns the sum of the words of a Corefile and of what it imports, with their files and lines.
func sumOfWords(path string, text []byte) (sum [sha256.Size]byte, err error) {
	blocks, err := caddyfile.Parse(path, bytes.NewReader(text), nil)
	if err != nil {
		return sum, err
	}
	hash := sha256.New()
	err = json.NewEncoder(hash).Encode(blocks) // cannot fail for strings and numbers
	hash.Sum(sum[:0])
	return sum, err
}
