package archive

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func FuzzParsePartition(f *testing.F) {
	f.Add("5f2c81aa/alerts/ztf")
	f.Add("5f2c81aa/alerts/ztf?event=2026-09-18T00:00:00Z,2026-09-19T00:00:00Z&rows=200000")
	f.Add("5f2c81aa/alerts/ztf?night=20260918,&rows=0")
	f.Fuzz(func(t *testing.T, name string) {
		if p, ok := parsePartition(name); ok {
			assert.Equal(t, name, p.String(), "one name for each partition")
		}
	})
}
