//go:build !unix

package store

func movable(_, _ string) error { return nil }
