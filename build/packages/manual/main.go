// Command manual makes manual pages of the READMEs: of the repository's, which is that of roundrobin53, and of those of
// other plugins in plugin/, as CoreDNS makes its own, by mmark.
//
//	go -C build/packages run ./manual -root ../.. -o ../../dist/man -created 1700000000
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/gomarkdown/markdown"
	"github.com/gomarkdown/markdown/parser"
	"github.com/mmarkdown/mmark/v2/lang"
	"github.com/mmarkdown/mmark/v2/mparser"
	"github.com/mmarkdown/mmark/v2/render/man"
)

// first is the plugin that the repository's README is of.
const first = "roundrobin53"

func main() {
	log.SetFlags(0)
	log.SetPrefix("manual: ")
	root := flag.String("root", "../..", "`directory` of the repository")
	out := flag.String("o", "", "`directory` to write to")
	created := flag.Int64("created", 0, "time of the release in `seconds` since 1970")
	flag.Parse()
	if err := run(*root, *out, time.Unix(*created, 0).UTC()); err != nil {
		log.Fatal(err)
	}
}

// run writes one page for each README.
func run(root, out string, created time.Time) error {
	readmes, err := filepath.Glob(filepath.Join(root, "plugin", "*", "README.md"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // for everyone to read
		return err
	}
	for _, readme := range append(readmes, filepath.Join(root, "README.md")) {
		plugin := filepath.Base(filepath.Dir(readme))
		if readme == filepath.Join(root, "README.md") {
			plugin = first
		}
		text, err := os.ReadFile(readme)
		if err != nil {
			return err
		}
		page := filepath.Join(out, "coredns-"+plugin+".7")
		if err := os.WriteFile(page, render(plugin, text, created), 0o644); err != nil { //nolint:gosec // for everyone to read
			return err
		}
	}
	return nil
}

// title is the head of a page in mmark's Markdown. The README's own is in the line that names the page.
const title = `%%%%%%
title = "coredns-%s 7"
area = "CoreDNS"
workgroup = "CoreDNS Plugins"
date = %s
%%%%%%

`

var heading = regexp.MustCompile(`(?m)^# .*$`)

// render is the page of a plugin.
func render(plugin string, readme []byte, created time.Time) []byte {
	text := append(fmt.Appendf(nil, title, plugin, created.Format(time.RFC3339)), replaceFirst(heading, readme)...)
	text = hideBackslashes(text)
	p := parser.NewWithExtensions(mparser.Extensions | parser.NoIntraEmphasis)
	p.Opts = parser.Options{ParserHook: mparser.Hook}
	page := markdown.Render(markdown.Parse(markdown.NormalizeNewlines(text), p), man.NewRenderer(man.RendererOptions{Language: lang.New("en")}))
	return bytes.ReplaceAll(tables(headings(page)), []byte(backslash), []byte(`\e`))
}

// backslash stands for a backslash in code while mmark renders, which leaves it as it is: to troff it begins an escape.
const backslash = "\uE000"

var code = regexp.MustCompile("`[^`\n]+`")

// hideBackslashes puts backslash in place of backslashes in code within lines.
func hideBackslashes(text []byte) []byte {
	return code.ReplaceAllFunc(text, func(span []byte) []byte {
		return bytes.ReplaceAll(span, []byte(`\`), []byte(backslash))
	})
}

// replaceFirst takes the first match out of a text: a "# comment" in a later code block stays.
func replaceFirst(pattern *regexp.Regexp, text []byte) []byte {
	place := pattern.FindIndex(text)
	if place == nil {
		return text
	}
	return append(text[:place[0]:place[0]], text[place[1]:]...)
}

var (
	section = regexp.MustCompile(`(?m)^\.S[HS] .*$`)
	font    = regexp.MustCompile(`\\f[BCIPR]`)
)

// headings takes the fonts out of headings: mmark ends the quotes before them, and puts what follows into the next ones.
func headings(page []byte) []byte {
	return section.ReplaceAllFunc(page, func(line []byte) []byte {
		words := string(font.ReplaceAll(bytes.ReplaceAll(line[len(".SH "):], []byte(`"`), nil), nil))
		return fmt.Appendf(nil, `%s "%s"`, line[:len(".SH")], words)
	})
}

var table = regexp.MustCompile(`(?ms)^\.TS\n.*?^\.TE$`)

// tables lets cells have several lines, the last column as many as fit: mmark's have one, however long.
func tables(page []byte) []byte {
	return table.ReplaceAllFunc(page, func(text []byte) []byte {
		var b strings.Builder
		for line := range strings.Lines(string(text)) {
			switch cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); {
			case layout.MatchString(line):
				columns := strings.Fields(line)
				b.WriteString(strings.Repeat("l ", len(columns)-1) + "lx\n")
			case len(cells) > 1:
				b.WriteString(row(cells))
			default:
				b.WriteString(line)
			}
		}
		return []byte(b.String())
	})
}

// layout is the line that tells how columns are aligned.
var layout = regexp.MustCompile(`^[lcr]( [lcr])*\n$`)

// row is a row of a table. Long cells are blocks of text, which are filled.
func row(cells []string) string {
	const short = 16
	for i, cell := range cells {
		if len(font.ReplaceAllString(cell, "")) > short {
			cells[i] = "T{\n" + cell + "\nT}"
		}
	}
	return strings.Join(cells, "\t") + "\n"
}
