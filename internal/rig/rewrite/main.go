// Rewrite replaces each file of an archive's tables by a copy, as a compaction
// would by larger ones. Tests use it to check that earlier releases continue an
// archive with rewrites.
//
//	rewrite [-die] ARCHIVE
//
// With -die it ends after the commit and publishes nothing. Otherwise it deletes
// the replaced files at once.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"path"
	"slices"

	"github.com/skyfinch/skyfinch/internal/token"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

func main() {
	log.SetFlags(0)
	die := flag.Bool("die", false, "")
	flag.Parse()
	if err := rewrite(context.Background(), flag.Arg(0), *die); err != nil {
		log.Fatal(err)
	}
}

func rewrite(ctx context.Context, dir string, die bool) error {
	st, err := store.OpenDir(dir)
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, st, "ledger", nil)
	if err != nil {
		return err
	}
	live, last, err := liveFiles(ctx, l)
	if err != nil {
		return err
	}
	r := &ledger.Replacement{Base: last}
	c := &ledger.Commit{Replaces: r}
	id := fmt.Sprintf("%s-rewrite-%012d-%s", l.ID(), r.Base, token.New()[:10])
	for i, name := range slices.Sorted(maps.Keys(live)) {
		old := live[name]
		f := old
		f.StagedPath = fmt.Sprintf("staging/%s/%012d/%s/copy-%d", id, 1, token.New(), i)
		f.Path = path.Join(path.Dir(old.Path), fmt.Sprintf("%s-%012d-%d.parquet", id, 1, i))
		f.Schema, f.Stats = 1, map[string][2]json.RawMessage{"ra": {[]byte("0"), []byte("360")}}
		if err := copyFile(ctx, st, old.Path, f); err != nil {
			return err
		}
		c.Rows.Files = append(c.Rows.Files, f)
		r.Files = append(r.Files, ledger.ReplacedFile{Name: old.Path, Rows: old.Rows, Bytes: old.Bytes})
	}
	if err := l.Rewrite(ctx, c, nil); err != nil {
		return err
	}
	fmt.Printf("batch %d replaces %d files\n", c.Batch, len(r.Files))
	if die {
		return nil
	}
	return publish(ctx, st, l, c)
}

// liveFiles returns the files of the tables by name, and the last batch.
func liveFiles(ctx context.Context, l *ledger.Ledger) (live map[string]ledger.File, last int64, err error) {
	live = map[string]ledger.File{}
	for b, err := range l.Follow(ctx, 1) {
		if err != nil {
			return nil, 0, err
		}
		for f := range b.Commit.Rows.All() {
			live[f.Path] = f
		}
		if b.Commit.Replaces != nil {
			for _, f := range b.Commit.Replaces.Files {
				delete(live, f.Name)
			}
		}
		last = b.Number
	}
	return live, last, nil
}

// publish publishes the files of a rewrite, and deletes those that they replace.
func publish(ctx context.Context, st store.Store, l *ledger.Ledger, c *ledger.Commit) error {
	for _, f := range c.Rows.Files {
		if err := st.Publish(ctx, f.StagedPath, f.Path, f.Bytes); err != nil {
			return err
		}
	}
	if err := l.PutDone(ctx, c.Batch); err != nil {
		return err
	}
	for _, f := range c.Replaces.Files {
		if err := st.Delete(ctx, f.Name); err != nil {
			return err
		}
	}
	return nil
}

// copyFile stages a copy of a file.
func copyFile(ctx context.Context, st store.Store, from string, to ledger.File) error {
	in, err := st.Open(ctx, from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := st.Stage(ctx, to.StagedPath, to.Path)
	if err != nil {
		return err
	}
	defer out.Abort()
	if _, err := io.Copy(out, io.NewSectionReader(in, 0, in.Size())); err != nil {
		return err
	}
	return out.Close()
}
