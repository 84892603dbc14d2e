package hats

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/magiconair/properties"

	"github.com/skyfinch/skyfinch/internal/regular"
)

// directory is the directory of a catalogue or of a margin.
type directory struct {
	path       string
	properties map[string]string
	suffix     string // of partitions' names; "/" if a partition is a directory of files
	partitions []partition
}

// maxProperties bounds the size of a properties file, in bytes.
const maxProperties = 1 << 20

// openDirectories opens a catalogue and its margin. Without a margin, margin is
// nil.
func openDirectories(dir string) (main, margin *directory, err error) {
	collection, err := propertiesOf(dir, "collection.properties")
	if errors.Is(err, fs.ErrNotExist) {
		main, err = openDirectory(dir)
		return main, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	open := func(key string) (*directory, error) {
		sub := collection[key]
		if !filepath.IsLocal(filepath.FromSlash(sub)) {
			return nil, fmt.Errorf("%s: %s is %q, which is not a directory in the collection: open the catalogue's own directory", filepath.Join(dir, "collection.properties"), key, sub)
		}
		return openDirectory(filepath.Join(dir, filepath.FromSlash(sub)))
	}
	if main, err = open("hats_primary_table_url"); err != nil || collection["default_margin"] == "" {
		return main, nil, err
	}
	if margin, err = open("default_margin"); err != nil {
		return nil, nil, fmt.Errorf("%w (in the collection's default margin; %s is the catalogue without it)", err, main.path)
	}
	return main, margin, margin.checkMarginOf(main)
}

func openDirectory(dir string) (*directory, error) {
	d := &directory{path: dir, suffix: ".parquet"}
	var err error
	d.properties, err = propertiesOf(dir, "hats.properties", "properties")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: not a HATS catalogue: it has no collection.properties, hats.properties or properties: %w", dir, err)
	}
	if err != nil {
		return nil, err
	}
	if s := d.properties["hats_npix_suffix"]; s != "" {
		d.suffix = s
	}
	if d.suffix != "/" && strings.ContainsAny(d.suffix, `/\`) {
		return nil, fmt.Errorf("%s: hats_npix_suffix is %q: it must be / or the end of a file name", dir, d.suffix)
	}
	name := filepath.Join(dir, "partition_info.csv")
	f, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if d.partitions, err = readPartitions(f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := cmp.Or(d.checkRows(), d.checkFiles()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// threshold returns how far a margin extends beyond its partition, in degrees.
func (d *directory) threshold() (float64, error) {
	text := d.properties["hats_margin_threshold"]
	arcsec, err := strconv.ParseFloat(text, 64)
	if err != nil || !(arcsec >= 0 && arcsec <= 180*3600) || d.kind() != "margin" {
		return 0, fmt.Errorf("%s: not a margin: its dataproduct_type is %q and its hats_margin_threshold %q", d.path, d.kind(), text)
	}
	return arcsec / 3600, nil
}

func (d *directory) kind() string { return d.properties["dataproduct_type"] }

// name returns the path of a partition in its catalogue, without the suffix.
func (p partition) name() string {
	return fmt.Sprintf("dataset/Norder=%d/Dir=%d/Npix=%d", p.order, p.nest/10_000*10_000, p.nest)
}

// files returns the names of a partition's files. They may be missing.
func (d *directory) files(p partition) ([]string, error) {
	base := filepath.Join(d.path, filepath.FromSlash(p.name()))
	if d.suffix != "/" {
		return []string{base + d.suffix}, nil
	}
	entries, err := os.ReadDir(base)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if n := e.Name(); !e.IsDir() && !strings.HasPrefix(n, "_") && !strings.HasPrefix(n, ".") {
			names = append(names, filepath.Join(base, n))
		}
	}
	if names == nil {
		return nil, fmt.Errorf("%s: the partition has no files", base)
	}
	return names, nil
}

// propertiesOf reads the first of the named files that exists.
func propertiesOf(dir string, names ...string) (map[string]string, error) {
	var err error
	for _, name := range names {
		var f *os.File
		f, err = regular.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer f.Close()
		p, err := readProperties(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
		return p, nil
	}
	return nil, err
}

// readProperties reads a Java properties file.
func readProperties(r io.Reader) (map[string]string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxProperties))
	if err != nil {
		return nil, err
	}
	if len(text) == maxProperties {
		return nil, fmt.Errorf("more than %d bytes of properties", maxProperties)
	}
	loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	p, err := loader.LoadBytes(text)
	if err != nil {
		return nil, err
	}
	out := p.Map()
	for key, value := range out {
		out[key] = strings.TrimSpace(value)
	}
	return out, nil
}

// readPartitions reads partition_info.csv, with columns Norder, Npix and, optionally,
// num_rows.
func readPartitions(r io.Reader) ([]partition, error) {
	lines := csv.NewReader(r)
	lines.ReuseRecord, lines.TrimLeadingSpace = true, true
	head, err := lines.Read()
	if err != nil {
		return nil, fmt.Errorf("header: %w", unexpected(err))
	}
	at := map[string]int{"Norder": -1, "Npix": -1, "num_rows": -1}
	for i, name := range head {
		if _, ok := at[name]; ok {
			at[name] = i
		}
	}
	if at["Norder"] < 0 || at["Npix"] < 0 {
		return nil, fmt.Errorf("its columns are %.60q: Norder and Npix must be among them", head)
	}
	var ps []partition
	for {
		f, err := lines.Read()
		if err == io.EOF {
			return inOrder(ps)
		}
		if err != nil {
			return nil, err
		}
		p, err := newPartition(f[at["Norder"]], f[at["Npix"]])
		if i := at["num_rows"]; err == nil && i >= 0 {
			p.rows, err = strconv.ParseInt(f[i], 10, 64)
			if err != nil || p.rows < 0 {
				err = fmt.Errorf("column num_rows is %.20q", f[i])
			}
		}
		if err != nil {
			line, _ := lines.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		ps = append(ps, p)
	}
}

func newPartition(order, number string) (partition, error) {
	o, err := strconv.Atoi(order)
	if err != nil || o < 0 || o > finest {
		return partition{}, fmt.Errorf("column Norder is %.20q: it must be from 0 to %d", order, finest)
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n >= 12<<(2*o) {
		return partition{}, fmt.Errorf("column Npix is %.20q: at Norder %d it must be below %d", number, o, uint64(12)<<(2*o))
	}
	return partition{pixel{o, n}, -1}, nil
}

// unexpected replaces io.EOF by io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
