// Package module tests the modules below this one, and what this one requires. It is apart from test/, so that both run at a
// time: one waits for verdicts while the other links.
package module

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestModulesBelow runs the tests of the modules that lie below this one: `./...` does not reach into them, and it is
// what everybody runs.
func TestModulesBelow(t *testing.T) {
	modules := modulesBelow(t)
	if len(modules) < 2 {
		t.Fatalf("only %d modules: %v", len(modules), modules)
	}
	for _, dir := range modules {
		t.Run(strings.TrimPrefix(filepath.ToSlash(dir), "../../"), func(t *testing.T) {
			// Their tests read the files of this module, whose changes Go does not see from there: nothing cached.
			run := exec.Command("go", "test", "-count=1", "./...")
			run.Dir = dir
			if out, err := run.CombinedOutput(); err != nil {
				t.Errorf("go test ./... in %s: %v\n%s", dir, err, out)
			}
		})
	}
}

// modulesBelow are the directories of the modules in this one. The walk also tells Go which files the result depends on,
// so that it is not taken from the cache when one of them has changed.
func modulesBelow(t *testing.T) (dirs []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (name == "bin" || name == "dist" || strings.HasPrefix(name, ".") && name != ".."):
			return fs.SkipDir
		case name == "go.mod" && path != filepath.Join("..", "..", "go.mod"):
			dirs = append(dirs, filepath.Dir(path))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// TestRequirements guards those who build the plugin into a CoreDNS of their own: each requirement of go.mod is a lower
// bound for them. So each has to be of a module that the plugin imports, or what such a module, CoreDNS first of all,
// requires itself at that version. What only tests and releases need goes into the modules below.
func TestRequirements(t *testing.T) {
	imported := make(map[string]bool)
	for path := range strings.FieldsSeq(goCommand(t, "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./plugin/...")) {
		imported[path] = true
	}
	required, theirs := make(map[string]string), make(map[string]bool)
	for edge := range strings.Lines(goCommand(t, "mod", "graph")) {
		from, to, _ := strings.Cut(strings.TrimSpace(edge), " ")
		path, _, versioned := strings.Cut(from, "@")
		if module, _, _ := strings.Cut(to, "@"); !versioned {
			required[module] = to
		} else if imported[path] {
			theirs[to] = true
		}
	}
	delete(required, "go")
	if len(required) < 20 || len(imported) < 10 {
		t.Fatalf("%d requirements, the plugin imports %d modules, want more", len(required), len(imported))
	}
	for module, requirement := range required {
		if !imported[module] && !theirs[requirement] {
			t.Errorf("go.mod requires %s: the plugin does not import it, and nothing that it imports asks for that version", requirement)
		}
	}
}

// goCommand is what a command of Go prints at the top of the repository.
func goCommand(t *testing.T, args ...string) string {
	t.Helper()
	run := exec.Command("go", args...)
	run.Dir = filepath.Join("..", "..")
	out, err := run.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
