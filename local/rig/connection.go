package rig

import (
	"io"
	"net"
	"net/http"
	"testing"
)

// HangUp ends the connection without an answer: in an orderly way, or with a reset.
func HangUp(reset bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn := takeOver(w)
		if tcp, ok := conn.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
}

// Raw answers with something that need not be HTTP.
func Raw(answer func(*http.Request) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn := takeOver(w)
		_, _ = io.WriteString(conn, answer(r))
		_ = conn.Close()
	}
}

// takeOver takes the connection away from the server.
func takeOver(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	return conn
}

// Hang never answers. It reads first: only then does the server see that the client has gone.
func Hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// Nowhere is an address of loopback where nobody listens, as http://host:port.
func Nowhere(tb testing.TB) string {
	tb.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	_ = listener.Close()
	return "http://" + listener.Addr().String()
}
