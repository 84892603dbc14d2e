package monitor

import (
	"context"
	"encoding/json"
	"time"

	"github.com/skyfinch/skyfinch/stream/store"
)

const auditName = root + "audit.json"

// audit is the result of the last audit of an output.
type audit struct {
	Time     time.Time `json:"time"`
	Findings int       `json:"findings"`
}

// RecordAudit records in a store that an audit of what is in it has just ended with
// so many findings, so that the metrics of the jobs that write to it say when the
// last audit was.
func RecordAudit(ctx context.Context, st store.Store, findings int) error {
	data, err := json.Marshal(audit{time.Now().UTC(), findings})
	if err != nil {
		return err
	}
	return records{st}.put(ctx, auditName, data)
}

// readAudit returns the result of the last audit, or nil if there was none.
func readAudit(ctx context.Context, r records) (*audit, error) {
	data, err := r.get(ctx, auditName)
	if err != nil || data == nil {
		return nil, err
	}
	a := &audit{}
	if json.Unmarshal(data, a) != nil {
		return nil, nil
	}
	return a, nil
}
