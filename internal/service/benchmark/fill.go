package benchmark

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"github.com/skyfinch/skyfinch/alert/sim"
	"github.com/skyfinch/skyfinch/internal/cli"
	"github.com/skyfinch/skyfinch/internal/demo"
	"github.com/skyfinch/skyfinch/internal/feed"
)

// span is the time over which the alerts are spread: files of six hours.
const span = 6 * time.Hour

// embed starts a broker in this process, which is not measured and holds the
// whole topic in memory.
func (b *bench) embed(ctx context.Context) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(math.MaxInt64)
	}
	d, err := demo.Start(ctx, demo.Night{ZTF: 1, LSST: 1})
	if err != nil {
		return err
	}
	b.embedded, b.brokers = d.Close, d.Brokers
	return d.Wait()
}

// schemas is the directory that is the registry of the archive.
func (b *bench) schemas() string {
	if b.survey != sim.LSST {
		return ""
	}
	return filepath.Join(b.temp, "schemas")
}

// fill makes the topic and fills it.
func (b *bench) fill(ctx context.Context) error {
	conf, brokers, err := connect(task{Brokers: b.brokers, Config: b.config})
	if err != nil {
		return err
	}
	f := feed.Feed{
		Brokers: brokers, Topic: b.topic, Config: conf, Partitions: int32(b.partitions),
		Observe: func(_, bytes int64) { b.bytes = bytes },
	}
	begun := time.Now()
	sent, err := f.Send(ctx, b.source(ctx))
	b.filled = sent > 0
	if err == nil && sent != int64(b.n) {
		err = fmt.Errorf("benchmark: %d packets of %d to be had", sent, b.n)
	}
	if err == nil {
		fmt.Fprintf(b.progress, "filled a topic with %s packets in %.1f s\n", cli.Count(sent), time.Since(begun).Seconds())
	}
	return err
}

// source yields the packets, no two of them alike.
func (b *bench) source(ctx context.Context) iter.Seq2[sim.Packet, error] {
	registry := &sim.Registry{Dir: filepath.Join(b.temp, "schemas")}
	if b.packets != "" {
		r := sim.Replay{Patterns: strings.Split(b.packets, ","), Registry: registry, Vary: &sim.Vary{Span: span}}
		return r.Packets(ctx, int64(b.n))
	}
	s := sim.Simulator{Survey: b.survey, Night: span, Alerts: b.n, Registry: registry}
	return s.Packets(int64(b.n))
}

// remove removes the topic.
func (b *bench) remove() error {
	conf, brokers, err := connect(task{Brokers: b.brokers, Config: b.config})
	if err != nil {
		return err
	}
	conf.Metadata.Full = true // or the admin does not find its controller
	admin, err := sarama.NewClusterAdmin(brokers, conf)
	if err != nil {
		return err
	}
	return errors.Join(admin.DeleteTopic(b.topic), admin.Close())
}
