//! Which of the API server's proxies an `X-Forwarded-Uri` names.

use super::facts::Forwarded;

/// The kind of a forwarded URI; names may carry `http:` or `https:` and a port, as the API allows.
pub(super) fn kind(uri: &[u8]) -> Forwarded {
    let path = uri.split(|&byte| byte == b'?').next().unwrap_or_default();
    let Some(resource) = path.strip_prefix(b"/api/v1/") else { return Forwarded::Other };
    let mut segments = resource.split(|&byte| byte == b'/').map(|segment| (!segment.is_empty()).then_some(segment));
    let mut next = || segments.next().flatten();
    match (next(), next(), next(), next(), next()) {
        (Some(b"nodes"), Some(_), Some(b"proxy"), ..) => Forwarded::Node,
        (Some(b"namespaces"), Some(_), Some(b"pods"), Some(_), Some(b"proxy")) => Forwarded::Pod,
        (Some(b"namespaces"), Some(_), Some(b"services"), Some(_), Some(b"proxy")) => Forwarded::Service,
        _ => Forwarded::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_proxy_is_told_by_its_path() {
        assert_eq!(kind(b"/api/v1/nodes/http:node1:8080/proxy/m2"), Forwarded::Node);
        assert_eq!(kind(b"/api/v1/nodes/node1/proxy"), Forwarded::Node);
        assert_eq!(kind(b"/api/v1/namespaces/default/pods/https:web:8443/proxy/?a=b"), Forwarded::Pod);
        assert_eq!(kind(b"/api/v1/namespaces/default/services/web:http/proxy/svc0"), Forwarded::Service);
    }

    #[test]
    fn anything_else_is_other() {
        for uri in
            ["", "/", "/api/v1/nodes/a/proxyx", "/api/v1/nodes//proxy", "/api/v1/namespaces/d/pods/web/log", "/x"]
        {
            assert_eq!(kind(uri.as_bytes()), Forwarded::Other, "{uri}");
        }
    }
}
