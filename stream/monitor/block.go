package monitor

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"time"
)

// level is a part of the history, with one slot for each step. Newer parts have
// shorter steps.
type level struct {
	step  time.Duration
	block time.Duration // the time that one file covers
	keep  time.Duration
}

// levels are the parts of the history: 57,000 slots for ten years, below 13 MB. The
// step of each is a multiple of the step before, its block of its step, and it
// is kept longer.
var levels = []level{
	{time.Second, time.Minute, 15 * time.Minute},
	{10 * time.Second, 10 * time.Minute, 12 * time.Hour},
	{time.Minute, 2 * time.Hour, 4 * day},
	{10 * time.Minute, day, 60 * day},
	{time.Hour, 10 * day, 400 * day},
	{3 * time.Hour, 30 * day, 3653 * day},
}

const day = 24 * time.Hour

// floor returns the start of the period that t is in. Periods are those of Unix
// time.
func floor(t time.Time, period time.Duration) time.Time {
	seconds, n := t.Unix(), int64(period/time.Second)
	rest := seconds % n
	if rest < 0 {
		rest += n
	}
	return time.Unix(seconds-rest, 0).UTC()
}

// blockSlots holds the slots of a block by the Unix seconds of their starts.
type blockSlots map[int64]*slot

// blockMagic begins each file.
const blockMagic = "skyfinch history 1\n"

// encodeBlock encodes a block: the magic, the slots in ascending order, each with
// its start and size, and a CRC-32.
func encodeBlock(slots blockSlots) []byte {
	b := []byte(blockMagic)
	starts := make([]int64, 0, len(slots))
	for at := range slots {
		starts = append(starts, at)
	}
	slices.Sort(starts)
	for _, at := range starts {
		s := appendSlot(nil, slots[at])
		b = binary.AppendUvarint(b, uint64(at))
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// parseBlock decodes a block.
func parseBlock(b []byte) (blockSlots, error) {
	if !bytes.HasPrefix(b, []byte(blockMagic)) || len(b) < len(blockMagic)+4 {
		return nil, errDamaged
	}
	b, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.ChecksumIEEE(b) != sum {
		return nil, errDamaged
	}
	b = b[len(blockMagic):]
	slots := blockSlots{}
	for len(b) > 0 {
		at, k := binary.Uvarint(b)
		if k <= 0 || at > 1<<40 {
			return nil, errDamaged
		}
		size, l := binary.Uvarint(b[k:])
		if l <= 0 || size > uint64(len(b)-k-l) {
			return nil, errDamaged
		}
		b = b[k+l:]
		s, err := parseSlot(b[:size])
		if err != nil {
			return nil, err
		}
		slots[int64(at)] = s
		b = b[size:]
	}
	return slots, nil
}

// The names in a store:
//
//	monitor/status/INSTANCE.json           the status of a process
//	monitor/history/INSTANCE/STEP/START    a block of its history: seconds, Unix seconds
//	monitor/lock/INSTANCE                  locked while the process runs, if the store has locks
//	monitor/audit.json                     the last audit
const (
	root          = "monitor/"
	statusPrefix  = root + "status/"
	historyPrefix = root + "history/"
	lockPrefix    = root + "lock/"
)

func blockName(instance string, l level, at time.Time) string {
	return levelPrefix(instance, l) + strconv.FormatInt(floor(at, l.block).Unix(), 10)
}

func levelPrefix(instance string, l level) string {
	return historyPrefix + instance + "/" + strconv.Itoa(int(l.step/time.Second)) + "/"
}

// parseBlockName returns what the name of a block says.
func parseBlockName(name string) (instance string, l level, at time.Time, ok bool) {
	name, ok = strings.CutPrefix(name, historyPrefix)
	parts := strings.Split(name, "/")
	if !ok || len(parts) != 3 {
		return "", l, at, false
	}
	seconds, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return "", l, at, false
	}
	for _, l := range levels {
		if strconv.Itoa(int(l.step/time.Second)) == parts[1] {
			return parts[0], l, time.Unix(seconds, 0).UTC(), true
		}
	}
	return "", l, at, false
}
