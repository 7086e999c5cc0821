package override

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxSize bounds a state file, so that a wrong one does not fill the memory. It has room for ten
// thousand entries.
const maxSize = 1 << 20

// Read reads a state file. It does not wait for a file that is not plain, such as a pipe, and reads
// no more than a state file may have.
func Read(name string) ([]Entry, error) {
	data, _, err := read(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, data)
}

// read returns the content of a plain file, and what identifies it.
func read(name string) ([]byte, fs.FileInfo, error) {
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a FIFO without a writer must not keep us
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, nil, err
	case !info.Mode().IsRegular():
		return nil, info, fmt.Errorf("%s: is not a plain file, but %s", name, kindOf(info.Mode()))
	case info.Size() > maxSize:
		return nil, info, fmt.Errorf("%s: has %d octets; a state file has at most %d", name, info.Size(), maxSize)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("%s: has more than %d octets", name, maxSize)
	}
	return data, info, err
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// A File is a state file that is read whenever it changes. It is not safe for concurrent use.
type File struct {
	Name string

	seen    fs.FileInfo // at the latest look; nil if there was none, or nothing to see
	lookErr string      // of the latest look
	taken   fs.FileInfo // what was read last, be it right or wrong
	begun   bool
}

// Look looks at the file. It reports whether there is news: the entries of a file that was changed,
// or an error. An error is told once, until another follows.
//
// Whoever writes a file in place empties it first, and may write it piece by piece. So a change is
// read when the file has been at rest between two looks; the first file is read at once.
func (f *File) Look() (entries []Entry, isNews bool, err error) {
	info, err := os.Stat(f.Name) // follows links, as those to ..data in a mounted ConfigMap
	if err != nil {
		f.seen, f.taken = nil, nil
		return nil, f.isNews(err), err
	}
	atRest := f.seen != nil && isSame(f.seen, info)
	f.seen = info
	if f.taken != nil && isSame(f.taken, info) || f.begun && !atRest {
		return nil, false, nil
	}
	f.begun, f.taken = true, info
	data, read, err := read(f.Name)
	if err == nil && !isSame(read, info) { // another file has its place: the next look tells
		f.taken, f.seen = nil, read
		return nil, false, nil
	}
	if err == nil {
		entries, err = Parse(f.Name, data)
	}
	if err != nil {
		return nil, f.isNews(err), err
	}
	f.lookErr = ""
	return entries, true, nil
}

// isNews reports whether an error is another one than the latest.
func (f *File) isNews(err error) bool {
	f.begun = true
	if errors.Is(err, fs.ErrNotExist) {
		err = fs.ErrNotExist
	}
	isOther := f.lookErr != err.Error()
	f.lookErr = err.Error()
	return isOther
}

// isSame reports whether two looks saw the same content: one file that nobody wrote to.
func isSame(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
