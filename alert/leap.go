package alert

// leapSecond is a day from which TAI is ahead of UTC by a number of seconds.
type leapSecond struct{ mjd, ahead int64 }

// leapSeconds are all leap seconds, ascending. Source: IERS, Bulletin C, as in
// its Leap_Second.dat. They are announced half a year ahead; the last was in 2017,
// and CGPM 2022, resolution 4, is to end them by 2035.
var leapSeconds = [...]leapSecond{
	{41317, 10}, // 1972-01-01
	{41499, 11}, // 1972-07-01
	{41683, 12}, // 1973-01-01
	{42048, 13}, // 1974-01-01
	{42413, 14}, // 1975-01-01
	{42778, 15}, // 1976-01-01
	{43144, 16}, // 1977-01-01
	{43509, 17}, // 1978-01-01
	{43874, 18}, // 1979-01-01
	{44239, 19}, // 1980-01-01
	{44786, 20}, // 1981-07-01
	{45151, 21}, // 1982-07-01
	{45516, 22}, // 1983-07-01
	{46247, 23}, // 1985-07-01
	{47161, 24}, // 1988-01-01
	{47892, 25}, // 1990-01-01
	{48257, 26}, // 1991-01-01
	{48804, 27}, // 1992-07-01
	{49169, 28}, // 1993-07-01
	{49534, 29}, // 1994-07-01
	{50083, 30}, // 1996-01-01
	{50630, 31}, // 1997-07-01
	{51179, 32}, // 1999-01-01
	{53736, 33}, // 2006-01-01
	{54832, 34}, // 2009-01-01
	{56109, 35}, // 2012-07-01
	{57204, 36}, // 2015-07-01
	{57754, 37}, // 2017-01-01
}

// taiAhead returns the microseconds by which TAI is ahead of UTC at tai
// microseconds of TAI since 1970-01-01. The search begins at the end, where nearly
// all alerts are. Before 1972 it returns the value of 1972.
//
// UTC microseconds do not count leap seconds: events within one share the
// microseconds of the following second.
func taiAhead(tai int64) int64 {
	i := len(leapSeconds) - 1
	for i > 0 && tai < (leapSeconds[i].mjd-mjd1970)*day+leapSeconds[i].ahead*second {
		i--
	}
	return leapSeconds[i].ahead * second
}
