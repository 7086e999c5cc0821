package override

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Set puts an entry into a state file, in the place of a line about the same. The file is made if
// there is none.
func Set(name string, e *Entry) error {
	return edit(name, func(lines []string) ([]string, error) {
		kept := make([]string, 0, len(lines)+1)
		isThere := false
		for _, line := range lines {
			old, err := parseLine(line)
			if err == nil && old != nil && old.subject() == e.subject() {
				if !isThere {
					kept = append(kept, e.String()+"\n")
				}
				isThere = true
				continue
			}
			kept = append(kept, line)
		}
		if !isThere {
			kept = append(kept, e.String()+"\n")
		}
		return kept, nil
	})
}

// ErrNothing says that there is nothing to remove.
var ErrNothing = errors.New("no line of the file does that")

// Remove takes the lines of an action and a value out of a state file: those for one name, or all
// if the name is "". It returns ErrNothing if there is none.
func Remove(name string, action Action, value, owner string) error {
	return edit(name, func(lines []string) ([]string, error) {
		kept := make([]string, 0, len(lines))
		for _, line := range lines {
			e, err := parseLine(line)
			isMeant := err == nil && e != nil && e.Action == action && e.Value == value && (owner == "" || strings.EqualFold(e.Name, owner))
			if !isMeant {
				kept = append(kept, line)
			}
		}
		if len(kept) == len(lines) {
			return nil, fmt.Errorf("%s: %s %s: %w", name, action, value, ErrNothing)
		}
		return kept, nil
	})
}

// edit changes the lines of a state file, all at once: whoever reads it sees it as it was or as it
// is to be. A file that is wrong is not edited.
func edit(name string, change func(lines []string) ([]string, error)) error {
	target, err := filepath.EvalSymlinks(name)
	if errors.Is(err, fs.ErrNotExist) {
		target, err = name, nil
	}
	if err != nil {
		return err
	}
	draft, err := os.OpenFile(target+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // the server may run as another user, and reads it
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is being edited: %s.new exists; remove that if nobody is at it", name, target)
	}
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name()) // gone already if all went well
	text, mode, err := changed(target, change)
	if err == nil {
		_, err = draft.WriteString(text)
	}
	if err == nil && mode != 0 {
		err = draft.Chmod(mode)
	}
	if err == nil {
		err = draft.Sync()
	}
	if closeErr := draft.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(draft.Name(), target)
}

// changed returns the text of a changed file, and the mode of the file as it is, 0 if there is none.
func changed(name string, change func(lines []string) ([]string, error)) (text string, mode fs.FileMode, err error) {
	data, info, err := read(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", 0, err
	default:
		mode = info.Mode().Perm()
	}
	if _, err := Parse(name, data); err != nil {
		return "", 0, err
	}
	var lines []string
	for line := range strings.Lines(string(data)) {
		lines = append(lines, line)
	}
	if lines, err = change(lines); err != nil {
		return "", 0, err
	}
	text = strings.Join(lines, "")
	if len(text) > maxSize {
		return "", 0, fmt.Errorf("%s: would have %d octets; a state file has at most %d", name, len(text), maxSize)
	}
	return text, mode, nil
}
