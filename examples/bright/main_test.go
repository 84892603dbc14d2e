package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/skyfinch/skyfinch/internal/alerttest"
)

func Example() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	alerttest.WriteZTF(filepath.Join(dir, "night"), 4, 1)

	if err := run(context.Background(), []string{"-files", dir, "-limit", "15.15"}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// objectId=ZTF18a000000 candid=697251920000000000 candidate.magpsf=15 ra=0 dec=-90
	// objectId=ZTF18a000001 candid=697251920000000001 candidate.magpsf=15.1 ra=0.1 dec=-89
}

func TestSimulator(t *testing.T) {
	assert.NoError(t, run(t.Context(), []string{"-simulator", "-limit", "10"}))
	assert.ErrorContains(t, run(t.Context(), nil), "say where Kafka is")
}
