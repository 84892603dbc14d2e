package attempts

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/internal/faultstore"
	"github.com/skyfinch/skyfinch/stream/ledger"
	"github.com/skyfinch/skyfinch/stream/store"
)

var errFault = errors.New("fault")

// begin begins an attempt at batch 7 with a new record.
func begin(t *testing.T, l *Log, attempt int, previousAlive bool) (won bool) {
	t.Helper()
	record, err := NewRecord(previousAlive)
	require.NoError(t, err)
	won, err = l.Begin(t.Context(), 7, attempt, record)
	require.NoError(t, err)
	return won
}

func openLog(t *testing.T, s store.Store) *Log {
	t.Helper()
	l, err := ledger.Open(t.Context(), s, "ledger", nil)
	require.NoError(t, err)
	return Open(l)
}

// written is a store that cannot overwrite records.
func written() store.Store { return struct{ store.Store }{store.NewMemory()} }

// The names are part of the ledger's format: another version of the program may
// be at work on the same ledger.
func TestRecordNames(t *testing.T) {
	s := written()
	l := openLog(t, s)
	require.True(t, begin(t, l, 2, true))
	require.NoError(t, l.Heartbeat(t.Context(), 7, 2, 1, false))
	require.NoError(t, l.Heartbeat(t.Context(), 7, 2, 2, true))
	require.NoError(t, l.End(t.Context(), 7, 2))
	for name, want := range map[string]string{
		"try2":    `{"token":"[a-z2-7]{16}","created":".*Z","alive":true}`,
		"try2.1":  "{}\n",
		"try2.2":  "{\"stuck\":true}\n",
		"try2end": "{}\n",
	} {
		data, err := s.Get(t.Context(), "ledger/000000000007."+name)
		require.NoError(t, err, name)
		assert.Regexp(t, "^"+want+"$", string(data), name)
	}
}

// The first process to put a record begins the attempt, also if the reply to it
// is lost.
func TestBegin(t *testing.T) {
	s := store.NewMemory()
	lost := &faultstore.Store{Store: s, After: func(op faultstore.Op) error {
		if op.Name == "ledger/000000000007.try2" {
			return errFault
		}
		return nil
	}}
	l := openLog(t, lost)
	record, err := NewRecord(false)
	require.NoError(t, err)
	_, err = l.Begin(t.Context(), 7, 2, record)
	require.ErrorIs(t, err, errFault)
	lost.After = nil
	won, err := l.Begin(t.Context(), 7, 2, record)
	require.NoError(t, err)
	assert.True(t, won, "it is the same record")
	assert.False(t, begin(t, openLog(t, s), 2, false), "another process")
	assert.True(t, begin(t, openLog(t, s), 3, false))
}

func TestDeaths(t *testing.T) {
	l := openLog(t, store.NewMemory())
	deaths := func(before int) int {
		n, err := l.Deaths(t.Context(), 7, before)
		require.NoError(t, err)
		return n
	}
	assert.Zero(t, deaths(1))
	begin(t, l, 2, false) // 1 has died
	assert.Equal(t, 1, deaths(2))
	begin(t, l, 3, true) // 2 is stuck
	assert.Equal(t, 1, deaths(3))
	require.NoError(t, l.End(t.Context(), 7, 3))
	begin(t, l, 4, false)
	assert.Equal(t, 1, deaths(4))
	begin(t, l, 5, false)
	assert.Equal(t, 2, deaths(5))
	require.NoError(t, l.End(t.Context(), 7, 1))
	assert.Equal(t, 1, deaths(5), "it was alive after all")
}

func TestUpdate(t *testing.T) {
	ctx := t.Context()
	l := openLog(t, written())
	s := Status{Attempt: 1}
	update := func() bool {
		progress, err := l.Update(ctx, 7, &s)
		require.NoError(t, err)
		return progress
	}
	assert.False(t, update())
	require.NoError(t, l.Heartbeat(ctx, 7, 1, 1, false))
	require.NoError(t, l.Heartbeat(ctx, 7, 1, 2, true))
	assert.True(t, update(), "one of two heartbeats reports progress")
	assert.Equal(t, Status{Attempt: 1, Heartbeats: 2, Stuck: true}, s)
	require.NoError(t, l.Heartbeat(ctx, 7, 1, 3, true))
	assert.False(t, update())
	require.NoError(t, l.End(ctx, 7, 1))
	assert.False(t, update())
	assert.True(t, s.Ended)
	begin(t, l, 2, false)
	begin(t, l, 3, false)
	assert.True(t, update())
	assert.Equal(t, Status{Attempt: 3}, s)
	assert.False(t, update())
}

// If the store can overwrite records, an attempt has one for its heartbeats.
func TestUpdateOfHints(t *testing.T) {
	ctx, s := t.Context(), store.NewMemory()
	l := openLog(t, s)
	status := Status{Attempt: 1}
	update := func() bool {
		progress, err := l.Update(ctx, 7, &status)
		require.NoError(t, err)
		return progress
	}
	assert.False(t, update())
	require.NoError(t, l.Heartbeat(ctx, 7, 1, 1, false))
	require.NoError(t, l.Heartbeat(ctx, 7, 1, 2, false))
	assert.True(t, update())
	assert.False(t, update(), "nothing new")
	require.NoError(t, l.Heartbeat(ctx, 7, 1, 3, true))
	assert.False(t, update())
	assert.Equal(t, Status{Attempt: 1, Heartbeats: 3, Stuck: true}, status)
	data, err := s.Get(ctx, "ledger/000000000007.try1.beat")
	require.NoError(t, err)
	assert.Equal(t, "{\"n\":3,\"stuck\":true}\n", string(data))
}

func TestErrors(t *testing.T) {
	ctx := context.Background()
	s := written()
	s.PutIfAbsent(ctx, "ledger/000000000007.try1.1", []byte("{"))
	status := Status{Attempt: 1}
	_, err := openLog(t, s).Update(ctx, 7, &status)
	var damaged *ledger.DamagedError
	require.ErrorAs(t, err, &damaged)
	assert.Equal(t, "ledger/000000000007.try1.1", damaged.Name)
	assert.EqualValues(t, 7, damaged.Batch)

	bad := &faultstore.Store{Store: s}
	l := openLog(t, bad)
	bad.Before = func(faultstore.Op) error { return errFault }
	progress, err := l.Update(ctx, 7, &status)
	assert.ErrorIs(t, err, errFault)
	assert.False(t, progress || status.Ended)
	_, err = l.Deaths(ctx, 7, 2)
	assert.ErrorIs(t, err, errFault)
	assert.ErrorIs(t, l.End(ctx, 7, 2), errFault)
	assert.ErrorIs(t, l.Heartbeat(ctx, 7, 2, 1, false), errFault)
}

// The log of a ledger in memory has no records, and no attempt waits for them.
func TestMemoryLedger(t *testing.T) {
	m, err := ledger.OpenMemory(t.Context())
	require.NoError(t, err)
	l := Open(m)
	assert.True(t, begin(t, l, 2, false))
	assert.True(t, begin(t, l, 2, false))
	require.NoError(t, l.Heartbeat(t.Context(), 7, 2, 1, false))
	require.NoError(t, l.End(t.Context(), 7, 2))
	s := Status{Attempt: 1}
	progress, err := l.Update(t.Context(), 7, &s)
	require.NoError(t, err)
	assert.False(t, progress)
	assert.Equal(t, Status{Attempt: 1}, s)
	deaths, err := l.Deaths(t.Context(), 7, 2)
	require.NoError(t, err)
	assert.Equal(t, 1, deaths)
}
