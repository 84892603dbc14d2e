package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/skyfinch/skyfinch/stream"
	"github.com/skyfinch/skyfinch/stream/store"
)

// Each level is made of the one before, and is kept longer.
func TestLevels(t *testing.T) {
	for i, l := range levels {
		assert.Zero(t, l.block%l.step, l)
		assert.Greater(t, l.keep, l.block, l)
		if i > 0 {
			assert.Zero(t, l.step%levels[i-1].step, l)
			assert.Greater(t, levels[i-1].keep, l.step, "an incomplete slot can be made again: %v", l)
		}
	}
	assert.GreaterOrEqual(t, levels[len(levels)-1].keep, 3650*day)
}

// fullSlot returns a slot with large numbers in every field.
func fullSlot(rng *rand.Rand, seconds int64) *slot {
	s := newSlot()
	for _, n := range s.numbers() {
		*n = rng.Int64N(20_000 * seconds)
	}
	s.scale(func(d time.Duration) time.Duration { return d * time.Millisecond })
	for i := range s.latency {
		s.latency[i] = rng.Int64N(10_000*seconds) + 1
	}
	return s
}

func TestSlotEncoding(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range []*slot{newSlot(), fullSlot(rng, 1), fullSlot(rng, 1e6)} {
		got, err := parseSlot(appendSlot(nil, s))
		require.NoError(t, err)
		assert.Equal(t, s, got)
	}
	b := appendSlot(nil, newSlot())
	b[0]++ // a newer version has one more number
	b = append(b, 8)
	got, err := parseSlot(b)
	require.NoError(t, err)
	assert.Equal(t, newSlot(), got)
}

func FuzzBlock(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	f.Add(encodeBlock(blockSlots{0: newSlot(), 1e9: fullSlot(rng, 9)})[len(blockMagic):])
	f.Fuzz(func(t *testing.T, b []byte) {
		slots, err := parseBlock(append([]byte(blockMagic), b...))
		if err == nil {
			again, err := parseBlock(encodeBlock(slots))
			require.NoError(t, err)
			assert.Equal(t, slots, again)
		}
		if s, err := parseSlot(b); err == nil {
			again, err := parseSlot(appendSlot(nil, s))
			require.NoError(t, err)
			assert.Equal(t, s, again)
		}
	})
}

// Ten years of a busy job take less than 20 MB: each level is filled as long as it is
// kept.
func TestTenYears(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	total, slots := 0, 0
	for _, l := range levels {
		b := blockSlots{}
		n := int(l.block / l.step)
		for i := range n {
			s := fullSlot(rng, int64(l.step/time.Second))
			b[1_800_000_000+int64(i)*int64(l.step/time.Second)] = s
		}
		blocks := int(l.keep/l.block) + 2
		size := (len(encodeBlock(b)) + 4095) / 4096 * 4096
		t.Logf("%v: %d blocks of %d slots, %d bytes", l.step, blocks, n, size)
		total, slots = total+blocks*size, slots+blocks*n
	}
	t.Logf("%d slots, %.1f MB", slots, float64(total)/1e6)
	assert.Less(t, total, 20_000_000)
}

// counted returns the sum of the history of a range.
func counted(t *testing.T, r records, instance string, i int, from, to time.Time) *slot {
	sum := newSlot()
	last := time.Time{}
	require.NoError(t, readAll(t.Context(), r, instance, i, from, to, func(at time.Time, s *slot) {
		assert.True(t, at.After(last), "in order, once")
		last = at
		sum.add(s)
	}))
	return sum
}

// A process that is killed at any time loses nothing that it has stored: each level
// has the same sums, whether the process goes on at once or days later.
func TestKilled(t *testing.T) {
	for _, pause := range []time.Duration{0, 17 * time.Second, 11 * time.Minute, 7 * time.Hour, 3 * day} {
		t.Run(pause.String(), func(t *testing.T) {
			ctx, r := t.Context(), records{store.NewMemory()}
			rng := rand.New(rand.NewPCG(uint64(pause), 2))
			now := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
			begun, sum := now, int64(0)
			for range 6 {
				w, err := openWriter(ctx, r, "x", now)
				require.NoError(t, err)
				for range rng.IntN(4000) {
					require.NoError(t, w.add(ctx, now, &slot{read: 1, lag: 5, lagAge: time.Second, up: time.Second}))
					now, sum = now.Add(time.Second), sum+1
				}
				for i := 1; i < 3 && pause < time.Hour; i++ { // while it runs, as another process sees it
					assert.Equal(t, sum, counted(t, r, "x", i, begun, now).read, i)
				}
				now = now.Add(pause)
			}
			_, err := openWriter(ctx, r, "x", now)
			require.NoError(t, err)
			for i, l := range levels {
				if l.keep > now.Sub(begun) {
					got := counted(t, r, "x", i, begun, now)
					assert.Equal(t, sum, got.read, l.step)
					assert.Equal(t, time.Duration(sum)*time.Second, got.up, l.step)
				}
			}
		})
	}
}

