//! HTTP/1 and HTTP/2 requests in the clear, without their secrets.
