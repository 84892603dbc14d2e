// Package rules tests which package may import which, and which packages may
// use a library. It has no code of its own.
package rules
