package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"unicode/utf8"
)

// Why an entry of a directory is left out.
const (
	notUTF8 = "its name is not UTF-8" // the ledger is JSON: it could not name the file
	nowhere = "the link leads nowhere"
)

// dir returns the path of a directory without symlinks.
func (l *listing) dir(path string) (string, error) {
	if dir, ok := l.dirs[path]; ok {
		return dir, nil
	}
	if _, err := os.Stat(path); err != nil {
		return "", err // EvalSymlinks would not name the path of a circle
	}
	dir, err := filepath.EvalSymlinks(path)
	if err == nil {
		l.dirs[path] = dir
	}
	return dir, err
}

// target returns what a link leads to that was found in a directory, or no info
// and no error if the link is skipped: one bad link is no reason to leave all
// others waiting.
func (l *listing) target(link string) (string, fs.FileInfo, error) {
	path, info, err := follow(link)
	switch {
	case absent(err) || errors.Is(err, syscall.ELOOP):
		l.skip(link, nowhere)
		return "", nil, nil
	case err != nil:
		return "", nil, fmt.Errorf("files: %w", err)
	case !utf8.ValidString(path):
		l.skip(link, notUTF8)
		return "", nil, nil
	}
	return path, info, nil
}

// follow returns the one name of what a link leads to. The link's directory
// has no symlinks in its path.
func follow(link string) (string, fs.FileInfo, error) {
	info, err := os.Stat(link)
	if err != nil {
		return "", nil, err
	}
	path, err := filepath.EvalSymlinks(link)
	if err != nil {
		return "", nil, err
	}
	if !info.IsDir() && isTarball(link) != isTarball(path) {
		return link, info, nil // its name says how to read it, the target's does not
	}
	return path, info, nil
}
