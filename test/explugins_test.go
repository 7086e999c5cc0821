package test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/roundrobin53/roundrobin53/test/server"
)

// TestExplugins reads the pages as the site's generator does: what stands in front, and which sections follow. Their
// Corefiles are started with those of the README.
func TestExplugins(t *testing.T) {
	for plugin, page := range server.Explugins(t) {
		t.Run(plugin, func(t *testing.T) {
			front, body, ok := strings.Cut(strings.TrimPrefix(page, "+++\n"), "\n+++\n")
			if !ok || !strings.HasPrefix(page, "+++\n") {
				t.Fatal("nothing stands in front")
			}
			var keys []string
			for line := range strings.Lines(front) {
				key, _, _ := strings.Cut(line, " = ")
				keys = append(keys, key)
			}
			if want := []string{"title", "description", "weight", "tags", "categories", "date", "repo", "home"}; !slices.Equal(keys, want) {
				t.Errorf("in front stand %v, want %v", keys, want)
			}
			for _, want := range []string{`title = "` + plugin + `"`, `description = "*` + plugin + `* - `, `categories = [ "plugin", "external" ]`} {
				if !strings.Contains(front, want) {
					t.Errorf("no %s in front", want)
				}
			}
			var sections []string
			for _, match := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(body, -1) {
				sections = append(sections, match[1])
			}
			if want := []string{"Description", "Compilation", "Syntax", "Metrics", "Ready", "Examples"}; !slices.Equal(slices.DeleteFunc(slices.Clone(want), func(name string) bool { return !slices.Contains(sections, name) }), sections) {
				t.Errorf("the sections are %v, want some of %v in this order", sections, want)
			}
			if len(server.Fences(page, "corefile")) == 0 {
				t.Error("no example")
			}
			manual := "plugin/" + plugin + "/README.md"
			if plugin == "roundrobin53" {
				manual = "README.md"
			}
			if line := server.PluginLine(t, plugin, page); !strings.Contains(server.ReadFile(t, manual), line+"\n") {
				t.Errorf("%s has another line than %s", manual, line)
			}
			if want := `home = "https://github.com/roundrobin53/roundrobin53/blob/main/` + manual + `"`; !strings.Contains(front, want) {
				t.Errorf("no %s in front", want)
			}
		})
	}
}
