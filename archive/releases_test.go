package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/alert"
	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/archive/audit"
	"github.com/skyfinch/skyfinch/sink"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// foundBefore is what an audit finds in the archives of testdata before they are
// continued; in those that are not named, nothing.
var foundBefore = map[string][]audit.Kind{
	"committed":             {audit.Unpublished},
	"half-published":        {audit.Unpublished},
	"replay-half-published": {audit.Leftover}, // a rejected file that is replaced
}

// What was archived by any release stays readable: an archive as a release left
// it, finished or not, is audited, continued and replayed, and then holds each
// message once. See testdata/3237875/README.md.
func TestArchivesOfReleases(t *testing.T) {
	for _, packets := range glob(t, "testdata/*/packets.zip") {
		release := filepath.Dir(packets)
		given := unzip(t, packets)
		for _, name := range glob(t, release+"/*.zip") {
			if name == packets {
				continue
			}
			was := strings.TrimSuffix(filepath.Base(name), ".zip")
			for _, replayFirst := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/replayFirst=%v", filepath.Base(release), was, replayFirst), func(t *testing.T) {
					t.Parallel()
					continueRelease(t, unzip(t, name), given, foundBefore[was], replayFirst)
				})
			}
		}
	}
}

// continueRelease finishes an archive with this version and checks it. What was
// left unfinished is finished by a replay, as far as it can be, or by an engine.
func continueRelease(t *testing.T, dir, given string, found []audit.Kind, replayFirst bool) {
	sky, packets := filepath.Join(dir, "archive"), filepath.Join(given, "packets")
	partitions := readMessages(t, filepath.Join(dir, "messages"))
	var source stream.Source = &topics{partitions, packets}
	if strings.HasPrefix(partitions[0].name, madeIn) {
		source = moveFiles(t, partitions, packets)
	}

	before := look(t, audit.Options{Dir: sky, Deep: true})
	var kinds []audit.Kind
	for _, f := range before.Findings {
		kinds = append(kinds, f.Kind)
	}
	require.Equal(t, found, kinds, "%v", before.Findings)

	registry, err := alert.OpenRegistry(t.Context(), filepath.Join(given, "registry"))
	require.NoError(t, err)
	s := &archive.Service{Dir: sky, Registry: registry, Clock: clockOf(t, sky), Job: stream.MicroBatch{
		Source: source, RecordLost: true, Limits: stream.Limits{Rows: 3}, SnapshotEvery: 2, Log: slog.New(slog.DiscardHandler)}}
	if replayFirst {
		_, err := s.Replay(t.Context(), nil)
		require.NoError(t, err)
	}
	require.NoError(t, s.Drain(t.Context()))
	checkFindings(t, sky, source)
	_, err = s.Replay(t.Context(), nil)
	require.NoError(t, err)
	checkFindings(t, sky, source)
	checkRows(t, sky, partitions, packets)
	want := values(t, filepath.Join(sky, "alerts"))
	for _, o := range []archive.Order{archive.Order(len(partitions) % 3), archive.CommitOrder} {
		_, err = (&archive.Compaction{Dir: sky, Order: o}).Run(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want, values(t, filepath.Join(sky, "alerts")))
		checkFindings(t, sky, source)
	}

	require.NoError(t, s.Drain(t.Context()))
	assert.Zero(t, s.Progress().Read, "nothing is left to read")
}

// Deaths that a release recorded limit the next attempt, and a partition that it
// began and that is no longer listed is not forgotten.
func TestDeathsBeforeRelease(t *testing.T) {
	given := unzip(t, "testdata/3237875/packets.zip")
	for _, c := range []struct {
		was          string
		batch, limit int64 // of the batch, the offsets that its attempt was allowed
		lost         int64
	}{
		{"attempts", 1, 1, 0},
		{"limited", 2, 1, 0},
		{"unfinished", 3, 0, 1},
	} {
		dir := unzip(t, "testdata/3237875/"+c.was+".zip")
		var source stream.Source = &topics{readMessages(t, filepath.Join(dir, "messages")), filepath.Join(given, "packets")}
		if c.lost > 0 {
			source = moveFiles(t, nil, "") // the file is gone
		}
		s := &archive.Service{Dir: filepath.Join(dir, "archive"), Job: stream.MicroBatch{
			Source: source, RecordLost: true, Log: slog.New(slog.DiscardHandler)}}
		require.NoError(t, s.Drain(t.Context()), c.was)
		st, err := store.OpenDir(s.Dir)
		require.NoError(t, err)
		l, err := ledger.Open(t.Context(), st, "ledger", nil)
		require.NoError(t, err)
		var lost int64
		for b, err := range l.Batches(t.Context(), 1) {
			require.NoError(t, err)
			if b.Number == c.batch {
				assert.Equal(t, c.limit, b.Commit.Limit, c.was)
			}
			for _, a := range b.Commit.Accounts {
				lost += a.Lost
			}
		}
		assert.Equal(t, c.lost, lost, c.was)
	}
}

