package observe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// Control frames of Frame Streams.
const (
	controlAccept = 1
	controlStart  = 2
	controlStop   = 3
	controlReady  = 4
	controlFinish = 5

	controlContentType = 1
	// longestControl is as long as the reference implementation accepts.
	longestControl = 512
)

// framesPatience is how long the receiver may take for each step.
const framesPatience = 5 * time.Second

// frames is a sink of Frame Streams: a file, or a connection over which both sides say what they speak.
type frames struct {
	network, address string
	file             *os.File
	conn             net.Conn
}

func newFrames(network, address string) *frames { return &frames{network: network, address: address} }

// control makes a control frame, with the type of the contents if that belongs into it.
func control(kind uint32, typed bool) []byte {
	b := []byte{0, 0, 0, 0, 0, 0, 0, 0} // escape, length
	b = binary.BigEndian.AppendUint32(b, kind)
	if typed {
		b = binary.BigEndian.AppendUint32(b, controlContentType)
		b = binary.BigEndian.AppendUint32(b, uint32(len(contentType)))
		b = append(b, contentType...)
	}
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

func (f *frames) open(ctx context.Context) error {
	if f.network == "file" {
		return f.openFile()
	}
	ctx, cancel := context.WithTimeout(ctx, framesPatience)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, f.network, f.address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	err = greet(c)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return errors.Join(err, c.Close())
	}
	f.conn = c
	return nil
}

// greet says what is coming, waits until the receiver wants it, and starts.
func greet(c net.Conn) error {
	_ = c.SetDeadline(time.Now().Add(framesPatience))
	if _, err := c.Write(control(controlReady, true)); err != nil {
		return err
	}
	kind, types, err := readControl(c)
	switch {
	case err != nil:
		return err
	case kind != controlAccept:
		return fmt.Errorf("the receiver answers with frame %d instead of ACCEPT", kind)
	case !accepts(types):
		return errors.New("the receiver does not want dnstap")
	}
	_, err = c.Write(control(controlStart, true))
	return err
}

// accepts tells whether dnstap is among the types that a receiver wants; with none it takes any.
func accepts(types []string) bool {
	for _, t := range types {
		if t == contentType {
			return true
		}
	}
	return len(types) == 0
}

// readControl reads a control frame and the types of contents in it.
func readControl(r io.Reader) (kind uint32, types []string, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[4:])
	if binary.BigEndian.Uint32(head[:]) != 0 || n < 4 || n > longestControl {
		return 0, nil, errors.New("the receiver does not speak Frame Streams")
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return 0, nil, err
	}
	kind, b = binary.BigEndian.Uint32(b), b[4:]
	for len(b) > 0 {
		if len(b) < 8 || uint64(binary.BigEndian.Uint32(b[4:])) > uint64(len(b)-8) {
			return 0, nil, errors.New("malformed control frame")
		}
		field, l := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		if field == controlContentType {
			types = append(types, string(b[8:8+l]))
		}
		b = b[8+l:]
	}
	return kind, types, nil
}

func (f *frames) openFile() error {
	if st, err := os.Stat(f.address); err == nil && st.Mode().IsRegular() && st.Size() > 0 {
		if err := os.Rename(f.address, f.address+".1"); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(f.address, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	if _, err := file.Write(control(controlStart, true)); err != nil {
		return errors.Join(err, file.Close())
	}
	f.file = file
	return nil
}

func (f *frames) write(b []byte) error {
	if f.file != nil {
		_, err := f.file.Write(b)
		if err != nil {
			_ = f.file.Close()
			f.file = nil
		}
		return err
	}
	_ = f.conn.SetDeadline(time.Now().Add(framesPatience))
	_, err := f.conn.Write(b)
	if err != nil {
		_ = f.conn.Close()
		f.conn = nil
	}
	return err
}

// close says that nothing follows. A receiver confirms that it has got everything.
func (f *frames) close() {
	switch {
	case f.file != nil:
		_, _ = f.file.Write(control(controlStop, false))
		_ = f.file.Close()
		f.file = nil
	case f.conn != nil:
		_ = f.conn.SetDeadline(time.Now().Add(framesPatience))
		if _, err := f.conn.Write(control(controlStop, false)); err == nil {
			_, _, _ = readControl(f.conn) // FINISH
		}
		_ = f.conn.Close()
		f.conn = nil
	}
}
