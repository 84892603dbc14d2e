// Package crossmatch finds what catalogues know at positions on the sky.
package crossmatch
