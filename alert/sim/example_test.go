package sim_test

import (
	"fmt"

	"github.com/skyfinch/skyfinch/alert/sim"
)

func ExampleSimulator() {
	s := &sim.Simulator{Survey: sim.ZTF, Seed: 1, Alerts: 3000}
	for p, err := range s.Packets(4) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.ID, p.Object, p.Time.Format("2006-01-02 15:04:05"))
	}
	// Output:
	// 3544125060015010001 ZTF26drviplp 2026-09-15 03:00:05
	// 3544125061215010001 ZTF25xcvdewx 2026-09-15 03:00:05
	// 3544125062515010001 ZTF26qnuxuif 2026-09-15 03:00:05
	// 3544125063815015001 ZTF26smwvbuq 2026-09-15 03:00:05
}
