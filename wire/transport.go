package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"time"
)

func (c *Client) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, network, addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// open dials and makes cancellation of ctx end what is going on at the connection.
func (c *Client) open(ctx context.Context, network, addr string) (conn net.Conn, done func(), err error) {
	dialCtx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	if conn, err = c.dial(dialCtx, network, addr); err != nil {
		return nil, nil, err
	}
	if c.Transport == TLS {
		config := c.TLS.Clone()
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if config.ServerName == "" && !config.InsecureSkipVerify {
			if config.ServerName, _, err = net.SplitHostPort(addr); err != nil {
				config.ServerName = addr
			}
		}
		if len(config.NextProtos) == 0 {
			config.NextProtos = []string{"dot"}
		}
		secured := tls.Client(conn, config)
		if err = secured.HandshakeContext(dialCtx); err != nil {
			_ = conn.Close()
			return nil, nil, err
		}
		conn = secured
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return conn, func() { stop(); _ = conn.Close() }, nil
}

// overUDP sends a query up to Tries times and waits for the first answer that fits; datagrams
// that do not are ignored, as anybody can send them.
func (c *Client) overUDP(ctx context.Context, addr string, req *Message, raw []byte, s *signer) (*Message, bool, error) {
	conn, done, err := c.open(ctx, "udp", addr)
	if err != nil {
		return nil, false, err
	}
	defer done()
	tries := c.Tries
	if tries <= 0 {
		tries = 2
	}
	if req.Opcode != OpQuery {
		tries = 1
	}
	size := 4096 // servers have sent more than they were allowed to
	if req.EDNS != nil {
		size = max(size, int(req.EDNS.Size))
	}
	buf := make([]byte, size)
	var ignored error
	for try := range tries {
		deadline := time.Now().Add(c.timeout())
		if err := setDeadline(ctx, conn, deadline); err != nil {
			return nil, try > 0, err
		}
		if _, err := conn.Write(raw); err != nil {
			return nil, true, err
		}
		for {
			n, err := conn.Read(buf)
			if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
				break
			}
			if err != nil {
				return nil, true, err
			}
			m, err := accept(req, buf[:n], s)
			if err == nil {
				return m, true, nil
			}
			if e, ok := errors.AsType[*SignatureError](err); ok && e.Remote {
				return nil, true, err
			}
			ignored = err
		}
	}
	if ignored != nil {
		return nil, true, ignored
	}
	return nil, true, os.ErrDeadlineExceeded
}

func setDeadline(ctx context.Context, conn net.Conn, t time.Time) error {
	if err := conn.SetDeadline(t); err != nil {
		return err
	}
	return ctx.Err() // after, so that a cancellation in between is not overwritten unseen
}

// overStream exchanges one message over TCP or TLS.
func (c *Client) overStream(ctx context.Context, addr string, req *Message, raw []byte, s *signer) (*Message, bool, error) {
	conn, done, err := c.open(ctx, "tcp", addr)
	if err != nil {
		return nil, false, err
	}
	defer done()
	if err := setDeadline(ctx, conn, time.Now().Add(c.timeout())); err != nil {
		return nil, false, err
	}
	if sent, err := writeFrame(conn, raw); err != nil {
		return nil, sent || c.Transport == TLS, err
	}
	answer, err := readFrame(conn)
	if err != nil {
		return nil, true, err
	}
	m, err := accept(req, answer, s)
	return m, true, err
}

// writeFrame sends a message with its length in front, in one piece. A server acts only on whole
// messages: as long as the last octet was not handed over, nothing was asked.
func writeFrame(w io.Writer, raw []byte) (sent bool, err error) {
	frame := binary.BigEndian.AppendUint16(make([]byte, 0, len(raw)+2), uint16(len(raw)))
	frame = append(frame, raw...)
	n, err := w.Write(frame)
	return n == len(frame), err
}

var errClosed = errors.New("the server closed the connection without an answer")

func readFrame(r io.Reader) ([]byte, error) {
	var length [2]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errClosed
		}
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if n, err := io.ReadFull(r, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("the server closed the connection after %d of %d octets", n, len(b))
		}
		return nil, err
	}
	return b, nil
}

// overHTTPS exchanges one message by POST (RFC 8484, section 4.1).
func (c *Client) overHTTPS(ctx context.Context, url string, req *Message, raw []byte, s *signer) (*Message, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(raw))
	if err != nil {
		return nil, false, err
	}
	const media = "application/dns-message"
	r.Header.Set("Content-Type", media)
	r.Header.Set("Accept", media)
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, true, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, true, fmt.Errorf("%w: HTTP status %s", ErrMalformed, resp.Status)
	}
	if got, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); got != media {
		return nil, true, fmt.Errorf("%w: content type %q, not %s", ErrMalformed, resp.Header.Get("Content-Type"), media)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, MaxSize+1))
	if err != nil {
		return nil, true, err
	}
	m, err := accept(req, answer, s)
	return m, true, err
}
