package override

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the files of testdata give into them")

// TestParse reads the files of testdata. Behind the line of dashes stands what they give: the
// entries, or the error.
func TestParse(t *testing.T) {
	for _, kind := range []string{"accepted", "error"} {
		files, err := filepath.Glob("testdata/" + kind + "/*.txt")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", kind, len(files), err)
		}
		for _, name := range files {
			t.Run(kind+"/"+strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
				data, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				text, want, _ := strings.Cut(string(data), "---\n")
				got := result(text)
				if *update {
					if err := os.WriteFile(name, []byte(text+"---\n"+got), 0o600); err != nil {
						t.Fatal(err)
					}
					return
				}
				if got != want {
					t.Errorf("%s\ngot:\n%s\nwant:\n%s", text, got, want)
				}
				if isError := strings.HasPrefix(got, "state:"); isError != (kind == "error") {
					t.Errorf("%s:\n%s", kind, got)
				}
			})
		}
	}
}

func result(text string) string {
	entries, err := Parse("state", []byte(strings.ReplaceAll(text, "\\\n", "")))
	if err != nil {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for i := range entries {
		b.WriteString(entries[i].String() + "\n")
	}
	return b.String()
}

// FuzzParse guards the server: no file makes the parser panic, and what it accepts it accepts again
// when it is written.
func FuzzParse(f *testing.F) {
	f.Add("drain * 192.0.2.1 until 2026-12-01T04:00:00Z\nweight app 192.0.2.5 10\n")
	f.Add("down web 2001:db8::1 # why\nup web lb.example.net.\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := Parse("state", []byte(text))
		if err != nil {
			return
		}
		var b strings.Builder
		for i := range entries {
			b.WriteString(entries[i].String() + "\n")
		}
		again, err := Parse("state", []byte(b.String()))
		if err != nil || len(again) != len(entries) {
			t.Fatalf("%q is written as %q: %v", text, b.String(), err)
		}
	})
}

func TestHolds(t *testing.T) {
	now := time.Now()
	for _, row := range []struct {
		until time.Time
		want  bool
	}{{time.Time{}, true}, {now.Add(time.Second), true}, {now, false}, {now.Add(-time.Second), false}} {
		e := Entry{Until: row.until}
		if got := e.Holds(now); got != row.want {
			t.Errorf("until %v at %v: %v", row.until, now, got)
		}
	}
}

