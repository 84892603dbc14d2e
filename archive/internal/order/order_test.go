package order

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func Example() {
	block := Append(nil, []uint32{2, 0, 1})
	fmt.Printf("%x\n", block[:len(block)-4])
	places, err := Parse(block, 3)
	fmt.Println(places, err)
	// Output:
	// 12
	// [2 0 1] <nil>
}

func permutation(n int, seed uint64) []uint32 {
	p := make([]uint32, n)
	for i, v := range rand.New(rand.NewPCG(seed, 1)).Perm(n) {
		p[i] = uint32(v)
	}
	return p
}

func TestRoundTrip(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 5, 8, 9, 255, 256, 257, 1000, 65536, 65537, 100_000} {
		want := permutation(n, uint64(n))
		block := Append([]byte("before"), want)[6:]
		require.EqualValues(t, Size(int64(n)), len(block), n)
		got, err := Parse(block, int64(n))
		require.NoError(t, err, n)
		assert.Equal(t, want, got, n)
	}
}

// sealed returns a block with the right checksum.
func sealed(data ...byte) []byte {
	return binary.LittleEndian.AppendUint32(data, crc32.ChecksumIEEE(data))
}

func TestDamage(t *testing.T) {
	block := Append(nil, permutation(100, 1))
	for i := range len(block) * 8 {
		block[i/8] ^= 1 << (i % 8)
		_, err := Parse(block, 100)
		assert.Error(t, err, "bit %d", i)
		block[i/8] ^= 1 << (i % 8)
	}
	for what, c := range map[string]struct {
		block []byte
		n     int64
	}{
		"the block of 99 rows has 92 bytes":       {block, 99},
		"the block of -1 rows has 92 bytes":       {block, -1},
		"place 1 is out of range or occurs twice": {sealed(0b1_01_01), 3},
		"place 3 is out of range or occurs twice": {sealed(0b11), 3},
		"not filled with zeros":                   {sealed(0b1_00_01_10), 3},
		"has 0 bytes":                             {nil, 0},
	} {
		_, err := Parse(c.block, c.n)
		assert.ErrorContains(t, err, what)
	}
}

func TestBlock(t *testing.T) {
	want := Block{"object", 4096, 1254}
	got, err := ParseBlock(want.String())
	require.NoError(t, err)
	assert.Equal(t, want, got)
	for _, s := range []string{"", "object", "object 1", "object -1 10", "object 1 3", "object 1 10 ", "object 1 10 2", " 1 10", "object  1 10", "object 01 10"} {
		_, err := ParseBlock(s)
		assert.Error(t, err, "%q", s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Append(nil, permutation(10, 1)), int64(10))
	f.Add(Append(nil, nil), int64(0))
	f.Add(sealed(0b11), int64(3))
	f.Fuzz(func(t *testing.T, block []byte, n int64) {
		places, err := Parse(block, n)
		if err == nil {
			assert.Equal(t, block, Append(nil, places), "one block for each order")
		}
	})
}

func BenchmarkParse(b *testing.B) {
	block := Append(nil, permutation(100_000, 1))
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if _, err := Parse(block, 100_000); err != nil {
			b.Fatal(err)
		}
	}
}
