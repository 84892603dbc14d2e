package alert_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/skyfinch/skyfinch/alert"
)

func ExampleTimeScale_Micros() {
	// LSST uses TAI, which was 37 s ahead of UTC in 2025: this alert is in the
	// hour before 06:00 UTC.
	const midpointMjdTai = 60924.25
	for _, scale := range []alert.TimeScale{alert.MJDUTC, alert.MJDTAI} {
		us, err := scale.Micros(midpointMjdTai)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(scale, time.UnixMicro(us).UTC())
	}
	_, err := alert.JDUTC.Micros(-999)
	fmt.Println(err)
	// Output:
	// MJD UTC 2025-09-06 06:00:00 +0000 UTC
	// MJD TAI 2025-09-06 05:59:23 +0000 UTC
	// event time before 1990
}

func ExampleNightRule_Date() {
	morning := time.Date(2025, 9, 6, 9, 30, 0, 0, time.UTC).UnixMicro()
	fmt.Println(alert.ZTF().Night.Date(morning, 0))
	fmt.Println(alert.LSST().Night.Date(morning, 0))
	fmt.Println(alert.LSST().Night.Date(morning, 2025090500227))
	// Output:
	// 20250906
	// 20250905
	// 20250905
}

// A custom survey is added to the built-in ones.
func ExampleRecognise() {
	mine := alert.Survey{
		Name:     "goto",
		Match:    []string{"detection.mjd"},
		AlertID:  []string{"alertId"},
		ObjectID: []string{"sourceId", "detection.name"},
		RA:       "detection.ra",
		Dec:      "detection.dec",
		Time:     "detection.mjd",
		Scale:    alert.MJDUTC,
		Night:    alert.NightRule{Noon: true},
	}
	if err := mine.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	schema := map[string]bool{"alertId": true, "detection": true, "detection.mjd": true}
	s, ok := alert.Recognise(append(alert.Surveys(), mine), func(path string) bool { return schema[path] })
	fmt.Println(s.Name, ok)
	// Output: goto true
}

func ExampleOpenRegistry() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/schemas/ids/900" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error_code":40403,"message":"Schema not found"}`)
			return
		}
		fmt.Fprint(w, `{"schema":"{\"type\":\"record\",\"name\":\"alert\",\"fields\":[]}"}`)
	}))
	defer server.Close()

	ctx := context.Background()
	registry, err := alert.OpenRegistry(ctx, server.URL) // or a directory
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := registry.Schema(ctx, 900)
	fmt.Println(string(text), err)
	_, err = registry.Schema(ctx, 901)
	fmt.Println(errors.Is(err, alert.ErrUnknownSchema))
	// Output:
	// {"type":"record","name":"alert","fields":[]} <nil>
	// true
}
