package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream/store"
)

// widen returns a merge function that adds a field if it is missing.
func widen(name string) func(*arrow.Schema) (*arrow.Schema, error) {
	return func(s *arrow.Schema) (*arrow.Schema, error) {
		var fields []arrow.Field
		if s != nil {
			if s.HasField(name) {
				return s, nil
			}
			fields = s.Fields()
		}
		return arrow.NewSchema(append(fields, arrow.Field{Name: name, Type: arrow.BinaryTypes.BinaryView, Nullable: true}), nil), nil
	}
}

func TestWidenConcurrently(t *testing.T) {
	ctx, s := context.Background(), store.NewMemory()
	errs := make(chan error)
	for i := range 4 {
		l, err := Open(ctx, s, "ledger", nil)
		require.NoError(t, err)
		go func() {
			var err error
			for j := range 10 {
				var got *arrow.Schema
				name := fmt.Sprintf("f%d", (j*(i+1))%10)
				if got, err = l.Widen(ctx, "alerts/x", widen(name)); err != nil || !got.HasField(name) {
					err = errors.Join(err, fmt.Errorf("%s: %v", name, got))
					break
				}
			}
			errs <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-errs)
	}
	l, err := Open(ctx, s, "ledger", nil)
	require.NoError(t, err)
	got, err := l.Widen(ctx, "alerts/x", func(s *arrow.Schema) (*arrow.Schema, error) { return s, nil })
	require.NoError(t, err)
	assert.Equal(t, 10, got.NumFields(), "each field once")
	assert.Equal(t, 10, l.tables["alerts/x"].n)
	_, err = l.Widen(ctx, "alerts/x", func(*arrow.Schema) (*arrow.Schema, error) { return nil, errFault })
	assert.Equal(t, errFault, err)
	other, err := l.Widen(ctx, "alerts.x", widen("a"))
	require.NoError(t, err)
	assert.Equal(t, 1, other.NumFields(), "a chain of its own")
}

func TestDamagedSchemaRecord(t *testing.T) {
	for _, data := range []string{"", "{", `{"table":"x","number":1,"arrow":"AAAA"}`, `{"table":"x","number":2}`} {
		s := store.NewMemory()
		l, err := Open(context.Background(), s, "ledger", nil)
		require.NoError(t, err)
		s.PutIfAbsent(context.Background(), "ledger/schema/x.000001", []byte(data))
		_, err = l.Widen(context.Background(), "x", widen("a"))
		assert.ErrorContains(t, err, "ledger: record ledger/schema/x.000001 is damaged")
		var damaged *DamagedError
		assert.ErrorAs(t, err, &damaged)
	}
}

func FuzzSchemaRecord(f *testing.F) {
	s := store.NewMemory()
	l, _ := Open(context.Background(), s, "ledger", nil)
	l.Widen(context.Background(), "x", widen("a"))
	data, _ := s.Get(context.Background(), "ledger/schema/x.000001")
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var c schemaChain
		if _, err := c.append("x.000001", "x", data); err == nil && (c.n != 1 || c.schema == nil) {
			t.Error("no schema and no error")
		}
	})
}

func TestOpen(t *testing.T) {
	ctx, s := context.Background(), store.NewMemory()
	settings := map[string]string{"clock": "event", "layout": "hours"}
	a, err := Open(ctx, s, "ledger", settings)
	require.NoError(t, err)
	b, err := Open(ctx, s, "ledger", settings)
	require.NoError(t, err)
	assert.Equal(t, a.ID(), b.ID())
	_, err = Open(ctx, s, "ledger", map[string]string{"clock": "night", "layout": "days"})
	var other *SettingsError
	require.ErrorAs(t, err, &other)
	assert.Equal(t, &SettingsError{"ledger", "clock", "event", "night"}, other, "the first by name")
	for _, bad := range []string{"", "{", `{"version":"1"}`} {
		s := store.NewMemory()
		s.PutIfAbsent(ctx, "ledger/ledger.json", []byte(bad))
		_, err = Open(ctx, s, "ledger", nil)
		assert.ErrorContains(t, err, "ledger/ledger.json is damaged")
	}
	s = store.NewMemory()
	s.PutIfAbsent(ctx, "ledger/ledger.json", []byte(`{"id":"x","version":"2"}`))
	_, err = Open(ctx, s, "ledger", nil)
	require.ErrorAs(t, err, &other)
	assert.Equal(t, "version", other.Setting)
}

// A second writer of a record gets the first one's.
func TestPutReturnsTheFirst(t *testing.T) {
	ctx := context.Background()
	l, err := OpenMemory(ctx)
	require.NoError(t, err)
	for _, token := range []string{"first", "second"} {
		got, err := l.PutPlan(ctx, &Plan{Batch: 1, Token: token})
		require.NoError(t, err)
		assert.Equal(t, "first", got.Token)
	}
	p, err := l.Plan(ctx, 1)
	require.NoError(t, err)
	assert.Equal(t, "first", p.Token)
	_, err = l.Commit(ctx, 1)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
