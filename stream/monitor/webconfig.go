package monitor

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
	"golang.org/x/crypto/bcrypt"
	limits "golang.org/x/time/rate"
)

// maxCost bounds the cost of a user's bcrypt hash: one check then takes about a
// second.
const maxCost = 14

// webConfig is a file of exporter-toolkit.
type webConfig struct {
	tls     *tls.Config // nil without TLS
	http2   bool
	users   map[string]string // their bcrypt hashes
	headers map[string]string
	limiter *limits.Limiter // nil without a limit
}

// quoted matches what an error quotes, which may be a password.
var quoted = regexp.MustCompile("[`\"'][^\n]*[`\"']")

// readWebConfig reads and checks a file. Its errors quote nothing of the file.
func readWebConfig(name string) (*webConfig, error) {
	if name == "" {
		return &webConfig{}, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("monitor: web configuration: %w", err)
	}
	wrong := func(err error) error {
		var lines *yaml.TypeError
		text := err.Error()
		if errors.As(err, &lines) && len(lines.Errors) > 0 {
			text = lines.Errors[0]
		}
		return fmt.Errorf("monitor: web configuration %s: %s", name, quoted.ReplaceAllString(text, "…"))
	}
	c := &web.Config{HTTPConfig: web.HTTPConfig{HTTP2: true}, TLSConfig: web.TLSConfig{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13}}
	if err := yaml.UnmarshalStrict(data, c); err != nil {
		return nil, wrong(err)
	}
	out := &webConfig{http2: c.HTTPConfig.HTTP2, headers: c.HTTPConfig.Header, users: map[string]string{}}
	for user, hash := range c.Users {
		cost, err := bcrypt.Cost([]byte(hash))
		if err != nil {
			return nil, wrong(errors.New("the password of a user is not a bcrypt hash: make one with htpasswd -nB USER"))
		}
		if cost > maxCost {
			return nil, wrong(fmt.Errorf("the bcrypt cost of a password is %d: it must be at most %d, or checking it takes too long", cost, maxCost))
		}
		out.users[user] = string(hash)
	}
	if err := web.Validate(name); err != nil { // the headers
		return nil, wrong(err)
	}
	if c.RateLimiterConfig.Interval > 0 {
		out.limiter = limits.NewLimiter(limits.Every(c.RateLimiterConfig.Interval), max(c.RateLimiterConfig.Burst, 1))
	}
	if c.TLSConfig.IsEnabled() {
		c.TLSConfig.SetDirectory(filepath.Dir(name))
		if out.tls, err = web.ConfigToTLSConfig(&c.TLSConfig); err != nil {
			return nil, wrong(err)
		}
	}
	return out, nil
}

// handler returns a handler that asks for a user and password, if there are users.
// Each path then needs them, whether it exists or not.
func (c *webConfig) handler(next http.Handler) http.Handler {
	a := &auth{users: c.users, budgets: map[string]*budget{}, all: budget{share: allShare}}
	rand.Read(a.key[:])
	a.passed = map[[sha256.Size]byte]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, v := range c.headers {
			w.Header().Set(name, v)
		}
		switch {
		case c.limiter != nil && !c.limiter.Allow():
			http.Error(w, http.StatusText(http.StatusTooManyRequests), http.StatusTooManyRequests)
		case len(c.users) > 0 && !a.ok(r):
			w.Header().Set("WWW-Authenticate", `Basic realm="skyfinch", charset="UTF-8"`)
			w.Header().Set("Content-Security-Policy", policy)
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// A check of a password takes much CPU on purpose. The time that wrong ones may
// take is limited, for each client and for all, to shares of one core.
const (
	clientShare = 0.02
	allShare    = 0.1
	burst       = 3 * time.Second // that may be used at once
	maxBudgets  = 1000            // clients that are told apart
	maxPassed   = 100
)

// auth checks users and passwords.
type auth struct {
	users map[string]string
	key   [32]byte

	checking sync.Mutex // one check at a time
	mu       sync.Mutex
	passed   map[[sha256.Size]byte]bool // what was right
	budgets  map[string]*budget         // of clients
	all      budget
}

// budget is time that checks may take.
type budget struct {
	share float64
	used  time.Duration
	at    time.Time
}

// left reports whether there is time left.
func (b *budget) left(now time.Time) bool {
	if !b.at.IsZero() {
		b.used = max(0, b.used-time.Duration(b.share*float64(now.Sub(b.at))))
	}
	b.at = now
	return b.used < burst
}

// noUser is checked for unknown users, so that the time does not tell them from
// known ones. It is the hash of a random text.
var noUser = sync.OnceValue(func() []byte {
	hash, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), bcrypt.DefaultCost)
	if err != nil {
		return nil
	}
	return hash
})

// ok reports whether a request has a user's name and password. What was right once
// is right at once.
func (a *auth) ok(r *http.Request) bool {
	user, password, given := r.BasicAuth()
	if !given || len(password) > 72 { // more than bcrypt looks at
		return false
	}
	hash, known := a.users[user]
	mac := hmac.New(sha256.New, a.key[:])
	fmt.Fprintf(mac, "%d %s%s", len(user), user, password)
	sum := [sha256.Size]byte(mac.Sum(nil))
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	if a.hasPassed(sum) {
		return true
	}
	if !a.mayCheck(client) {
		return false
	}
	a.checking.Lock()
	defer a.checking.Unlock()
	if a.hasPassed(sum) { // a check of the same one was under way
		return true
	}
	if !a.mayCheck(client) {
		return false
	}
	begun := time.Now()
	err = bcrypt.CompareHashAndPassword([]byte(cmp.Or(hash, string(noUser()))), []byte(password))
	a.mu.Lock()
	defer a.mu.Unlock()
	if known && err == nil {
		if len(a.passed) >= maxPassed {
			clear(a.passed)
		}
		a.passed[sum] = true
		return true
	}
	took := time.Since(begun)
	a.all.used += took
	if b := a.budgets[client]; b != nil {
		b.used += took
	}
	return false
}

func (a *auth) hasPassed(sum [sha256.Size]byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.passed[sum]
}

// mayCheck reports whether a client may have a password checked.
func (a *auth) mayCheck(client string) bool {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.budgets[client]
	if b == nil {
		if len(a.budgets) >= maxBudgets {
			clear(a.budgets)
		}
		b = &budget{share: clientShare}
		a.budgets[client] = b
	}
	return b.left(now) && a.all.left(now)
}
