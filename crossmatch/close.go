package crossmatch

import (
	"fmt"
	"io/fs"
)

// Close releases the catalogue's columns, and its index file if it was opened from
// one. It waits for running searches; later ones fail with fs.ErrClosed. The rows of
// answers are copies and remain valid.
func (c *Catalog) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if c.columns != nil {
		c.columns.Release()
	}
	if c.file == nil {
		return nil
	}
	return c.file.release()
}

// enter keeps the catalogue open until leave is called, or returns fs.ErrClosed.
func (c *Catalog) enter() error {
	c.mu.RLock()
	if c.closed {
		c.mu.RUnlock()
		return fmt.Errorf("crossmatch: catalogue: %w", fs.ErrClosed)
	}
	return nil
}

func (c *Catalog) leave() { c.mu.RUnlock() }
