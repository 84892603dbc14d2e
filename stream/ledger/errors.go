package ledger

import "fmt"

// DamagedError reports a record whose content cannot be what was put. Retrying
// does not help.
type DamagedError struct {
	Batch int64  // 0 if the record belongs to no batch
	Name  string // of the record
	Err   error
}

// Error names the record.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("ledger: record %s is damaged: %v", e.Name, e.Err)
}

// Unwrap returns what is wrong with the record.
func (e *DamagedError) Unwrap() error { return e.Err }

// SettingsError reports that a ledger was created with another setting.
type SettingsError struct {
	Ledger     string // its directory
	Setting    string
	Have, Want string
}

// Error names the ledger and the setting, and says what to do.
func (e *SettingsError) Error() string {
	return fmt.Sprintf("ledger: the ledger in %s was created with %s %q, not %q: use %[3]q, or another directory",
		e.Ledger, e.Setting, e.Have, e.Want)
}

// FeatureError reports a record that needs a feature of the format that this
// version of the package does not have.
type FeatureError struct {
	Batch   int64
	Name    string // the record's name
	Feature string // the word in Needs
}

// Error names the record and the feature, and says what to do.
func (e *FeatureError) Error() string {
	return fmt.Sprintf("ledger: record %s was written by a newer version: it needs %q, which this version does not know: install a newer version", e.Name, e.Feature)
}

// ReplacedError reports that a file to be replaced has already been replaced.
type ReplacedError struct {
	File  string
	Batch int64 // the batch that replaced it
}

// Error names the file and the batch.
func (e *ReplacedError) Error() string {
	return fmt.Sprintf("ledger: batch %d has already replaced %s: start again", e.Batch, e.File)
}
