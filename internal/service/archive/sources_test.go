//go:build unix

package archive

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/archive"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

// plan leaves an undecided batch in an archive, as a job that was killed does.
func plan(t *testing.T, out string, ranges ...ledger.Range) {
	dir, err := store.OpenDir(out)
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), dir, "ledger", nil)
	require.NoError(t, err)
	last := int64(0)
	for b, err := range l.Batches(t.Context(), 1) {
		require.NoError(t, err)
		last = b.Number
	}
	_, err = l.PutPlan(t.Context(), &ledger.Plan{Batch: last + 1, Token: "killed", Ranges: ranges})
	require.NoError(t, err)
}

// A job refuses the planned ranges of a source of another kind: they are not lost,
// whatever -lost says, and the error says how to finish them.
func TestPlannedByAnotherSource(t *testing.T) {
	for partition, flags := range map[string]string{
		"MkU3OEVBNTcwNTJENDM2Qg/ztf_20260701_programid1@AAAAAAAAAAAAAAAAAAAAAA/3": "-brokers and -topics",
		"/ztf_20260701_programid1@AAAAAAAAAAAAAAAAAAAAAA/3":                       "-brokers and -topics", // of a cluster without an id
		"k3f9x2ab/ztf": "the flags of its source",
	} {
		alerts, out := sky(t)
		plan(t, out, ledger.Range{Partition: partition, From: 10, To: 15})
		for _, lost := range []string{"error", "record"} {
			err := Run(t.Context(), []string{"-files", alerts, "-out", out, "-once", "-progress", "off", "-lost", lost})
			var foreign *stream.ForeignError
			require.ErrorAs(t, err, &foreign, partition)
			assert.Equal(t, partition, foreign.Partition)
			assert.Contains(t, cli.Explain("archive", err), "start that job again to finish it: with "+flags+" and the same -out; nothing is lost")
		}
		text, err := printed(t, "audit", "-out", out)
		require.NoError(t, err, text)
		assert.NotContains(t, text, "lost")
	}
	alerts, out := sky(t)
	plan(t, out, ledger.Range{Partition: alerts + "/gone.avro", To: ledger.UnknownEnd})
	err := Run(t.Context(), []string{"-simulator", "-out", out, "-once", "-progress", "off", "-lost", "record"})
	require.ErrorAs(t, err, new(*stream.ForeignError))
	assert.Contains(t, cli.Explain("archive", err), "with -files and the same -out; nothing is lost")
}

// What cannot be read keeps nothing else from the archive, and the exit status
// says that something is left.
func TestUnreadableFile(t *testing.T) {
	alerts, out := night(t, 30)
	bad := filepath.Join(alerts, "000003x.avro")
	require.NoError(t, os.WriteFile(bad, []byte("x"), 0o666))
	args := []string{"-files", alerts, "-out", out, "-once"}
	c := Command{Stdout: io.Discard, Prepare: func(s *archive.Service) {
		s.Job.Source = &changing{s.Job.Source.(*files.Source), func() {
			os.Remove(bad)
			require.NoError(t, syscall.Mkfifo(bad, 0o666))
		}}
	}}
	err := c.Run(t.Context(), args)
	require.ErrorAs(t, err, new(*stream.UnreadableError))
	assert.Contains(t, cli.Explain("archive", err), "everything else is done, but files: open "+bad+": not a regular file")
	require.NoError(t, os.Remove(bad))
	require.NoError(t, os.WriteFile(bad, []byte("x"), 0o666))
	assert.Contains(t, output(t, args...), "archived  0 alerts of 1 messages")
}

// changing is a source of files that change after they are listed.
type changing struct {
	*files.Source
	change func()
}

func (c *changing) Available(ctx context.Context) ([]stream.Extent, error) {
	out, err := c.Source.Available(ctx)
	c.change()
	return out, err
}
