package files

import (
	"context"
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
	now     time.Time
	settle  time.Duration
	need    need
	skip    func(path, why string) // tells of an entry that is left out
	dirs    map[string]string      // of files that patterns name, without symlinks
	seen    map[string]bool
	extents []stream.Extent
	found   []found // by the pattern at hand
}

type found struct {
	path string
	size int64
}

// need says which patterns must stand for something.
type need int

const (
	nothing    need = iota
	literals        // those without wildcards
	everything      // globs too
)

func newListing(settle time.Duration, need need, skip func(path, why string)) *listing {
	return &listing{now: time.Now(), settle: settle, need: need, skip: skip, dirs: map[string]string{}, seen: map[string]bool{}}
}

// add lists what a pattern stands for, behind what came before it.
func (l *listing) add(ctx context.Context, pattern string) error {
	if pattern == "" {
		return stream.Permanent(&NoMatchError{pattern})
	}
	path, err := filepath.Abs(pattern)
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	l.found = l.found[:0]
	err = l.literal(ctx, path)
	required := l.need >= literals
	if absent(err) && hasMeta(pattern) {
		err = l.glob(ctx, pattern)
		required = l.need >= everything
	}
	if absent(err) {
		if required {
			return stream.Permanent(&NoMatchError{pattern})
		}
		return nil
	}
	if err != nil {
		return err
	}
	return l.keep()
}

// keep adds what was found, sorted, each file once.
func (l *listing) keep() error {
	slices.SortFunc(l.found, func(a, b found) int { return strings.Compare(a.path, b.path) })
	for _, f := range l.found {
		if !utf8.ValidString(f.path) {
			// The ledger is JSON: it could not name this file.
			return stream.Permanent(fmt.Errorf("files: %q: the name is not UTF-8: rename the file, or leave it out of the patterns", f.path))
		}
		if l.seen[f.path] {
			continue
		}
		l.seen[f.path] = true
		e := stream.Extent{Range: stream.Range{Partition: partitionOf(f.path), To: ledger.UnknownEnd}, Bytes: f.size}
		if isGzipped(f.path) {
			e.Bytes *= 2 // a guess: schemas shrink to nothing, cutouts not at all
		}
		l.extents = append(l.extents, e)
	}
	return nil
}

// literal finds what is named as it is.
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

// directory finds the alerts in a directory and those below it.
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
			if e.IsDir() || isAlerts(name) {
				l.skip(path, notUTF8)
			}
		} else if e.IsDir() {
			// One that is gone by now was moved, with all that was in it.
			if err := l.directory(ctx, path); err != nil && !absent(err) {
				return err
			}
		} else if isAlerts(name) {
			if err := l.entry(path, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry finds a file by its entry in a directory. A link counts as the file
// that it leads to; links to directories are not followed, for they may lead
// in circles.
func (l *listing) entry(path string, e fs.DirEntry) error {
	if e.Type()&fs.ModeSymlink != 0 {
		target, info, err := l.target(path)
		if info != nil && info.Mode().IsRegular() {
			l.file(target, info)
		}
		return err
	}
	info, err := e.Info()
	if absent(err) {
		return nil // moved since
	}
	if err != nil {
		return fmt.Errorf("files: %w", err)
	}
	if info.Mode().IsRegular() {
		l.file(path, info)
	}
	return nil
}

func (l *listing) file(path string, info fs.FileInfo) {
	// A time far ahead is that of a clock that was wrong, and says nothing.
	if age := l.now.Sub(info.ModTime()); -l.settle <= age && age < l.settle {
		return
	}
	l.found = append(l.found, found{path, info.Size()})
}

// hidden reports whether a name is none of an alert's: a dotfile, a writer's
// temporary, the twin that macOS packs beside each file.
func hidden(name string) bool { return name[0] == '.' || name[0] == '_' }

// isAlerts reports whether a file in a directory is taken for alerts.
func isAlerts(name string) bool {
	return strings.HasSuffix(name, ".avro") || strings.HasSuffix(name, ".bin") || isTarball(name)
}
