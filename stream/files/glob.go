package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/skyfinch/skyfinch/stream"
)

func hasMeta(pattern string) bool { return strings.ContainsAny(pattern, "*?[") }

// globber expands one pattern. Unlike filepath.Glob it supports **, and skips a
// directory that cannot be read with a warning.
type globber struct {
	*listing
	visited map[string]bool // the matches; ** may find one twice
}

// glob finds the matches of a pattern, or returns fs.ErrNotExist.
func (l *listing) glob(ctx context.Context, pattern string) error {
	root := "."
	if filepath.IsAbs(pattern) {
		root = filepath.VolumeName(pattern) + string(filepath.Separator)
		pattern = pattern[len(filepath.VolumeName(pattern)):]
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	segments := strings.Split(strings.Trim(filepath.ToSlash(filepath.Clean(pattern)), "/"), "/")
	for _, s := range segments {
		if _, err := filepath.Match(s, ""); err != nil {
			return stream.Permanent(fmt.Errorf("files: pattern %q: %w", pattern, err))
		}
	}
	for len(segments) > 0 && !hasMeta(segments[0]) {
		root, segments = filepath.Join(root, segments[0]), segments[1:]
	}
	if root, err = l.dir(root); err != nil {
		return fmt.Errorf("files: %w", err)
	}
	g := globber{l, map[string]bool{}}
	if err := g.expand(ctx, root, segments); err != nil {
		return err
	}
	if len(g.visited) == 0 {
		return fs.ErrNotExist
	}
	return nil
}

// expand finds the matches of the segments below dir, whose path must have no
// symlinks.
func (g *globber) expand(ctx context.Context, dir string, segments []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(segments) == 0 {
		return g.match(ctx, dir)
	}
	first, rest := segments[0], segments[1:]
	if !hasMeta(first) {
		return g.literal(ctx, filepath.Join(dir, first), rest)
	}
	if first == "**" {
		if err := g.expand(ctx, dir, rest); err != nil {
			return err
		}
		rest = segments
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		g.skipUnlessAbsent(dir, err)
		return nil
	}
	for _, e := range entries {
		if !matches(first, e) {
			continue
		}
		if err := g.entry(ctx, filepath.Join(dir, e.Name()), e.Type(), rest); err != nil {
			return err
		}
	}
	return nil
}

// literal continues with a name without wildcards.
func (g *globber) literal(ctx context.Context, path string, rest []string) error {
	info, err := os.Lstat(path)
	if err != nil {
		g.skipUnlessAbsent(path, err)
		return nil
	}
	return g.entry(ctx, path, info.Mode(), rest)
}

// entry continues with a directory entry that matches a segment.
func (g *globber) entry(ctx context.Context, path string, mode fs.FileMode, rest []string) error {
	if !utf8.ValidString(filepath.Base(path)) {
		g.skip(path, notUTF8)
		return nil
	}
	if mode&fs.ModeSymlink != 0 {
		target, info := g.target(path)
		if info == nil {
			return nil
		}
		path = target
	}
	return g.expand(ctx, path, rest)
}

// matches reports whether an entry matches one segment. As in a shell, a
// wildcard does not match the leading dot of a name.
func matches(segment string, e fs.DirEntry) bool {
	if segment == "**" {
		return e.IsDir() && !hidden(e.Name())
	}
	if e.Name()[0] == '.' && segment[0] != '.' {
		return false
	}
	ok, _ := filepath.Match(segment, e.Name())
	return ok
}

// match adds the file or directory that the whole pattern matches.
func (g *globber) match(ctx context.Context, path string) error {
	if g.visited[path] {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		g.skipUnlessAbsent(path, err)
		return nil
	}
	if info.IsDir() {
		err := g.directory(ctx, path)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !absent(err) {
			g.skipUnreadable(path, err)
		}
	} else if info.Mode().IsRegular() {
		g.file(path, info)
	} else {
		return nil
	}
	g.visited[path] = true
	return nil
}

// skipUnlessAbsent skips an entry that cannot be read, with a warning unless it
// was moved meanwhile.
func (l *listing) skipUnlessAbsent(path string, err error) {
	if !absent(err) {
		l.skipUnreadable(path, fmt.Errorf("files: %w", err))
	}
}

// absent reports whether an error means that a file does not exist. ENOTDIR
// does, for a glob may look below a file.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
