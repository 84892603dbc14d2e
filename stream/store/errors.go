package store

import "errors"

// ErrLocked reports that another process holds a lock.
var ErrLocked = errors.New("locked by another process")