// look makes looks until the file is at rest, and returns what the last news was.
func look(t *testing.T, f *File) (entries []Entry, news int, failure error) {
	t.Helper()
	for range 3 {
		found, isNews, err := f.Look()
		if isNews {
			entries, failure = found, err
			news++
		}
	}
	return entries, news, failure
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestLook guards the state in force: it changes by a whole and right file alone, and whatever else
// is seen there is told once.
func TestLook(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state")
	f := &File{Name: name}
	if _, news, err := look(t, f); news != 1 || err == nil {
		t.Errorf("no file: told %d times, %v", news, err)
	}
	write(t, name, "drain * 192.0.2.1\n")
	if entries, news, err := look(t, f); news != 1 || err != nil || len(entries) != 1 {
		t.Errorf("a file: %d entries, told %d times, %v", len(entries), news, err)
	}
	if _, news, err := look(t, f); news != 0 || err != nil {
		t.Errorf("the same file: told %d times, %v", news, err)
	}
	for what, spoil := range map[string]func(){
		"half a line": func() { write(t, name, "drain * 192.0.2.1\ndrain * 192.0.2") },
		"too much":    func() { write(t, name, strings.Repeat("garbage\n", 10<<20/8)) },
		"garbage":     func() { write(t, name, "\x00\xff\n") },
		"a directory": func() {
			if err := os.Mkdir(name, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"nothing": func() {},
	} {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(name); err == nil {
			t.Fatal("it is still there")
		}
		spoil()
		if entries, news, err := look(t, f); news == 0 || err == nil || entries != nil {
			t.Errorf("%s: %d entries, told %d times, %v", what, len(entries), news, err)
		}
	}
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
	write(t, name, "\n")
	if entries, news, err := look(t, f); news != 1 || err != nil || len(entries) != 0 {
		t.Errorf("a file that says nothing: %d entries, told %d times, %v", len(entries), news, err)
	}
}

// TestLookWaitsForRest guards against files that are written piece by piece: what is there in the
// middle is not taken.
func TestLookWaitsForRest(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state")
	write(t, name, "drain * 192.0.2.1\ndrain * 192.0.2.2\n")
	f := &File{Name: name}
	if entries, isNews, err := f.Look(); !isNews || err != nil || len(entries) != 2 {
		t.Errorf("at first: %d entries, %v, %v", len(entries), isNews, err)
	}
	for _, text := range []string{"", "drain * 192.0.2.1\n", "drain * 192.0.2.1\ndrain * 192.0.2.3\n"} {
		write(t, name, text)
		if entries, isNews, err := f.Look(); isNews || err != nil {
			t.Errorf("%q: %d entries, %v", text, len(entries), err)
		}
	}
	entries, isNews, err := f.Look()
	if !isNews || err != nil || len(entries) != 2 || entries[1].Value != "192.0.2.3" {
		t.Errorf("at rest: %v, %v, %v", entries, isNews, err)
	}
}

// TestLookFollowsLinks guards ConfigMaps: the file is a link to a directory that is a link, and a
// change swaps the latter.
func TestLookFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	for number, text := range map[string]string{"1": "drain * 192.0.2.1\n", "2": "drain * 192.0.2.2\n"} {
		if err := os.Mkdir(filepath.Join(dir, number), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, number, "state"), text)
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name+".new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	link("1", "..data")
	link("..data/state", "state")
	f := &File{Name: filepath.Join(dir, "state")}
	for number, want := range []string{"192.0.2.1", "192.0.2.2"} {
		link([]string{"1", "2"}[number], "..data")
		if entries, news, err := look(t, f); news != 1 || err != nil || entries[0].Value != want {
			t.Errorf("%v, told %d times, %v; want %s", entries, news, err, want)
		}
	}
}

// TestEdit guards files that people write too: comments and other lines stay as they are.
func TestEdit(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state")
	value := func(text string) *Entry { return &Entry{Action: Drain, Name: Any, Value: text} }
	check := func(want string) {
		t.Helper()
		data, err := os.ReadFile(name)
		if err != nil || string(data) != want {
			t.Errorf("%q, %v; want %q", data, err, want)
		}
		left, err := filepath.Glob(name + ".*")
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %q, %v", left, err)
		}
	}
	if err := Set(name, value("192.0.2.1")); err != nil { // makes the file
		t.Fatal(err)
	}
	check("drain * 192.0.2.1\n")
	write(t, name, "# by hand\ndrain  *  192.0.2.1 # disk\nweight app 192.0.2.1 3\n")
	until := value("192.0.2.1")
	until.Until = time.Date(2026, 12, 1, 4, 0, 0, 0, time.UTC)
	if err := Set(name, until); err != nil {
		t.Fatal(err)
	}
	check("# by hand\ndrain * 192.0.2.1 until 2026-12-01T04:00:00Z\nweight app 192.0.2.1 3\n")
	if err := Set(name, &Entry{Action: Drain, Name: "app", Value: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	if err := Remove(name, Drain, "192.0.2.1", "APP"); err != nil {
		t.Fatal(err)
	}
	check("# by hand\ndrain * 192.0.2.1 until 2026-12-01T04:00:00Z\nweight app 192.0.2.1 3\n")
	if err := Remove(name, Drain, "192.0.2.1", ""); err != nil {
		t.Fatal(err)
	}
	check("# by hand\nweight app 192.0.2.1 3\n")
	if err := Remove(name, Drain, "192.0.2.1", ""); err == nil || !strings.Contains(err.Error(), ErrNothing.Error()) {
		t.Errorf("nothing to remove: %v", err)
	}
	write(t, name, "nonsense\n")
	if err := Set(name, value("192.0.2.1")); err == nil {
		t.Error("a wrong file was edited")
	}
	check("nonsense\n")
	write(t, name+".new", "")
	if err := Set(name, value("192.0.2.1")); err == nil || !strings.Contains(err.Error(), "is being edited") {
		t.Errorf("two at once: %v", err)
	}
}

func TestActions(t *testing.T) {
	if got := Actions(); !slices.Equal(got, []string{"drain", "down", "up", "weight"}) || Up.String() != "up" {
		t.Errorf("%q", got)
	}
}
