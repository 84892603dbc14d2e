package parquetfile
import ("testing";"os";"fmt";"encoding/json"
"github.com/apache/arrow/go/v17/arrow"
"github.com/apache/arrow/go/v17/arrow/memory"
"github.com/apache/arrow/go/v17/arrow/ipc"
"github.com/stretchr/testify/require")
func TestZZDump(t *testing.T){
	dir:=os.Getenv("PFDUMP"); if dir=="" {t.Skip()}
	_ = json.Marshal
	for seed:=uint64(1000); seed<1200; seed++ {
		g:=newGenerator(seed, memory.DefaultAllocator)
		schema:=g.schema()
		if seed%5==0 { f:=append(schema.Fields(), arrow.Field{Name:"nul",Type:arrow.Null,Nullable:true}); schema=arrow.NewSchema(f,nil)}
		var rows []Rows
		f,_:=os.Create(fmt.Sprintf("%s/%d.arrow",dir,seed))
		w,err:=ipc.NewFileWriter(f, ipc.WithSchema(schema)); require.NoError(t,err)
		for range 3 { r:=g.record(schema,50); require.NoError(t,w.Write(r)); rows=append(rows,Rows{Record:r})}
		require.NoError(t,w.Close()); f.Close()
		require.NoError(t,os.WriteFile(fmt.Sprintf("%s/%d.parquet",dir,seed), write(t,schema,[][]Rows{rows,rows[:1]},Options{Codec:Codec(seed%3), Metadata: map[string]string{"b":"1","a":"2"}}),0o644))
	}
}
