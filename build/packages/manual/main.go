// Command manual makes manual pages as CoreDNS makes its own, by mmark: of the READMEs, of which the repository's is that of
// roundrobin53 and those in plugin/ are of other plugins, and of the commands' pages in docs/commands.
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

// A page is one page to make.
type page struct {
	name    string // without the section
	section int
	source  string // a file in Markdown
}

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

// run writes all pages.
func run(root, out string, created time.Time) error {
	pages, err := pagesOf(root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // for everyone to read
		return err
	}
	for _, p := range pages {
		text, err := os.ReadFile(p.source)
		if err != nil {
			return err
		}
		file := filepath.Join(out, fmt.Sprintf("%s.%d", p.name, p.section))
		if err := os.WriteFile(file, p.render(text, created), 0o644); err != nil { //nolint:gosec // for everyone to read
			return err
		}
	}
	return nil
}

// pagesOf returns the pages of a repository: one for each README of a plugin, and one for each command.
func pagesOf(root string) ([]page, error) {
	pages := []page{{"coredns-" + first, 7, filepath.Join(root, "README.md")}}
	readmes, err := filepath.Glob(filepath.Join(root, "plugin", "*", "README.md"))
	if err != nil {
		return nil, err
	}
	for _, readme := range readmes {
		pages = append(pages, page{"coredns-" + filepath.Base(filepath.Dir(readme)), 7, readme})
	}
	commands, err := filepath.Glob(filepath.Join(root, "docs", "commands", "*.md"))
	if err != nil {
		return nil, err
	}
	for _, command := range commands {
		name := strings.TrimSuffix(filepath.Base(command), ".md")
		pages = append(pages, page{"coredns-" + first + "-" + name, 1, command})
	}
	return pages, nil
}

// title is the head of a page in mmark's Markdown. The source's own is in the line that names the page.
const title = `%%%%%%
title = "%s %d"
area = "CoreDNS"
workgroup = "%s"
date = %s
%%%%%%

`

// workgroups name the subjects of pages, by section.
var workgroups = map[int]string{1: "CoreDNS Commands", 7: "CoreDNS Plugins"}

var heading = regexp.MustCompile(`(?m)^# .*$`)

// render returns the page of a source.
func (p page) render(source []byte, created time.Time) []byte {
	text := append(fmt.Appendf(nil, title, p.name, p.section, workgroups[p.section], created.Format(time.RFC3339)), replaceFirst(heading, source)...)
	text = hideBackslashes(text)
	reader := parser.NewWithExtensions(mparser.Extensions | parser.NoIntraEmphasis)
	reader.Opts = parser.Options{ParserHook: mparser.Hook}
	made := markdown.Render(markdown.Parse(markdown.NormalizeNewlines(text), reader), man.NewRenderer(man.RendererOptions{Language: lang.New("en")}))
	return bytes.ReplaceAll(tables(headings(made)), []byte(backslash), []byte(`\e`))
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
