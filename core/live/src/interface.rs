//! The indices of interfaces by their names.

use std::ffi::CString;

/// The index of an interface of this network namespace.
pub fn index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` is a live string that ends with a zero byte.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_the_first_of_its_namespace() {
        assert_eq!(index("lo"), Some(1));
        assert_eq!(index("no such interface"), None);
    }
}
