package token

import (
	"fmt"
	"regexp"
)

func ExampleNew() {
	a, b := New(), New()
	fmt.Println(a != b, regexp.MustCompile(`^[a-z0-9]{16}$`).MatchString(a))
	// Output: true true
}
