package filter

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// FuzzWhere parses, compiles and evaluates conditions.
func FuzzWhere(f *testing.F) {
	for _, s := range []string{
		"c.x > 1 and not (name like 'a%_' or ok) -- comment", "id % 3 in (1, 2, 0.5) or c.n between -1 and 1e3", `"c".x is not null`,
		"any(list, m < c.x and lag(m, n) > 2)", "case when ok then 1 else c.f end = median(list, m)", "regexp_matches(name, '(a+)+$')",
		"cone(c.x, c.f, 1, 2, 3) and mjd(t) > 5", "coalesce(nullif(c.x, 1), least(c.n, null)) <> 3", "((((((((((true))))))))))", "a block", "name in xs",
	} {
		f.Add(s)
	}
	names := newNames()
	names.blocks["block"], _ = parse("c.x > 1")
	names.texts["block"] = "c.x > 1"
	names.lists["xs"] = []string{"ZTF18abc"}
	f.Fuzz(func(t *testing.T, where string) {
		rec := rows(t, `[{"id": 1, "name": "ZTF18abc", "ok": true, "c": {"x": 2.5, "f": 0.4, "n": -7}, "list": [{"m": 18, "n": 1}, {"m": null, "n": 1}]}, {}]`)
		s, err := Compile([]*Filter{{Name: "a", Where: where, names: names}}, testSchema)
		require.NoError(t, err)
		if err := s.Rejected()["a"]; err != nil {
			require.True(t, utf8.ValidString(err.Error()) || !utf8.ValidString(where), err)
			return
		}
		v, err := s.Eval(t.Context(), rec)
		require.NoError(t, err)
		_, err = v.Failed(0)
		require.NoError(t, err)
		for row := range 2 {
			why, err := s.Why("a", rec, row)
			require.NoError(t, err)
			require.Equal(t, v.Passes(0, row), why.Value == "true")
		}
		sql, err := s.SQL("a", "*", "x")
		if err != nil {
			require.ErrorContains(t, err, "the query for DuckDB has more than")
			return
		}
		require.True(t, strings.Contains(where, "$") || !strings.Contains(sql, "$"), sql)
	})
}

// FuzzFile reads files of filters.
func FuzzFile(f *testing.F) {
	f.Add([]byte("name: a\nwhere: c.x > 1\npass:\n- &x {c: {x: 2}}\n- {<<: *x, name: b}\nfail: [{c.x: 0}]\n"))
	f.Add([]byte("blocks: {a: b, b: a}\nlists: {x: [y]}\n"))
	f.Add([]byte("name: a\nwhere: a\nblocks: {a: NOT a}\nwatchlists: {w: 'w.csv?radius=1'}\nmax_share: .5\ncolumns: [x]\nversion: 2\n"))
	f.Add([]byte("a: &a [*a, *a]\n"))
	f.Add([]byte("name: a\nwhere: x = 1\npass: [{x: [1, 2.5, {y: null}], z: .nan, t: 2026-01-01}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := Parse("f.yml", data)
		if err != nil {
			return
		}
		for _, g := range all {
			_ = g.Test(t.Context())
		}
	})
}