func checkFindings(t *testing.T, dir string, source stream.Source) {
	r := look(t, audit.Options{Dir: dir, Source: source, Deep: true})
	assert.Empty(t, r.Findings)
	assert.Zero(t, r.Undecided)
	for _, p := range r.Partitions {
		assert.Zero(t, p.Waiting, p.Name)
	}
}

// checkRows checks that the files of an archive hold each listed message once.
func checkRows(t *testing.T, dir string, partitions []*listed, packets string) {
	table, id := map[string]string{}, map[string]string{}
	ids, err := os.ReadFile(filepath.Join(packets, "ids"))
	require.NoError(t, err)
	for line := range strings.Lines(string(ids)) {
		f := strings.Fields(line)
		table[f[0]], id[f[0]] = f[1], f[2]
	}
	want := map[string]int{}
	for _, p := range partitions {
		for offset, what := range p.what {
			if table[what] == "" {
				continue // not a message
			}
			topic, partition, n := p.name, int32(0), int64(offset)
			switch {
			case strings.HasSuffix(p.name, ".tar.gz"):
				topic, n = topic+"/"+what, 0
			case !strings.HasPrefix(p.name, madeIn):
				topic, partition = topicOf(p.name)
			}
			want[fmt.Sprint(table[what], " ", filepath.Base(topic), " ", partition, " ", n, " ", id[what])]++
		}
	}
	have := map[string]int{}
	for _, root := range []string{"alerts/ztf", "alerts/lsst", "rejected"} {
		readRows(t, filepath.Join(dir, root), func(topic string, partition int32, offset, id int64) {
			if strings.Contains(topic, ".tar.gz/") {
				offset = 0 // of a member; the number within the tarball is not of interest here
			}
			have[fmt.Sprint(root, " ", filepath.Base(topic), " ", partition, " ", offset, " ", id)]++
		})
	}
	assert.Equal(t, want, have)
}

// readRows calls f for each row of the Parquet files below a directory; the
// alert_id of a rejected message is 0.
func readRows(t *testing.T, root string, f func(topic string, partition int32, offset, id int64)) {
	err := filepath.WalkDir(root, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return ignoreMissing(err)
		}
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		in, err := file.NewParquetReader(bytes.NewReader(data))
		require.NoError(t, err, name)
		defer in.Close()
		r, err := pqarrow.NewFileReader(in, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
		require.NoError(t, err, name)
		rows, err := r.ReadTable(context.Background())
		require.NoError(t, err, name)
		defer rows.Release()
		tr := array.NewTableReader(rows, -1)
		defer tr.Release()
		for tr.Next() {
			rec := tr.Record()
			ids, _ := stream.Field(rec, "alert_id").(*array.Int64)
			for i := range int(rec.NumRows()) {
				var id int64
				if ids != nil {
					id = ids.Value(i)
				}
				f(stream.Field(rec, "topic").(*array.String).Value(i), stream.Field(rec, "partition").(*array.Int32).Value(i),
					stream.Field(rec, "offset").(*array.Int64).Value(i), id)
			}
		}
		return nil
	})
	require.NoError(t, err)
}

func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// clockOf returns the clock of an archive.
func clockOf(t *testing.T, dir string) sink.Clock {
	data, err := os.ReadFile(filepath.Join(dir, "ledger", "ledger.json"))
	require.NoError(t, err)
	for _, c := range []sink.Clock{sink.IngestTime, sink.Night} {
		if bytes.Contains(data, []byte(`"clock":"`+c.String()+`"`)) {
			return c
		}
	}
	return sink.EventTime
}

func glob(t *testing.T, pattern string) []string {
	names, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, names, pattern)
	return names
}

// unzip unpacks a file of testdata into a new directory.
func unzip(t *testing.T, name string) (dir string) {
	z, err := zip.OpenReader(name)
	require.NoError(t, err)
	defer z.Close()
	dir = t.TempDir()
	require.NoError(t, os.CopyFS(dir, z))
	return dir
}
