package state

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
)

const (
	// plainSize is how long a text may be to be stored as it is, so that it can be read without a tool.
	plainSize = 32 << 10
	// maxSize bounds the text of a document: about 60,000 members. Something else could unpack to a hundred times more.
	maxSize = 32 << 20
)

// packing is what is to be stored. It compresses what is written to it, once it is too long to be stored as it is.
type packing struct {
	stored bytes.Buffer
	zip    *gzip.Writer
	size   int
}

// Write takes the next part of the text.
func (p *packing) Write(part []byte) (int, error) {
	p.size += len(part)
	switch {
	case p.size > maxSize:
		return 0, flawed("is longer than %d bytes", maxSize)
	case p.zip != nil:
		return p.zip.Write(part)
	case p.size <= plainSize:
		return p.stored.Write(part)
	}
	plain := bytes.Clone(p.stored.Bytes())
	p.stored.Reset()
	p.zip, _ = gzip.NewWriterLevel(&p.stored, gzip.BestCompression) // its error is about another level
	_, _ = p.zip.Write(plain)                                       // into memory
	return p.zip.Write(part)
}

// Unpack returns the JSON text of an object of the bucket.
func Unpack(object []byte) ([]byte, error) {
	text := object
	if bytes.HasPrefix(object, []byte{0x1f, 0x8b}) {
		zip, err := gzip.NewReader(bytes.NewReader(object))
		if err != nil {
			return nil, flawed("cannot be decompressed: %v", err)
		}
		// The last bytes say how long the text is. With a little more room than that, it is read into one piece of memory.
		size := binary.LittleEndian.Uint32(object[len(object)-4:])
		unpacked := bytes.NewBuffer(make([]byte, 0, min(int(size), maxSize)+bytes.MinRead))
		if _, err := unpacked.ReadFrom(io.LimitReader(zip, maxSize+1)); err != nil {
			return nil, flawed("cannot be decompressed: %v", err)
		}
		text = unpacked.Bytes()
	}
	switch {
	case len(text) > maxSize:
		return nil, flawed("is longer than %d bytes", maxSize)
	case len(text) == 0:
		return nil, flawed("is empty")
	}
	return text, nil
}
