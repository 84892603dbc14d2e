package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Size is a flag for a number of bytes: 1073741824, 512M, 1GiB. MB is 10^6
// bytes, MiB is 2^20, and so is M, as in the GNU tools; likewise K, G and T.
type Size int64

// Set implements flag.Value.
func (s *Size) Set(text string) error {
	upper := strings.ToUpper(text)
	digits := strings.TrimRight(upper, "KMGTIB")
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	unit, ok := units[upper[len(digits):]]
	if err != nil || !ok || n <= 0 || n > (1<<62)/unit {
		return errors.New("not a size: write 512MB or 1GiB")
	}
	*s = Size(n * unit)
	return nil
}

var units = map[string]int64{
	"": 1, "B": 1,
	"K": 1 << 10, "KIB": 1 << 10, "KB": 1e3,
	"M": 1 << 20, "MIB": 1 << 20, "MB": 1e6,
	"G": 1 << 30, "GIB": 1 << 30, "GB": 1e9,
	"T": 1 << 40, "TIB": 1 << 40, "TB": 1e12,
}

// String returns the exact size in a format that Set accepts.
func (s *Size) String() string {
	if s == nil || *s == 0 {
		return ""
	}
	for _, u := range []string{"TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB", "KB"} {
		if n := units[strings.ToUpper(u)]; int64(*s)%n == 0 {
			return fmt.Sprintf("%d%s", int64(*s)/n, u)
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}
