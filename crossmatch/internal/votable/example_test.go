package votable_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/skyfinch/skyfinch/crossmatch/internal/votable"
)

func ExampleReader() {
	r, err := votable.NewReader(strings.NewReader(`<VOTABLE><RESOURCE><TABLE>
		<FIELD name="main_id" datatype="char" arraysize="*"/>
		<FIELD name="nbref" datatype="int"><VALUES null="-1"/></FIELD>
		<DATA><TABLEDATA>
			<TR><TD>M 1</TD><TD>5072</TD></TR>
			<TR><TD>V* RR Lyr</TD><TD>-1</TD></TR>
		</TABLEDATA></DATA>
	</TABLE></RESOURCE></VOTABLE>`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		row, err := r.Next()
		if err == io.EOF {
			fmt.Println("the document is whole")
			return
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		for i, f := range r.Fields() {
			if row[i].Null {
				fmt.Println(f.Name, "is null")
			} else {
				fmt.Printf("%s = %s\n", f.Name, f.AppendText(nil, row[i]))
			}
		}
	}
	// Output:
	// main_id = M 1
	// nbref = 5072
	// main_id = V* RR Lyr
	// nbref is null
	// the document is whole
}
