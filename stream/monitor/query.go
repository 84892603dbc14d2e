package monitor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/skyfinch/skyfinch/stream"
)

const (
	maxPoints     = 2000
	defaultPoints = 300
	defaultRange  = time.Hour
	maxQueries    = 4 // of the history at once
	queryTimeout  = 10 * time.Second
	// slotsPerPoint is the number of slots from which a point is made of longer ones.
	slotsPerPoint = 4
)

// historyQuery is what /history.json is asked for.
type historyQuery struct {
	from, to time.Time
	points   int
}

// parseHistory parses the parameters of /history.json. Times are in RFC 3339 or
// Unix seconds.
func parseHistory(raw string, now time.Time) (q historyQuery, err error) {
	values, err := parseQuery(raw, "from", "to", "points")
	if err != nil {
		return q, err
	}
	q = historyQuery{to: now, points: defaultPoints}
	if s, ok := values["to"]; ok {
		if q.to, err = parseTime(s); err != nil {
			return q, fmt.Errorf("to: %w", err)
		}
	}
	q.from = q.to.Add(-defaultRange)
	if s, ok := values["from"]; ok {
		if q.from, err = parseTime(s); err != nil {
			return q, fmt.Errorf("from: %w", err)
		}
	}
	if s, ok := values["points"]; ok {
		if q.points, err = strconv.Atoi(s); err != nil || q.points < 1 || q.points > maxPoints {
			return q, fmt.Errorf("points: write a number from 1 to %d", maxPoints)
		}
	}
	if !q.from.Before(q.to) {
		return q, errors.New("from must be before to")
	}
	return q, nil
}

// maxSpan bounds the range of a query in sums, so that they do not overflow: no
// history is that long.
const maxSpan = 290 * 365 * day

func (q historyQuery) span() time.Duration { return min(q.to.Sub(q.from), maxSpan) }

// The times that can be asked for.
var (
	firstTime = time.Unix(0, 0)
	lastTime  = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		seconds, err := strconv.ParseFloat(s, 64)
		if err != nil || !(math.Abs(seconds) < 1e12) {
			return t, errors.New("write a time like 2026-07-01T03:00:00Z, or Unix seconds")
		}
		t = time.Unix(0, 0).Add(time.Duration(min(seconds, 9e9) * float64(time.Second)))
		if seconds > 9e9 {
			t = lastTime
		}
	}
	if t.Before(firstTime) || t.After(lastTime) {
		return t, errors.New("the year must be 1970 to 9998")
	}
	return t.UTC(), nil
}

// plan returns the level to read and the step of the points, which is a multiple of
// the level's.
func (q historyQuery) plan(now time.Time) (i int, step time.Duration) {
	span := q.span()
	for i < len(levels)-1 && now.Sub(q.from) > levels[i].keep {
		i++
	}
	for i < len(levels)-1 && levels[i+1].step*slotsPerPoint <= span/time.Duration(q.points) {
		i++
	}
	l := levels[i]
	n := (span + l.step*time.Duration(q.points) - 1) / (l.step * time.Duration(q.points))
	return i, max(n, 1) * l.step
}

// point is a point of the history in JSON. Counts and rates are those of the time
// from Time, for Seconds.
type point struct {
	Time     time.Time                `json:"time"`
	Seconds  float64                  `json:"seconds"`
	Up       float64                  `json:"up"` // the fraction of the time that a job ran
	In       float64                  `json:"in"`
	Out      float64                  `json:"out"`
	Read     int64                    `json:"read"`
	Written  int64                    `json:"written"`
	Rejected int64                    `json:"rejected"`
	Dropped  int64                    `json:"dropped"`
	Lost     int64                    `json:"lost"`
	Bytes    int64                    `json:"bytes"`
	Batches  int64                    `json:"batches"`
	Retries  int64                    `json:"retries"`
	Lag      pointLag                 `json:"lag"`
	Latency  quantilePair             `json:"latency"`
	Stages   map[stream.Stage]float64 `json:"stages"`
}

type pointLag struct {
	Messages *int64   `json:"messages"`
	Seconds  *float64 `json:"seconds"`
}

