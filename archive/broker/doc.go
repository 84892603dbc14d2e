// Package broker makes a broker's tables of alerts: what each may be, and which filters
// it passes. Its Transform is the last of a job that follows an archive, or that archives a
// stream itself; archive.Service runs the job, exactly once:
//
//	columns, err := science.Columns("ztf")
//	filters, err := fink.Filters()
//	service := &archive.Service{
//		Job: stream.MicroBatch{
//			Source: &archive.Source{Dir: "sky", Tables: []string{"ztf"}},
//			Transforms: []stream.Transform{
//				&science.Transform{Columns: columns, Needs: []string{"candidate"}},
//				&crossmatch.Transform{Joins: joins},
//				&broker.Transform{Cuts: "passes_cuts", Filters: filters},
//			},
//		},
//		Dir: "science",
//	}
//	err := service.Run(ctx)
//
// The tables are, in one commit:
//
//	DIR/science/SURVEY/YYYY/MM/dd/hh/*.parquet  a row for each alert: the columns of the archive, the packet's own
//	                                            fields without images and history, and all columns that were added
//	DIR/passed/SURVEY/YYYY/MM/dd/hh/*.parquet   a row for each alert and filter that it passes
//
// DIR is an archive like any other: archive.Source reads it, and Compaction, Prune and
// the audit work on it.
package broker
