package cli

import (
	"log/slog"
	"os"
)

// Log returns the logger of a command: warnings and errors, as text on
// standard error.
func Log() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
