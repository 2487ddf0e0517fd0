// Command verifier says of certificate chains, read as JSON, whether Go's own verifier accepts them.
package main

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"log"
	"os"
	"time"
)

type question struct {
	Chain [][]byte
	Roots [][]byte
	Name  string
	Time  int64
}

var reasons = map[x509.InvalidReason]string{
	x509.NotAuthorizedToSign:           "not authorized to sign",
	x509.Expired:                       "expired or not yet valid",
	x509.CANotAuthorizedForThisName:    "authority not for this name",
	x509.TooManyIntermediates:          "too many intermediates",
	x509.IncompatibleUsage:             "incompatible key usage",
	x509.NameMismatch:                  "issuer's name does not match",
	x509.UnconstrainedName:             "unconstrained name",
	x509.TooManyConstraints:            "too many constraints",
	x509.CANotAuthorizedForExtKeyUsage: "authority not for this key usage",
}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		log.Fatal(err)
	}
	answers := make([]string, len(questions))
	for index, one := range questions {
		answers[index] = answer(one)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		log.Fatal(err)
	}
}

// answer is empty where the chain is accepted.
func answer(one question) string {
	options := x509.VerifyOptions{
		DNSName: one.Name, CurrentTime: time.Unix(one.Time, 0), Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
	}
	for _, der := range one.Roots {
		if root, err := x509.ParseCertificate(der); err == nil {
			options.Roots.AddCert(root)
		}
	}
	leaf, err := x509.ParseCertificate(one.Chain[0])
	if err != nil {
		return "cannot be parsed"
	}
	for _, der := range one.Chain[1:] {
		if shown, err := x509.ParseCertificate(der); err == nil {
			options.Intermediates.AddCert(shown)
		}
	}
	_, err = leaf.Verify(options)
	return word(err)
}

func word(err error) string {
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &invalid):
		return reasons[invalid.Reason]
	case errors.As(err, new(x509.HostnameError)):
		return "name"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "unknown authority"
	case errors.As(err, new(x509.UnhandledCriticalExtension)):
		return "unhandled critical extension"
	}
	return err.Error()
}
