// Command peer is a TLS server, a TLS client, or an intercepting proxy between the two, for tests in namespaces.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"flag"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"os"
	"time"
)

var (
	listen      = flag.String("listen", "", "address to serve on")
	upstream    = flag.String("upstream", "", "intercept: pass on to this server, showing certificates of an own authority")
	dial        = flag.String("dial", "", "address to send a request to")
	from        = flag.String("from", "", "the client's own address")
	certificate = flag.String("cert", "", "certificate chain (PEM)")
	key         = flag.String("key", "", "private key (PEM)")
	authority   = flag.String("ca", "", "authorities that the client trusts (PEM); none: it verifies nothing")
	serverName  = flag.String("name", "", "the client's server name")
	mutual      = flag.Bool("mutual", false, "the server asks for a client certificate and insists on it")
	version     = flag.String("version", "1.3", "the only TLS version")
)

func main() {
	flag.Parse()
	switch {
	case *upstream != "":
		intercept()
	case *listen != "":
		serve()
	default:
		get()
	}
}

func versions() (uint16, uint16) {
	if *version == "1.2" {
		return tls.VersionTLS12, tls.VersionTLS12
	}
	return tls.VersionTLS13, tls.VersionTLS13
}

func configuration() *tls.Config {
	low, high := versions()
	return &tls.Config{MinVersion: low, MaxVersion: high}
}

func serve() {
	config := configuration()
	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	check(err)
	config.Certificates = []tls.Certificate{pair}
	if *mutual {
		config.ClientAuth = tls.RequireAnyClientCert
	}
	listener, err := tls.Listen("tcp", *listen, config)
	check(err)
	fmt.Println("ready")
	for {
		client, err := listener.Accept()
		check(err)
		go answer(client)
	}
}

// answer takes a request of up to one read and sends the same to everybody.
func answer(client net.Conn) {
	defer client.Close()
	if _, err := client.Read(make([]byte, 4096)); err == nil {
		fmt.Fprint(client, "HTTP/1.0 200 OK\r\n\r\nhello\n")
	}
}

func get() {
	config := configuration()
	config.ServerName = *serverName
	config.InsecureSkipVerify = *authority == ""
	if *authority != "" {
		pem, err := os.ReadFile(*authority)
		check(err)
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(*from)}}
	connection, err := tls.DialWithDialer(dialer, "tcp", *dial, config)
	check(err)
	defer connection.Close()
	fmt.Fprintf(connection, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", *dial)
	answer, err := io.ReadAll(connection)
	check(err)
	fmt.Print(string(answer))
}

// intercept ends the client's TLS with a certificate made up on the spot and opens another one to the real server.
func intercept() {
	made := forge()
	config := configuration()
	config.Certificates = []tls.Certificate{made}
	listener, err := tls.Listen("tcp", *listen, config)
	check(err)
	fmt.Println("ready")
	for {
		client, err := listener.Accept()
		check(err)
		go pass(client)
	}
}

func pass(client net.Conn) {
	defer client.Close()
	server, err := tls.Dial("tcp", *upstream, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		log.Print(err)
		return
	}
	defer server.Close()
	go io.Copy(server, client)
	io.Copy(client, server)
}

func forge() tls.Certificate {
	root, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	now := time.Now()
	above := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "intercepting-proxy"}, IsCA: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), BasicConstraintsValid: true,
	}
	host, _, err := net.SplitHostPort(*listen)
	check(err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "node1"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IPAddresses: []net.IP{net.ParseIP(host)},
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, above, &own.PublicKey, root)
	check(err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: own}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
