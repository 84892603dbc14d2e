package archive

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"time"

	"github.com/skyfinch/skyfinch/archive/internal/layout"
	"github.com/skyfinch/skyfinch/internal/token"
)

// reservation says that a process is rewriting the files of a directory. It saves
// others the work; correctness does not depend on it.
type reservation struct {
	Token string    `json:"token"`
	Until time.Time `json:"until"` // if its process dies
}

// A reservation counts for a time that any machine needs for the work.
const (
	reservationTime  = 10 * time.Minute
	reservationSpeed = 5e6 // bytes per second
)

// reserve reserves what has a name, such as a directory with so many bytes to be
// rewritten. It returns nil if another process has done so.
func (r rewriter) reserve(ctx context.Context, name string, bytes int64) (free func(), err error) {
	name = layout.Reservations + strings.ReplaceAll(name, "/", ".")
	mine := reservation{token.New(), time.Now().UTC().Add(reservationTime + time.Duration(float64(bytes)/reservationSpeed*float64(time.Second)))}
	data, err := json.Marshal(mine)
	if err != nil {
		return nil, err
	}
	for range 2 {
		stored, err := r.store.PutIfAbsent(ctx, name, data)
		if errors.Is(err, fs.ErrNotExist) { // the record that was there has just been deleted
			continue
		}
		if err != nil {
			return nil, err
		}
		var its reservation
		if err := json.Unmarshal(stored, &its); err == nil && its.Token == mine.Token {
			return func() { _ = r.store.Delete(context.WithoutCancel(ctx), name) }, nil
		}
		if time.Now().Before(its.Until) {
			return nil, nil
		}
		if err := r.store.Delete(ctx, name); err != nil { // its process has died
			return nil, err
		}
	}
	return nil, nil
}
