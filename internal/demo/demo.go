package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/feed"
)

// Night says what the topics get. Its zero value is an endless stream of both
// surveys.
type Night struct {
	// ZTF and LSST are the numbers of alerts. A survey without alerts has no
	// topic. If both are zero, both surveys send without end.
	ZTF, LSST int
	// Rate is the number of alerts per second, of both surveys together. If
	// zero, it is 20 for an endless stream; a night is sent as fast as possible.
	Rate float64
	// Seed determines the sky. Equal nights have equal bytes.
	Seed uint64
}

const (
	defaultRate = 20
	partitions  = 4             // per topic
	nightLength = 3 * time.Hour // unless it is endless
	// delay is the time from the event to the broker in an endless stream.
	delay = time.Minute
	// keptBytes is how much the broker keeps of an endless stream.
	keptBytes = 128 << 20
)

// Demo is a broker within this process. Its topics are being filled.
type Demo struct {
	Brokers []string // one, 127.0.0.1:PORT
	Topics  []string // ztf_YYYYMMDD_programid1, lsst-alerts-v9
	// Registry has the schemas of the LSST alerts.
	Registry *sim.Registry

	broker *broker
	cancel context.CancelFunc
	feeds  sync.WaitGroup
	mu     sync.Mutex
	err    error
}

// Start starts a broker and begins to fill its topics, until ctx ends. The
// caller must close the Demo.
func Start(ctx context.Context, n Night) (*Demo, error) {
	streams := n.streams()
	d := &Demo{Registry: new(sim.Registry)}
	for _, s := range streams {
		d.Topics = append(d.Topics, s.topic)
	}
	keep := int64(0)
	if n.endless() {
		keep = keptBytes / int64(len(streams)) / partitions
	}
	var err error
	if d.broker, err = startBroker(partitions, keep, d.Topics...); err != nil {
		return nil, err
	}
	d.Brokers = d.broker.addrs()
	ctx, d.cancel = context.WithCancel(ctx)
	for _, s := range streams {
		d.feeds.Go(func() { d.feed(ctx, s) })
	}
	return d, nil
}

// feed sends the alerts of one survey.
func (d *Demo) feed(ctx context.Context, s surveyStream) {
	s.simulator.Registry = d.Registry
	f := &feed.Feed{
		Brokers: d.Brokers, Topic: s.topic, Rate: s.rate,
		Compression: sarama.CompressionSnappy, // saves a third of the broker's memory
	}
	_, err := f.Send(ctx, s.simulator.Packets(s.count))
	if err != nil && ctx.Err() == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.err = errors.Join(d.err, fmt.Errorf("demo: feed %s: %w", s.topic, err))
	}
}

// Wait waits until all alerts are in the topics or sending has failed. An endless
// stream ends with the context of Start, or with Close.
func (d *Demo) Wait() error {
	d.feeds.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// Close stops the feeds and the broker, whose messages are gone then.
func (d *Demo) Close() error {
	d.cancel()
	err := d.Wait()
	d.broker.close()
	return err
}

// surveyStream is the alerts of one survey.
type surveyStream struct {
	topic     string
	simulator sim.Simulator
	count     int64   // negative: endless
	rate      float64 // alerts per second; 0: as fast as possible
}

func (n Night) endless() bool { return n.ZTF <= 0 && n.LSST <= 0 }

// streams returns the streams of the surveys.
func (n Night) streams() []surveyStream {
	if n.endless() {
		return n.endlessStreams()
	}
	start := time.Date(2026, 9, 15, 3, 0, 0, 0, time.UTC)
	all := float64(max(n.ZTF, 0) + max(n.LSST, 0))
	of := func(survey sim.Survey, count int) surveyStream {
		s := sim.Simulator{Survey: survey, Seed: n.Seed, Start: start, Night: nightLength, Alerts: count}
		return surveyStream{topicOf(s), s, int64(count), n.Rate * float64(count) / all}
	}
	var streams []surveyStream
	if n.ZTF > 0 {
		streams = append(streams, of(sim.ZTF, n.ZTF))
	}
	if n.LSST > 0 {
		streams = append(streams, of(sim.LSST, n.LSST))
	}
	return streams
}

// endlessStreams returns streams whose event times are those of sending.
func (n Night) endlessStreams() []surveyStream {
	rate := n.Rate / 2
	if rate <= 0 {
		rate = defaultRate / 2.
	}
	start := time.Now().UTC().Add(-delay)
	const day = 24 * time.Hour
	of := func(survey sim.Survey) surveyStream {
		s := sim.Simulator{Survey: survey, Seed: n.Seed, Start: start, Night: day, Alerts: int(max(1, rate*day.Seconds()))}
		return surveyStream{topicOf(s), s, -1, rate}
	}
	return []surveyStream{of(sim.ZTF), of(sim.LSST)}
}

// topicOf returns a topic's name as the surveys name theirs.
func topicOf(s sim.Simulator) string {
	if s.Survey == sim.LSST {
		return "lsst-alerts-v9"
	}
	return "ztf_" + s.Start.Format("20060102") + "_programid1"
}
