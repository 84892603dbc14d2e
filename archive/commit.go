package archive

import "github.com/skyfinch/skyfinch/stream/ledger"

type commit = ledger.Commit
type settingsError = ledger.SettingsError
