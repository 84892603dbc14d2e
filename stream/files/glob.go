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

// globber expands one pattern. Unlike filepath.Glob it knows **, and it does
// not take a directory that cannot be read for an empty one.
type globber struct {
	*listing
	visited map[string]bool // matches, which ** may come upon twice
}

// glob finds what matches the pattern, or returns fs.ErrNotExist.
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

// expand finds what matches the segments below dir, in whose path there are no
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
	if absent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	for _, e := range entries {
		if !takes(first, e) {
			continue
		}
		if err := g.entry(ctx, filepath.Join(dir, e.Name()), e.Type(), rest); err != nil {
			return err
		}
	}
	return nil
}

// literal goes on below a name without wildcards.
func (g *globber) literal(ctx context.Context, path string, rest []string) error {
	info, err := os.Lstat(path)
	if absent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	return g.entry(ctx, path, info.Mode(), rest)
}

// entry goes on below an entry that matches a segment.
func (g *globber) entry(ctx context.Context, path string, mode fs.FileMode, rest []string) error {
	if !utf8.ValidString(filepath.Base(path)) {
		g.skip(path, notUTF8)
		return nil
	}
	if mode&fs.ModeSymlink != 0 {
		target, info, err := g.target(path)
		if info == nil {
			return err
		}
		path = target
	}
	return g.expand(ctx, path, rest)
}

// takes reports whether an entry matches one segment. As in a shell, a
// wildcard does not take the dot of a dotfile.
func takes(segment string, e fs.DirEntry) bool {
	if segment == "**" {
		return e.IsDir() && !hidden(e.Name())
	}
	if e.Name()[0] == '.' && segment[0] != '.' {
		return false
	}
	ok, _ := filepath.Match(segment, e.Name())
	return ok
}

func (g *globber) match(ctx context.Context, path string) error {
	if g.visited[path] {
		return nil
	}
	info, err := os.Stat(path)
	if absent(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	if info.IsDir() {
		if err := g.directory(ctx, path); err != nil {
			return err
		}
	} else if info.Mode().IsRegular() {
		g.file(path, info)
	} else {
		return nil
	}
	g.visited[path] = true
	return nil
}

// absent reports whether there is nothing by that name: a glob also asks for
// files below files.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}
