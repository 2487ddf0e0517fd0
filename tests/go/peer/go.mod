module observer.test/peer

go 1.21
