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

// Causes of skipping a directory entry.
const (
	notUTF8    = "the name is not UTF-8" // the ledger is JSON and cannot hold the name
	brokenLink = "broken link"
)

// dir returns the path of a directory with its symlinks resolved.
func (l *listing) dir(path string) (string, error) {
	if dir, ok := l.dirs[path]; ok {
		return dir, nil
	}
	if _, err := os.Stat(path); err != nil {
		return "", err // for links in a cycle, EvalSymlinks does not name the path
	}
	dir, err := filepath.EvalSymlinks(path)
	if err == nil {
		l.dirs[path] = dir
	}
	return dir, err
}

// target returns the target of a link found in a directory. If it skips the
// link, info is nil: one bad link must not stop the others.
func (l *listing) target(link string) (string, fs.FileInfo) {
	path, info, err := follow(link)
	switch {
	case absent(err) || errors.Is(err, syscall.ELOOP):
		l.skip(link, brokenLink)
		return "", nil
	case err != nil:
		l.skipUnreadable(link, fmt.Errorf("files: %w", err))
		return "", nil
	case !utf8.ValidString(path):
		l.skip(link, notUTF8)
		return "", nil
	}
	return path, info
}

// follow resolves a link to a path without symlinks. The path of the link's
// directory must have none.
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
		return link, info, nil // the link's name says how to read the file
	}
	return path, info, nil
}
