module observer.test/verifier

go 1.21
