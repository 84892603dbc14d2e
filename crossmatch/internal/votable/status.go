package votable

// StatusError is an error that a service reported, instead of a table or after an
// incomplete one.
type StatusError struct {
	Status  string // ERROR, or OVERFLOW if rows were left out
	Message string
}

// Error returns the status and the message.
func (e *StatusError) Error() string {
	switch {
	case e.Message != "":
		return "the service reports " + e.Status + ": " + e.Message
	case e.Status == "OVERFLOW":
		return "the service left out rows beyond its limit (OVERFLOW)"
	}
	return "the service reports " + e.Status
}
