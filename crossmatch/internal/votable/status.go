package votable

// StatusError is what a service said instead of a table, or behind one that it
// did not send whole.
type StatusError struct {
	Status  string // ERROR, or OVERFLOW where rows were left out
	Message string
}

// Error returns the status and the message.
func (e *StatusError) Error() string {
	switch {
	case e.Status == "OVERFLOW" && e.Message == "":
		return "the service left out rows beyond its limit (OVERFLOW)"
	case e.Message == "":
		return "the service answered " + e.Status
	}
	return "the service answered " + e.Status + ": " + e.Message
}
