package archive_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/files"
	"github.com/skyfinch/skyfinch/stream/ledger"
)

// listed is what a list of messages has of one partition: what is at each
// offset, and whether the partition is gone.
type listed struct {
	name string
	what []string
	gone bool
}

// readMessages reads a list of messages; see testdata/3237875/README.md.
func readMessages(t *testing.T, name string) (out []*listed) {
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		i := slices.IndexFunc(out, func(p *listed) bool { return p.name == f[0] })
		if i < 0 {
			i = len(out)
			out = append(out, &listed{name: f[0]})
		}
		if p := out[i]; f[2] == "gone" {
			p.gone = true
		} else {
			require.Equal(t, strconv.Itoa(len(p.what)), f[1], line)
			p.what = append(p.what, f[2])
		}
	}
	return out
}

// topics is a source of listed messages, as Kafka would have them.
type topics struct {
	partitions []*listed
	packets    string // a directory
}

func (s *topics) Available(context.Context) (out []stream.Extent, _ error) {
	for _, p := range s.partitions {
		e := stream.Extent{Range: ledger.Range{Partition: p.name, To: int64(len(p.what))}, Gone: p.gone}
		if p.gone {
			e.To = ledger.UnknownEnd
		}
		out = append(out, e)
	}
	return out, nil
}

func (s *topics) Read(_ context.Context, ranges []ledger.Range) iter.Seq2[stream.Chunk, error] {
	return func(yield func(stream.Chunk, error) bool) {
		for _, r := range ranges {
			i := slices.IndexFunc(s.partitions, func(p *listed) bool { return p.name == r.Partition })
			if i < 0 || r.To != ledger.UnknownEnd && r.To > int64(len(s.partitions[i].what)) {
				yield(stream.Chunk{}, stream.Permanent(fmt.Errorf("%v is not listed", r)))
				return
			}
			if r.To == ledger.UnknownEnd {
				r.To = r.From
				yield(stream.Chunk{Accounts: []ledger.Account{{Range: r, End: true}}}, nil)
				continue
			}
			c, err := s.chunk(s.partitions[i], r)
			more := yield(c, err)
			if c.Messages != nil {
				c.Messages.Release()
			}
			if !more {
				return
			}
		}
	}
}

// chunk returns the messages of a range.
func (s *topics) chunk(p *listed, r ledger.Range) (c stream.Chunk, err error) {
	topic, partition := topicOf(p.name)
	a := ledger.Account{Range: r}
	b := stream.NewMessageBuilder(memory.DefaultAllocator)
	defer b.Release()
	for offset := r.From; offset < r.To; offset++ {
		switch what := p.what[offset]; what {
		case "control":
			a.Control++
		case "aborted":
			a.Aborted++
		case "compacted":
			a.Compacted++
		case "lost":
			a.Lost++
		default:
			data, err := os.ReadFile(filepath.Join(s.packets, what))
			if err != nil {
				return c, err
			}
			a.Read++
			b.Append(stream.Message{Topic: topic, Partition: partition, Offset: offset, Time: time.Unix(1543471200+offset, 0),
				Value: stream.View{Buffer: memory.NewBufferBytes(data), To: len(data)}})
		}
	}
	c.Accounts = []ledger.Account{a}
	if b.Len() > 0 {
		c.Messages = b.NewRecord()
	}
	return c, nil
}

// topicOf returns topic and partition of "cluster/topic@id/7".
func topicOf(name string) (topic string, partition int32) {
	_, name, _ = strings.Cut(name, "/")
	topic, name, _ = strings.Cut(name, "@")
	n, _ := strconv.Atoi(name[strings.LastIndex(name, "/")+1:])
	return topic, int32(n)
}

// madeIn is where the files were that the archives in testdata were made of.
const madeIn = "/tmp/alerts"

// moved is a source of files that are not where the ledger says.
type moved struct {
	*files.Source
	dir string // where they are
}

// moveFiles writes listed files into a new directory.
func moveFiles(t *testing.T, partitions []*listed, packets string) *moved {
	dir, err := filepath.EvalSymlinks(t.TempDir()) // the names of partitions have no links
	require.NoError(t, err)
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(packets, name))
		require.NoError(t, err)
		return data
	}
	for _, p := range partitions {
		name := dir + strings.TrimPrefix(p.name, madeIn)
		if !strings.HasSuffix(name, ".tar.gz") {
			require.NoError(t, os.WriteFile(name, read(p.what[0]), 0o666))
			continue
		}
		f, err := os.Create(name)
		require.NoError(t, err)
		z := gzip.NewWriter(f)
		w := tar.NewWriter(z)
		for _, member := range p.what {
			data := read(member)
			require.NoError(t, w.WriteHeader(&tar.Header{Name: member, Mode: 0o644, Size: int64(len(data))}))
			_, err := w.Write(data)
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		require.NoError(t, z.Close())
		require.NoError(t, f.Close())
	}
	return &moved{&files.Source{Patterns: []string{dir}}, dir}
}

func (s *moved) Available(ctx context.Context) ([]stream.Extent, error) {
	extents, err := s.Source.Available(ctx)
	for i := range extents {
		extents[i].Partition = madeIn + strings.TrimPrefix(extents[i].Partition, s.dir)
	}
	return extents, err
}

func (s *moved) Read(ctx context.Context, ranges []ledger.Range) iter.Seq2[stream.Chunk, error] {
	there := slices.Clone(ranges)
	for i := range there {
		there[i].Partition = s.dir + strings.TrimPrefix(there[i].Partition, madeIn)
	}
	return func(yield func(stream.Chunk, error) bool) {
		for c, err := range s.Source.Read(ctx, there) {
			for i := range c.Accounts {
				c.Accounts[i].Partition = madeIn + strings.TrimPrefix(c.Accounts[i].Partition, s.dir)
			}
			if !yield(c, err) {
				return
			}
		}
	}
}
