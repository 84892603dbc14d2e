package alerttest_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/skyfinch/skyfinch/internal/alerttest"
)

func ExampleWriteZTF() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	err := alerttest.WriteZTF(dir, 12, 3)
	names, _ := filepath.Glob(filepath.Join(dir, "*.avro"))
	fmt.Println(len(names), err)
	// Output: 12 <nil>
}
