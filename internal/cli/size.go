package cli

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a flag of bytes: 1073741824, 512M, 1GiB. Units are powers of 1024.
type Size int64

// Set implements flag.Value.
func (s *Size) Set(text string) error {
	digits := strings.TrimRight(strings.ToUpper(text), "KMGTIB")
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	unit, ok := units[strings.ToUpper(text)[len(digits):]]
	if err != nil || !ok || n <= 0 || n > (1<<62)/unit {
		return fmt.Errorf("no size: write 512M or 1GiB")
	}
	*s = Size(n * unit)
	return nil
}

var units = map[string]int64{
	"": 1, "B": 1,
	"K": 1 << 10, "KB": 1 << 10, "KIB": 1 << 10,
	"M": 1 << 20, "MB": 1 << 20, "MIB": 1 << 20,
	"G": 1 << 30, "GB": 1 << 30, "GIB": 1 << 30,
	"T": 1 << 40, "TB": 1 << 40, "TIB": 1 << 40,
}

// String implements flag.Value.
func (s *Size) String() string {
	if s == nil || *s == 0 {
		return ""
	}
	for _, u := range []string{"T", "G", "M", "K"} {
		if n := units[u]; int64(*s)%n == 0 {
			return fmt.Sprintf("%d%siB", int64(*s)/n, u)
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}
