package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// listing is one call of Available.
type listing struct {
	source  *Source
	number  int // among the listings of the source
	now     time.Time
	require required
	dirs    map[string]string // the resolved paths of directories
	listed  map[string]bool   // by path
	extents []stream.Extent
	matches []foundFile   // of the current pattern
	skipped *SkippedError // nil if everything could be read
}

type foundFile struct {
	path string
	size int64
}

// required says which patterns must match a file or a directory.
type required int

const (
	requireNone     required = iota
	requireLiterals          // patterns without wildcards
	requireAll
)

// skip skips a directory entry that can never be read.
func (l *listing) skip(path, cause string) { l.source.skip(path, cause) }

// skipUnreadable skips a directory entry that may be read later.
func (l *listing) skipUnreadable(path string, err error) {
	l.source.skip(path, err.Error())
	if l.skipped == nil {
		l.skipped = &SkippedError{Err: err}
	} else {
		l.skipped.More++
	}
}

// add lists the matches of a pattern.
func (l *listing) add(ctx context.Context, pattern string) error {
	if pattern == "" {
		return stream.Permanent(&NoMatchError{pattern})
	}
	path, err := filepath.Abs(pattern)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	l.matches = l.matches[:0]
	before := l.skipped.count()
	err = l.literal(ctx, path)
	must := l.require >= requireLiterals
	if hasMeta(pattern) && errors.As(err, new(*fs.PathError)) {
		err = l.glob(ctx, pattern)
		must = l.require >= requireAll
	}
	switch {
	case err == nil:
		return l.addExtents()
	case absent(err) && must && l.skipped.count() == before:
		return stream.Permanent(&NoMatchError{pattern})
	case absent(err):
		return nil
	case l.require != requireLiterals && errors.As(err, new(*fs.PathError)):
		l.skipUnreadable(path, err)
		return nil
	}
	return err
}

// addExtents adds an extent for each match not listed yet, sorted by path.
func (l *listing) addExtents() error {
	slices.SortFunc(l.matches, func(a, b foundFile) int { return strings.Compare(a.path, b.path) })
	for _, f := range l.matches {
		if !utf8.ValidString(f.path) { // the ledger is JSON and cannot hold it
			return stream.Permanent(fmt.Errorf("files: %q: the name is not UTF-8: rename the file, or leave it out of the patterns", f.path))
		}
		if l.listed[f.path] {
			continue
		}
		l.listed[f.path] = true
		e := stream.Extent{Range: stream.Range{Partition: partitionOf(f.path), To: ledger.UnknownEnd}, Bytes: f.size}
		if isGzipped(f.path) {
			e.Bytes *= 2 // an estimate: schemas compress to almost nothing, cutouts hardly
		}
		l.extents = append(l.extents, e)
	}
	return nil
}

// literal finds the file or directory whose name is the pattern itself.
func (l *listing) literal(ctx context.Context, path string) error {
	dir, err := l.dir(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	path = filepath.Join(dir, filepath.Base(path))
	info, err := os.Lstat(path)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		path, info, err = follow(path)
	}
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	if info.IsDir() {
		return l.directory(ctx, path)
	}
	if !info.Mode().IsRegular() {
		return stream.Permanent(fmt.Errorf("files: %s: neither a file nor a directory", path))
	}
	l.file(path, info)
	return nil
}

// directory finds the files of alerts in a directory, recursively.
func (l *listing) directory(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if hidden(name) {
			continue
		}
		path := filepath.Join(dir, name)
		if !utf8.ValidString(name) {
			if e.IsDir() || hasAlerts(name) {
				l.skip(path, notUTF8)
			}
		} else if e.IsDir() {
			// A directory that no longer exists was moved with its files.
			err := l.directory(ctx, path)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil && !absent(err) {
				l.skipUnreadable(path, err)
			}
		} else if hasAlerts(name) {
			l.entry(path, e)
		}
	}
	return nil
}

// entry finds a file by its directory entry. A link counts as its target; links
// to directories are not followed, for they may form cycles.
func (l *listing) entry(path string, e fs.DirEntry) {
	if e.Type()&fs.ModeSymlink != 0 {
		if target, info := l.target(path); info != nil && info.Mode().IsRegular() {
			l.file(target, info)
		}
		return
	}
	info, err := e.Info()
	switch {
	case absent(err): // it was moved meanwhile
	case err != nil:
		l.skipUnreadable(path, fmt.Errorf("files: %w", err))
	case info.Mode().IsRegular():
		l.file(path, info)
	}
}

// file adds a match, unless the file may still be written to.
func (l *listing) file(path string, info fs.FileInfo) {
	if l.source.unsettled.settled(path, info, l.number, l.now, l.source.Settle) {
		l.matches = append(l.matches, foundFile{path, info.Size()})
	}
}

// hidden reports whether files of this name are ignored: dotfiles, temporary
// files of writers, and the ._ files that macOS adds to archives.
func hidden(name string) bool { return name[0] == '.' || name[0] == '_' }

// hasAlerts reports whether a file found in a directory is read, by its name.
func hasAlerts(name string) bool {
	return strings.HasSuffix(name, ".avro") || strings.HasSuffix(name, ".bin") || isTarball(name)
}