type quantilePair struct {
	P50 *float64 `json:"p50"`
	P99 *float64 `json:"p99"`
}

// history is the answer of /history.json.
type history struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Step   float64   `json:"step"`
	Points []point   `json:"points"`
}

func (m *Monitor) serveHistory(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	q, err := parseHistory(r.URL.RawQuery, now)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), queryTimeout)
	defer cancel()
	select {
	case m.queries <- struct{}{}:
		defer func() { <-m.queries }()
	case <-ctx.Done():
		w.Header().Set("Retry-After", "10")
		http.Error(w, "too many requests of the history", http.StatusServiceUnavailable)
		return
	}
	h, err := m.history(ctx, q, now)
	switch {
	case err == nil:
		writeJSON(w, r, http.StatusOK, h)
	case !canceled(r.Context()):
		m.log().Warn("the history cannot be read", "err", err)
		http.Error(w, "the history cannot be read", http.StatusServiceUnavailable)
	}
}

// history returns the history of all jobs and of the other processes that keep
// theirs in the same stores.
func (m *Monitor) history(ctx context.Context, q historyQuery, now time.Time) (*history, error) {
	i, step := q.plan(now)
	from := floor(q.from, step)
	out := &history{From: q.from, To: q.to, Points: []point{}}
	for int64((min(q.to.Sub(from), maxSpan)+step-1)/step) > int64(q.points) { // the first and the last may be parts
		step += levels[i].step
		from = floor(q.from, step)
	}
	out.Step = step.Seconds()
	sum := map[int64]*slot{}
	to := q.to
	if to.After(now) {
		to = now
	}
	from0 := from
	if oldest := now.Add(-levels[len(levels)-1].keep); from0.Before(oldest) {
		from0 = oldest
	}
	seen := map[string]bool{}
	for _, j := range m.list() {
		names := []string{j.keeper.instance()}
		if !j.keeper.memory {
			others, err := instances(ctx, j.keeper.records)
			if err != nil {
				return nil, err
			}
			names = append(names, others...)
		}
		for _, name := range names {
			if name == "" || seen[name] {
				continue
			}
			seen[name] = true
			one := map[int64]*slot{}
			err := readAll(ctx, j.keeper.records, name, i, from0, to, func(at time.Time, s *slot) {
				k := floor(at, step).Unix()
				if one[k] == nil {
					one[k] = newSlot()
				}
				one[k].add(s)
			})
			if err != nil {
				return nil, err
			}
			for at, s := range one {
				if sum[at] == nil {
					sum[at] = newSlot()
				}
				sum[at].join(s)
			}
		}
	}
	for at := from; at.Before(q.to) && len(sum) > 0; at = at.Add(step) {
		if s := sum[at.Unix()]; s != nil {
			end := at.Add(step)
			if end.After(to) {
				end = to
			}
			out.Points = append(out.Points, pointOf(at, max(end.Sub(at), time.Second), s))
		}
	}
	return out, nil
}

func pointOf(at time.Time, length time.Duration, s *slot) point {
	seconds := length.Seconds()
	p := point{
		Time: at, Seconds: round(seconds), Up: min(round(s.up.Seconds()/seconds), 1),
		In: round(float64(s.in) / seconds), Out: round(float64(s.written) / seconds),
		Read: s.read, Written: s.written, Rejected: s.rejected, Dropped: s.dropped, Lost: s.lost,
		Bytes: s.bytes, Batches: s.batches, Retries: s.retries, Stages: map[stream.Stage]float64{},
	}
	if s.lag >= 0 {
		p.Lag.Messages = &s.lag
	}
	if s.lagAge >= 0 {
		age := round(s.lagAge.Seconds())
		p.Lag.Seconds = &age
	}
	for _, q := range []struct {
		q  float64
		to **float64
	}{{0.5, &p.Latency.P50}, {0.99, &p.Latency.P99}} {
		if d, ok := s.quantile(q.q); ok {
			v := round(d.Seconds())
			*q.to = &v
		}
	}
	for i, stage := range stages {
		if s.busy[i] > 0 {
			p.Stages[stage] = round(s.busy[i].Seconds())
		}
	}
	return p
}