// A block that is cut off, as after a loss of power, is made from the shorter steps.
func TestDamagedBlock(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	st, err := store.OpenDir(dir)
	require.NoError(t, err)
	r := records{st}
	now := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	w, err := openWriter(ctx, r, "x", now)
	require.NoError(t, err)
	for range 1000 {
		require.NoError(t, w.add(ctx, now, &slot{read: 1, lag: -1, lagAge: -1}))
		now = now.Add(time.Second)
	}
	name := filepath.Join(dir, blockName("x", levels[2], now))
	require.FileExists(t, name)
	require.NoError(t, os.Truncate(name, 40))
	_, err = openWriter(ctx, r, "x", now)
	require.NoError(t, err)
	assert.EqualValues(t, 1000, counted(t, r, "x", 2, now.Add(-time.Hour), now).read)
}

// What is too old is deleted, of all processes, and nothing else.
func TestPrune(t *testing.T) {
	ctx, st := t.Context(), store.NewMemory()
	r := records{st}
	now := time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC)
	kept := 0
	for _, instance := range []string{"a", "b"} {
		for _, l := range levels {
			for _, age := range []time.Duration{0, l.keep, l.keep + 2*l.block} {
				require.NoError(t, r.put(ctx, blockName(instance, l, now.Add(-age)), []byte("x")))
			}
			kept += 2
		}
	}
	for _, name := range []string{historyPrefix + "a/1/x", historyPrefix + "README", statusPrefix + "a.json"} {
		require.NoError(t, r.put(ctx, name, nil))
		kept++
	}
	require.NoError(t, prune(ctx, r, now))
	n := 0
	for _, err := range st.List(ctx, "") {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, kept, n)
}

// The quantiles of the history are within a fifth.
func TestSlotQuantile(t *testing.T) {
	s := newSlot()
	_, ok := s.quantile(0.5)
	assert.False(t, ok)
	_, job := newJob(1, 1000)
	require.NoError(t, job.Drain(t.Context()))
	l := job.Progress().Latency
	s.addLatency(l)
	for _, q := range []float64{0.01, 0.5, 0.99, 1} {
		d, ok := s.quantile(q)
		assert.True(t, ok)
		assert.InEpsilon(t, l.Quantile(q), d, 0.2, q)
	}
}

type points struct {
	Step   float64
	Points []point
}

// A job is seen in its own history, in that of another process, and after a restart.
func TestHistoryOfProcesses(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		st, err := store.OpenDir(dir)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		var monitors []*Monitor
		ended := make(chan struct{})
		begun := time.Now()
		for i := range 2 {
			_, job := newJob(1, 1000)
			m := &Monitor{Log: quiet()}
			m.Add(&Job{Name: "test", MicroBatch: job, Store: st})
			monitors = append(monitors, m)
			go func() { m.Run(ctx); ended <- struct{}{} }()
			time.Sleep(time.Duration(i+1) * 2 * time.Second)
			require.NoError(t, job.Drain(ctx))
		}
		reader := &Monitor{Log: quiet()}
		reader.Add(&Job{Store: st})
		readerCtx, stopReader := context.WithCancel(t.Context())
		go func() { reader.Run(readerCtx); ended <- struct{}{} }()
		for _, m := range append(monitors, reader) {
			m.status(time.Now(), 0) // somebody looks at the other processes
		}
		time.Sleep(5 * time.Second)
		for i, m := range append(monitors, reader) {
			h := get[points](t, m, "/history.json?points=100")
			read, lag := int64(0), int64(0)
			for _, p := range h.Points {
				read, lag = read+p.Read, lag+*p.Lag.Messages
				assert.Equal(t, p.Read, p.Written+p.Rejected+p.Dropped)
			}
			assert.EqualValues(t, 2000, read, i)
			assert.LessOrEqual(t, len(h.Points), 100)
			s := m.status(time.Now(), 0)
			require.Len(t, s.Processes, map[bool]int{true: 2, false: 1}[m == reader], i)
			assert.False(t, s.Processes[0].Silent)
			assert.Less(t, time.Since(s.Processes[0].Heard), 3*time.Second)
			assert.EqualValues(t, 1000, s.Processes[0].Job.Read)
		}
		s := reader.status(time.Now(), 0)
		assert.EqualValues(t, 2000, s.Job.Read)
		assert.Len(t, s.Jobs, 2)
		stop()
		<-ended
		<-ended
		time.Sleep(time.Minute)
		assert.Equal(t, stateStopped, reader.status(time.Now(), 0).Jobs[0].State, "it has said so")
		m := &Monitor{Log: quiet()}
		m.Add(&Job{Name: "test", Status: func() stream.Status { return stream.Status{} }, Store: st})
		again, stop := context.WithCancel(t.Context())
		go func() { m.Run(again); ended <- struct{}{} }()
		time.Sleep(3 * time.Second)
		assert.Equal(t, monitors[0].jobs[0].keeper.instance(), m.jobs[0].keeper.instance(), "the same name after a restart")
		read := int64(0)
		for _, p := range get[points](t, m, fmt.Sprintf("/history.json?from=%d", begun.Unix())).Points {
			read += p.Read
		}
		assert.EqualValues(t, 2000, read)
		stop()
		stopReader()
		<-ended
		<-ended
	})
	require.NoError(t, filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		assert.False(t, strings.HasSuffix(name, ".parquet"))
		return err
	}))
}

