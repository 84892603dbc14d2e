// Package rules holds the rules of the house as a test: which package may
// import which, and where a library may be used. It has no code of its own.
package rules
