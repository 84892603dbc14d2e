package store

import "errors"

// ErrLocked is wrapped by the error of Lock if another process holds the lock.
var ErrLocked = errors.New("locked by another process")