// A process that is killed becomes silent.
func TestSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := records{store.NewMemory()}
		m := &Monitor{Log: quiet()}
		j := &Job{Store: r.store}
		m.Add(j)
		at := time.Now()
		data := fmt.Sprintf(`{"service":"archive","instance":"a","state":"working","time":%q,"rate":{"in":5},"job":{"read":7}}`, at.Format(time.RFC3339Nano))
		require.NoError(t, r.put(t.Context(), statusPrefix+"a.json", []byte(data)))
		require.NoError(t, r.put(t.Context(), statusPrefix+"b.json", []byte("{")))
		require.NoError(t, r.put(t.Context(), statusPrefix+"c.json", []byte(`{"instance":"../c"}`)))
		for _, silent := range []bool{false, true} {
			require.NoError(t, j.keeper.readPeers(t.Context(), time.Now()))
			s := m.status(time.Now(), 0)
			require.Len(t, s.Processes, 1)
			assert.Equal(t, silent, s.Processes[0].Silent)
			assert.Equal(t, at.Unix(), s.Processes[0].Heard.Unix())
			assert.Equal(t, map[bool]string{false: "working", true: "silent"}[silent], s.State)
			assert.EqualValues(t, 7, s.Job.Read)
			time.Sleep(time.Minute)
		}
		time.Sleep(8 * day)
		require.NoError(t, j.keeper.readPeers(t.Context(), time.Now()))
		assert.Empty(t, m.status(time.Now(), 0).Processes)
		data2, err := r.get(t.Context(), statusPrefix+"a.json")
		require.NoError(t, err)
		assert.Nil(t, data2, "it is deleted")
	})
}

// A store that fails is not ready, and the job goes on.
func TestStoreFails(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("root may write everywhere: a file takes the place of the directory")
	}
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		st, err := store.OpenDir(dir)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "monitor"), nil, 0o666))
		_, job := newJob(1, 100)
		m := &Monitor{Log: quiet()}
		m.Add(&Job{Name: "test", MicroBatch: job, Store: st})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { m.Run(ctx); close(ended) }()
		done := make(chan error)
		go func() { done <- job.Run(ctx) }()
		time.Sleep(time.Minute)
		assert.Contains(t, ask(m, "/readyz").Body.String(), `"name":"store","ok":false`)
		assert.EqualValues(t, 100, m.status(time.Now(), 0).Job.Read)
		require.NoError(t, os.Remove(filepath.Join(dir, "monitor")))
		time.Sleep(5 * time.Second)
		assert.Contains(t, ask(m, "/readyz").Body.String(), `"name":"store","ok":true`)
		read := int64(0)
		for _, p := range get[points](t, m, "/history.json").Points {
			read += p.Read
		}
		assert.EqualValues(t, 100, read, "what could not be stored was kept")
		stop()
		<-done
		<-ended
	})
}

// slowStore is a store over a network: each operation takes a fifth of a second.
type slowStore struct{ *store.Memory }

func (s slowStore) PutHint(ctx context.Context, name string, data []byte) error {
	time.Sleep(200 * time.Millisecond)
	return s.Memory.PutHint(ctx, name, data)
}

func (s slowStore) Get(ctx context.Context, name string) ([]byte, error) {
	time.Sleep(200 * time.Millisecond)
	return s.Memory.Get(ctx, name)
}

// On a store that is not a disk, the status is at most ten seconds old.
func TestAgeOnSlowStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := store.NewMemory()
		_, job := newJob(2, 1000)
		m := &Monitor{Log: quiet()}
		m.Add(&Job{Name: "test", MicroBatch: job, Store: slowStore{memory}})
		ctx, stop := context.WithCancel(t.Context())
		ended, done := make(chan struct{}), make(chan error)
		go func() { m.Run(ctx); close(ended) }()
		go func() { done <- job.Run(ctx) }()
		time.Sleep(20 * time.Second)
		oldest := time.Duration(0)
		for range 120 {
			time.Sleep(time.Second)
			for e, err := range memory.List(ctx, statusPrefix) {
				require.NoError(t, err)
				data, err := memory.Get(ctx, e.Name)
				require.NoError(t, err)
				var s status
				require.NoError(t, json.Unmarshal(data, &s))
				oldest = max(oldest, time.Since(s.Time))
			}
		}
		assert.Positive(t, oldest)
		assert.LessOrEqual(t, oldest, 10*time.Second)
		stop()
		<-done
		<-ended
	})
}
