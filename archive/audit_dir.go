package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// isArchive returns an error if no archive is in a directory, where opening
// it as a store would make one.
func isArchive(dir string) error {
	_, err := os.Stat(filepath.Join(dir, ledgerDir, "ledger.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("archive: no archive in %s: it has no %s/ledger.json", dir, ledgerDir)
	}
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}
