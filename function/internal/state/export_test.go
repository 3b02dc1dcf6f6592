package state

// ReadJSON reads JSON as strictly as a document is read.
func ReadJSON(text []byte, into any) error {
	if f := readJSON(text, into); f != nil {
		return f
	}
	return nil
}
