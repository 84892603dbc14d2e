package cdstest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
)

// pack returns rows as the base64 stream of a BINARY or BINARY2.
func pack(encoding string, columns []Column, rows [][]string) string {
	var b bytes.Buffer
	for _, row := range rows {
		if encoding == "BINARY2" {
			nulls := make([]byte, (len(columns)+7)/8)
			for i, text := range row {
				if text == "" {
					nulls[i/8] |= 0x80 >> (i % 8)
				}
			}
			b.Write(nulls)
		}
		for i, text := range row {
			b.Write(packed(columns[i].Datatype, text))
		}
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// packed returns a binary value; null is 0 or NaN.
func packed(datatype, text string) []byte {
	whole, _ := strconv.ParseInt(text, 10, 64)
	real, err := strconv.ParseFloat(text, 64)
	if err != nil {
		real = math.NaN()
	}
	big := binary.BigEndian
	switch datatype {
	case "boolean":
		return []byte((text + " ")[:1])
	case "unsignedByte":
		return []byte{byte(whole)}
	case "short":
		return big.AppendUint16(nil, uint16(whole))
	case "int":
		return big.AppendUint32(nil, uint32(whole))
	case "long":
		return big.AppendUint64(nil, uint64(whole))
	case "float":
		return big.AppendUint32(nil, math.Float32bits(float32(real)))
	case "double":
		return big.AppendUint64(nil, math.Float64bits(real))
	default:
		return append(big.AppendUint32(nil, uint32(len(text))), text...)
	}
}
