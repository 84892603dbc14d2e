package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/skyfinch/skyfinch/internal/regular"
)

// DirRegistry is the path of a directory of schemas in files named NAME-ID.avsc,
// such as lsst-900.avsc. Each call reads the directory, so files may be added at
// any time; a [RegistryCache] avoids reading files again.
type DirRegistry string

// Schema reads the file of the id. An incomplete file is an error that may be
// retried; two files with one id, or a named pipe instead of a file, are an error
// until they are removed.
func (d DirRegistry) Schema(ctx context.Context, id uint32) ([]byte, error) {
	files, err := d.files(ctx)
	if err != nil {
		return nil, err
	}
	text, err := d.read(files[id], id)
	if err != nil {
		return nil, fmt.Errorf("alert: registry %s: %w", d, err)
	}
	return text, nil
}

// IDs returns the ids of all files in the directory.
func (d DirRegistry) IDs(ctx context.Context) ([]uint32, error) {
	files, err := d.files(ctx)
	if err != nil {
		return nil, err
	}
	ids := make([]uint32, 0, len(files))
	for id := range files {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, nil
}

// files returns the names of the schema files by their ids.
func (d DirRegistry) files(ctx context.Context) (map[uint32][]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("alert: registry %s: %w", d, err)
	}
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, fmt.Errorf("alert: registry %q: %w", string(d), err)
	}
	files := make(map[uint32][]string)
	for _, e := range entries {
		if id, ok := fileID(e.Name()); ok && !e.IsDir() {
			files[id] = append(files[id], e.Name())
		}
	}
	return files, nil
}

// fileID returns the id in NAME-ID.avsc. Names that begin with a dot are those of
// temporary files.
func fileID(name string) (uint32, bool) {
	stem, ok := strings.CutSuffix(name, ".avsc")
	i := strings.LastIndexByte(stem, '-')
	if !ok || i < 1 || stem[0] == '.' {
		return 0, false
	}
	id, err := strconv.ParseUint(stem[i+1:], 10, 32)
	if err != nil {
		return 0, false
	}
	return uint32(id), true
}

func (d DirRegistry) read(names []string, id uint32) ([]byte, error) {
	switch len(names) {
	case 0:
		return nil, fmt.Errorf("%w %d", ErrUnknownSchema, id)
	case 1:
	default:
		return nil, fmt.Errorf("schema id %d is in %s and %s: remove one", id, names[0], names[1])
	}
	f, err := regular.Open(filepath.Join(string(d), names[0]))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSchema+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxSchema:
		return nil, fmt.Errorf("%s has more than %d bytes", names[0], maxSchema)
	case !json.Valid(text): // would be cached permanently
		return nil, fmt.Errorf("%s is not JSON: is it still being written?", names[0])
	}
	return text, nil
}
