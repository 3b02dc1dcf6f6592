package state

// EncodeArchive returns an archive as it is stored.
func EncodeArchive(a *Archive) ([]byte, error) { return encode(a) }

// ReadJSON reads JSON as strictly as a document is read.
func ReadJSON(text []byte, into any) error {
	if f := readJSON(text, into); f != nil {
		return f
	}
	return nil
}
