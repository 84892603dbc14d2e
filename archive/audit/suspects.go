package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/skyfinch/skyfinch/internal/backoff"
)

// suspect is a finding that a process at work may explain.
type suspect struct {
	Finding
	// wrong reports whether the finding still holds.
	wrong func(context.Context) (bool, error)
	// repair repairs it and says what it did. If nil, it cannot be repaired.
	repair func(context.Context) (string, error)
}

// maxSuspects bounds the suspects that are kept. Further ones are reported
// without another check.
const maxSuspects = 100_000

func (a *auditor) suspect(f Finding, wrong func(context.Context) (bool, error), repair func(context.Context) (string, error)) {
	if len(a.suspects) >= maxSuspects {
		a.report.find(f)
		return
	}
	a.suspects = append(a.suspects, suspect{f, wrong, repair})
}

// recheckSuspects checks the suspects again until none is wrong or the grace
// period ends. The remaining ones are repaired or reported.
func (a *auditor) recheckSuspects(ctx context.Context) error {
	for wait, end := 20*time.Millisecond, time.Now().Add(a.opts.Grace); ; wait *= 2 {
		if err := a.dropExplained(ctx); err != nil {
			return err
		}
		left := time.Until(end)
		if len(a.suspects) == 0 || left <= 0 {
			break
		}
		if err := backoff.Sleep(ctx, min(wait, left)); err != nil {
			return err
		}
	}
	// A file that a batch replaced may be removed only once the batch is published.
	slices.SortStableFunc(a.suspects, func(s, t suspect) int { return s.order() - t.order() })
	for _, s := range a.suspects {
		if err := a.repair(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// order is less for what is to be repaired first.
func (s *suspect) order() int {
	if s.Kind == Unpublished {
		return 0
	}
	return 1
}

// dropExplained removes the suspects that are no longer wrong.
func (a *auditor) dropExplained(ctx context.Context) error {
	kept := a.suspects[:0]
	for _, s := range a.suspects {
		wrong, err := s.wrong(ctx)
		if err != nil {
			return err
		}
		if wrong {
			kept = append(kept, s)
		}
	}
	a.suspects = kept
	return nil
}

func (a *auditor) repair(ctx context.Context, s suspect) error {
	if a.opts.Repair && s.repair != nil {
		if wrong, err := s.wrong(ctx); err != nil || !wrong {
			return err // another repair did it
		}
		did, err := s.repair(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			a.report.Repairs = append(a.report.Repairs, did)
			return nil
		}
		s.What += fmt.Sprintf("; the repair failed: %v", err)
	}
	if s.Kind == MissingFile {
		return a.reportMissing(ctx, s.Finding)
	}
	a.report.find(s.Finding)
	return nil
}

// exists reports whether a file exists.
func (a *auditor) exists(ctx context.Context, name string) (bool, error) {
	r, err := a.store.Open(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, r.Close()
}

// isStaged reports whether a staged file exists. A store may be unable to open
// it.
func (a *auditor) isStaged(ctx context.Context, name string) (bool, error) {
	for e, err := range a.store.List(ctx, name) {
		if err != nil {
			return false, err
		}
		if e.Name == name {
			return true, nil
		}
	}
	return false, nil
}
