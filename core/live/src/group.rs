//! Which container and pod a control group belongs to, by the names that kubelet and the container runtimes give: systemd
//! and cgroupfs drivers, both versions, containerd, CRI-O, Docker and Podman. Pure; a name that fits nothing tells nothing.

/// Hexadecimal digits of a container's id.
const CONTAINER_DIGITS: usize = 64;
/// Of the hash that names a pod from a manifest file.
const STATIC_POD_DIGITS: usize = 32;
/// The runtime's own process beside a container, not in it: `crio-conmon-<id>`, `libpod-conmon-<id>`.
const MONITOR: &str = "-conmon-";

/// The container and the pod of a control group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// The container's id.
    pub container_id: Option<String>,
    /// The pod's uid; of a static pod the hash of its manifest.
    pub pod_uid: Option<String>,
}

/// Reads the names of a control group and its parents, innermost first. Of pods within pods the innermost counts, and of
/// containers within a pod the one that the pod names.
pub fn membership(names: &[&str]) -> Membership {
    let found = (0..names.len()).find_map(|at| {
        let (name, outer) = names.get(at..)?.split_first()?;
        pod(name, outer).map(|uid| (at, uid))
    });
    let Some((at, uid)) = found else {
        return Membership { container_id: names.iter().find_map(|name| container(name)), pod_uid: None };
    };
    let inside = names.get(..at).unwrap_or_default();
    let own = names.get(at).and_then(|name| name.contains(':').then(|| container(name)).flatten());
    let container_id = own.or_else(|| inside.iter().rev().find_map(|name| container(name)));
    Membership { container_id, pod_uid: Some(uid) }
}

/// `kubepods-burstable-pod<uid>.slice` of systemd, `pod<uid>` under `kubepods` of cgroupfs.
fn pod(name: &str, outer: &[&str]) -> Option<String> {
    // A runtime that takes a systemd slice for the name of a folder appends its own after a colon.
    let name = name.split(':').next()?;
    if let Some(slice) = name.strip_suffix(".slice") {
        let (group, uid) = slice.rsplit_once("-pod")?;
        return (group.contains("kubepods")).then(|| uid.replace('_', "-")).filter(|uid| is_pod_uid(uid));
    }
    let uid = name.strip_prefix("pod")?;
    (outer.iter().any(|name| name.contains("kubepods")) && is_pod_uid(uid)).then(|| uid.to_owned())
}

/// `cri-containerd-<id>.scope`, `crio-<id>.scope`, `docker-<id>.scope`, `libpod-<id>.scope`, `crio-<id>`, `<id>`.
fn container(name: &str) -> Option<String> {
    let name = name.strip_suffix(".scope").unwrap_or(name);
    if name.contains(MONITOR) {
        return None;
    }
    let id = name.rsplit(['-', ':']).next()?;
    is_hexadecimal(id, CONTAINER_DIGITS).then(|| id.to_owned())
}

/// A UUID, or the hash of a static pod.
fn is_pod_uid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    let digits = text.replace('-', "");
    is_hexadecimal(&digits, STATIC_POD_DIGITS) && (lengths == [8, 4, 4, 4, 12] || lengths == [STATIC_POD_DIGITS])
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "3f1c2b7a9d8e4f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8";
    const OTHER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const UID: &str = "0f1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8";
    const SLICE_UID: &str = "0f1a2b3c_4d5e_6f70_8192_a3b4c5d6e7f8";
    const HASH: &str = "9a0b1c2d3e4f5061728394a5b6c7d8e9";

    /// Container and pod of a path as `/proc/PID/cgroup` shows it.
    fn of(path: &str) -> (Option<String>, Option<String>) {
        let path = path.replace("SUID", SLICE_UID).replace("UID", UID);
        let path = path.replace("OTHER", OTHER).replace("ID", ID).replace("HASH", HASH);
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).rev().collect();
        let Membership { container_id, pod_uid } = membership(&names);
        (container_id, pod_uid)
    }

    fn both(path: &str) {
        assert_eq!(of(path), (Some(ID.to_owned()), Some(UID.to_owned())), "{path}");
    }

    #[test]
    fn systemd_slices_name_pod_and_container() {
        both("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSUID.slice/cri-containerd-ID.scope");
        both("/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podSUID.slice/crio-ID.scope");
        both("/kubepods.slice/kubepods-podSUID.slice/docker-ID.scope");
        both("/kubepods.slice/kubepods-podSUID.slice/libpod-ID.scope");
        both("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podSUID.slice/crio-ID.scope/container");
    }

    #[test]
    fn folders_of_the_cgroupfs_driver_name_them_too() {
        both("/kubepods/burstable/podUID/ID");
        both("/kubepods/besteffort/podUID/ID");
        both("/kubepods/podUID/ID");
        both("/kubepods/burstable/podUID/crio-ID");
        both("/k8s.io/kubepods/burstable/podUID/ID");
    }

    #[test]
    fn a_slice_taken_for_the_name_of_a_folder_is_understood() {
        both("/system.slice/containerd.service/kubepods-burstable-podSUID.slice:cri-containerd:ID");
        both("/kubepods-besteffort-podSUID.slice:cri-containerd:ID");
    }

    #[test]
    fn a_container_that_runs_an_init_system_keeps_its_id() {
        both("/kubepods.slice/kubepods-podSUID.slice/cri-containerd-ID.scope/system.slice/nginx.service");
        both("/kubepods/podUID/ID/init.scope");
    }

    #[test]
    fn a_node_in_a_container_has_pods_of_its_own() {
        let kind =
            "/system.slice/docker-OTHER.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice";
        both(&format!("{kind}/kubelet-kubepods-burstable-podSUID.slice/cri-containerd-ID.scope"));
        both("/docker/OTHER/kubelet/kubepods/burstable/podUID/ID");
    }

    #[test]
    fn a_container_inside_a_pods_container_does_not_stand_for_it() {
        both("/kubepods/burstable/podUID/ID/docker/OTHER");
    }

    #[test]
    fn a_static_pod_is_named_by_its_hash() {
        let expected = (Some(ID.to_owned()), Some(HASH.to_owned()));
        assert_eq!(of("/kubepods/burstable/podHASH/ID"), expected);
        assert_eq!(
            of("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podHASH.slice/crio-ID.scope"),
            expected
        );
    }

    #[test]
    fn a_container_without_a_pod_is_only_a_container() {
        let expected = (Some(ID.to_owned()), None);
        assert_eq!(of("/system.slice/docker-ID.scope"), expected);
        assert_eq!(of("/docker/ID"), expected);
        assert_eq!(of("/machine.slice/libpod-ID.scope/container"), expected);
        assert_eq!(of("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope"), expected);
    }

    #[test]
    fn the_runtimes_own_monitor_is_in_the_pod_but_in_no_container() {
        let path = "/kubepods.slice/kubepods-podSUID.slice/crio-conmon-ID.scope";
        assert_eq!(of(path), (None, Some(UID.to_owned())));
    }

    #[test]
    fn services_and_lookalikes_of_the_host_are_neither() {
        for path in [
            "/",
            "/system.slice/kubelet.service",
            "/system.slice/containerd.service",
            "/runtime.slice/crio.service",
            "/user.slice/user-0.slice/session-3.scope",
            "/kubepods.slice/kubepods-burstable.slice",
            "/kubepods/burstable/podsmith",
            "/system.slice/podUID",
            "/system.slice/my-podSUID.slice",
            "/process_api/990c4e4439467a359041a4f58dcb59c7",
        ] {
            assert_eq!(of(path), (None, None), "{path}");
        }
    }
}
